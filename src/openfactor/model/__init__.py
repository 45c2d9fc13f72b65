"""Exposures become a risk model: estimates, one date at a time, forecasts over time, and frames of both."""

from openfactor.model.diagnostics import diagnose
from openfactor.model.estimation import Estimates, estimate
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts import factor_covariance, forecast_of, warn_of_newest_day
from openfactor.model.frames import frame

__all__ = [
    "Estimates",
    "FittedModel",
    "diagnose",
    "estimate",
    "factor_covariance",
    "forecast_of",
    "frame",
    "warn_of_newest_day",
]
