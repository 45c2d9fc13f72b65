"""Estimates become forecasts of risk: over time, for every date or for one."""

from openfactor.model.forecasts.covariance import factor_covariances
from openfactor.model.forecasts.forecast import RiskForecast
from openfactor.model.forecasts.from_frame import factor_covariance

__all__ = ["RiskForecast", "factor_covariance", "factor_covariances"]
