"""Exposures become a risk model: estimation, one date at a time, and forecasts, over time."""

from openfactor.model.estimation import Estimates, estimate
from openfactor.model.forecasts import factor_covariance
from openfactor.model.riskforecast import RiskForecast
from openfactor.model.riskmodel import RiskModel

__all__ = ["Estimates", "RiskForecast", "RiskModel", "estimate", "factor_covariance"]
