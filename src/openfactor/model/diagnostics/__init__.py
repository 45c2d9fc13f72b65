"""How good a model is: its regressions, its factors, and its forecasts against what happened next."""

from openfactor.model.diagnostics.diagnose import diagnose
from openfactor.model.diagnostics.diagnostics import Diagnostics

__all__ = ["Diagnostics", "diagnose"]
