"""Estimates become forecasts of risk over time, of all dates or of one."""

from openfactor.model.forecasts.covariance import factor_covariances
from openfactor.model.forecasts.forecast import ModelForecast, forecast_of, warn_of_newest_day
from openfactor.model.forecasts.from_frame import factor_covariance

__all__ = ["ModelForecast", "factor_covariance", "factor_covariances", "forecast_of", "warn_of_newest_day"]
