"""The frame of what was done to a forecast."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.contract.refs import FrameQuery
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.forecast import ModelForecast, forecast_of
from openfactor.model.frames.kind import FrameKind


def _status(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    forecast = forecast_of(fitted, query.forecast)
    days = forecast.days_between(query.start, query.end)
    covariances, factors = forecast.covariances(days), np.array(fitted.estimates.factors)
    returns, history = fitted.estimates.specific_return, forecast.own_history
    has_regime = forecast.halflife_idio_vra is not None

    def named(mask: NDArray[np.bool_]) -> pl.Series:
        """The factors of each row of a mask (D, K)."""
        return pl.Series([factors[row].tolist() for row in mask], dtype=pl.List(pl.String))

    return pl.DataFrame(
        {
            "date": pl.Series(forecast.dates_of(days), dtype=pl.Date),
            "factor_regime": covariances.regime,
            "specific_regime": forecast.specific(days).regime[days] if has_regime else np.ones(len(days)),
            "repaired_volatilities": named(covariances.repaired_vol),
            "repaired_correlations": covariances.repaired_cor,
            "eigenfactors_adjusted": covariances.eigen_adjusted,
            "prior_volatilities": named(covariances.prior),
            "fitted_exactly": [history.fitted_exactly(returns, t) for t in days.tolist()],
            "structural_volatilities": _has_structural(forecast, days),
        }
    )


def _has_structural(forecast: ModelForecast, days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(D,) days on which any asset has a structural volatility."""
    risk = forecast.specific(days) if forecast.settings.structural is not None else None
    if risk is None or risk.structural is None:
        return np.zeros(len(days), np.bool_)
    places = [risk.at(forecast.fitted.rows_on(t)) for t in days]
    return np.array([np.isfinite(risk.structural[rows]).any() for rows in places], np.bool_)


FRAMES = {"forecast_status": FrameKind(_status, ("forecast",), None)}
