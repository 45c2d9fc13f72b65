"""How good a model is: its regressions, its factors, and its forecasts against what happened next."""

from openfactor.model.diagnostics.diagnostics import Diagnostics
from openfactor.model.diagnostics.walkforward import CrossSection, WalkForward, walk_forward

__all__ = ["CrossSection", "Diagnostics", "WalkForward", "walk_forward"]
