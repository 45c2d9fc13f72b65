"""Brings a model and its forecasts together with what happened next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.calendar import within
from openfactor.errors import DataError, Fault
from openfactor.model.diagnostics.diagnostics import Diagnostics
from openfactor.model.diagnostics.walkforward import Snapshot, walk_forward
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts import ModelForecast
from openfactor.numerics.scores import correlations
from openfactor.progress import counted_days
from openfactor.settings.dates import DateLike

Float = NDArray[np.float64]


def diagnose(
    fitted: FittedModel,
    forecast: ModelForecast,
    *,
    start: DateLike | None,
    end: DateLike | None,
    burn_in: int | None,
    window: int | None,
    n_books: int,
    seed: int,
) -> Diagnostics:
    """See `RiskModel.diagnostics`.

    Raises
    ------
    DataError: no day is left to hold books on.
    """
    e = fitted.estimates
    known = np.cumsum(e.estimated)
    year = max(round(fitted.periods_per_year), 2)
    month = max(round(fitted.periods_per_year / 12), 1)
    burn_in = year if burn_in is None else burn_in
    period = np.array([within(date, start, end) for date in e.dates])
    days = np.array(
        [t for t in range(len(e.dates) - 1)
         if known[t] >= max(burn_in, 2) and period[t] and period[t + 1] and e.estimated[t + 1]],
        np.int64,
    )  # fmt: skip
    if not len(days):
        problem = (
            f"the model has {known[-1]} regressions, and the first {burn_in} are the burn-in; lower it, "
            "or widen start and end"
        )
        raise DataError(
            "there is nothing to compare forecasts with:", [Fault("no_days", "diagnostics", problem)]
        )
    n_listings = fitted.dataset.identifiers.n_listings
    with counted_days("diagnostics", fitted.hide_progress, len(days)) as advance:
        forward = walk_forward(
            _snapshots(fitted, forecast, days), e.dates, days, e.factors, n_listings,
            n_books=n_books, seed=seed, threads=fitted.threads, progress=advance,
        )  # fmt: skip
    stability = _stability(fitted, np.flatnonzero(period)[::month])
    return Diagnostics(
        e, fitted.thin, period, stability, forward, window or year, fitted.periods_per_year, fitted.data
    )


def _snapshots(
    fitted: FittedModel, forecast: ModelForecast, days: NDArray[np.int64]
) -> Callable[[int], Snapshot]:
    """Gives what is known of the estimation universe on one of the days, and what comes next."""
    e, panel = fitted.estimates, fitted.dataset.panel
    covariance, specific = forecast.covariances(days).covariance, forecast.specific(days)
    at = {int(t): d for d, t in enumerate(days)}

    def snapshot(t: int) -> Snapshot:
        rows = fitted.rows_on(t)
        x = fitted.exposures_at(rows)
        variance, cap = specific.variance[specific.at(rows)], panel.market_cap[rows]
        used = fitted.estimation[0][rows] & np.isfinite(x).all(axis=1) & (variance > 0) & (cap > 0)
        return Snapshot(
            listing=panel.listing[rows][used],
            exposures=x[used],
            covariance=covariance[at[t]] / fitted.periods_per_year,
            specific=variance[used],
            cap=cap[used],
            returns=np.nan_to_num(e.asset_return[rows][used]),
            covered=e.covered[rows][used],
            factor_returns=np.where(e.exposed[t + 1], e.factor_returns[t + 1], np.nan),
        )

    return snapshot


def _stability(fitted: FittedModel, days: NDArray[np.int64]) -> Float:
    """(K,) mean over `days` of the correlation of exposures with those of the one before."""
    panel, n_factors = fitted.dataset.panel, len(fitted.estimates.pairs)
    total, count = np.zeros(n_factors), np.zeros(n_factors)
    before: tuple[NDArray[np.int32], Float] | None = None
    for t in days.tolist():
        rows = fitted.rows_on(t)
        inside = fitted.universe[rows] & panel.is_main_listing[rows]
        now = panel.listing[rows][inside], fitted.exposures_at(rows)[inside]
        if before is not None:
            _, i, j = np.intersect1d(before[0], now[0], assume_unique=True, return_indices=True)
            found = correlations(before[1][i], now[1][j])
            total += np.nan_to_num(found)
            count += np.isfinite(found)
        before = now
    return np.asarray(np.divide(total, count, out=np.full(n_factors, np.nan), where=count > 0))
