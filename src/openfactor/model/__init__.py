"""Exposures become a risk model: estimation, one date at a time, and forecasts, over time."""

from openfactor.model.diagnostics import diagnose
from openfactor.model.estimation import Estimates, estimate
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts import factor_covariance, forecast_of
from openfactor.model.frames import frame
from openfactor.model.riskforecast import RiskForecast
from openfactor.model.riskmodel import RiskModel

__all__ = [
    "Estimates",
    "FittedModel",
    "RiskForecast",
    "RiskModel",
    "diagnose",
    "estimate",
    "factor_covariance",
    "forecast_of",
    "frame",
]
