"""Frames of a forecast by factor: covariances, correlations and volatilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.contract.refs import FrameQuery
from openfactor.exposures.conventions import LongForm
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.forecast import forecast_of
from openfactor.model.frames.kind import FrameKind
from openfactor.model.wide import by_factor, matrix_frame
from openfactor.numerics.shrinkage import correlation_of

Float = NDArray[np.float64]


def _matrices(transform: Callable[[Float], Float], value: str) -> FrameKind:
    """The frame of matrices (D, K, K) made from the covariances of D dates."""

    def build(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
        forecast = forecast_of(fitted, query.forecast)
        days = forecast.days_between(query.start, query.end)
        matrices = transform(forecast.covariances(days).covariance)
        return matrix_frame(forecast.dates_of(days), fitted.estimates.factors, matrices)

    return FrameKind(build, ("forecast",), LongForm(("date", "factor"), "factor_2", value))


def _volatility(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    forecast = forecast_of(fitted, query.forecast)
    days = forecast.days_between(query.start, query.end)
    variance = np.diagonal(forecast.covariances(days).covariance, axis1=1, axis2=2)
    return by_factor(forecast.dates_of(days), fitted.estimates.factors, np.sqrt(variance))


FRAMES = {
    "factor_covariance": _matrices(lambda covariance: covariance, "covariance"),
    "factor_correlation": _matrices(correlation_of, "correlation"),
    "factor_volatility": FrameKind(_volatility, ("forecast",), LongForm(("date",), "factor", "volatility")),
}
