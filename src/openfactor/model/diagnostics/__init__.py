"""How good a model is: its regressions, its factors, and its forecasts against what happened next."""

from openfactor.model.diagnostics.tables import diagnose

__all__ = ["diagnose"]
