"""What was known of the estimation universe on a date, and what happened next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.forecast import ModelForecast

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Snapshot:
    """The n names of a date's estimation universe with all exposures and a forecast, and their next returns.

    Everything is per trading period, returns as fractions: nothing is annualised.
    """

    listing: NDArray[np.int32]
    """(n,) numbers of the listings."""
    exposures: Float
    """(n, K) on the date."""
    covariance: Float
    """(K, K) of factor returns, as forecast on the date."""
    specific: Float
    """(n,) specific variances as forecast on the date, all above zero."""
    cap: Float
    """(n,) market caps in USD on the date, all above zero."""
    returns: Float
    """(n,) of the next trading day, in the model's currency; 0 where there is none."""
    covered: NDArray[np.int32]
    """(n,) trading days that each of these returns covers: more than 1 after days without a price, 0 where
    there is no return."""
    factor_returns: Float
    """(K,) of the next trading day; NaN where the factor has no exposure."""


def snapshots(
    fitted: FittedModel, forecast: ModelForecast, days: NDArray[np.int64]
) -> Callable[[int], Snapshot]:
    """Gives the snapshot of one of some trading days.

    Parameters
    ----------
    days
        Indices of trading days, ascending, each with a next one.
    """
    e, panel = fitted.estimates, fitted.dataset.panel
    covariance, specific = forecast.covariances(days).covariance, forecast.specific(days)
    position = {int(t): d for d, t in enumerate(days)}

    def snapshot(t: int) -> Snapshot:
        rows = fitted.rows_on(t)
        x = fitted.exposures_at(rows)
        variance, cap = specific.variance[specific.at(rows)], panel.market_cap[rows]
        used = fitted.estimation[0][rows] & np.isfinite(x).all(axis=1) & (variance > 0) & (cap > 0)
        return Snapshot(
            listing=panel.listing[rows][used],
            exposures=x[used],
            covariance=covariance[position[t]] / fitted.periods_per_year,
            specific=variance[used],
            cap=cap[used],
            returns=np.nan_to_num(e.asset_return[rows][used]),
            covered=e.covered[rows][used],
            factor_returns=np.where(e.has_exposure[t + 1], e.factor_returns[t + 1], np.nan),
        )

    return snapshot
