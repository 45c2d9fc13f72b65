"""Brings a model and its forecasts together with what happened next, as tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.contract.refs import DiagnosticsQuery
from openfactor.errors import DataError, Fault
from openfactor.model.diagnostics.forecast_quality import forecast_tables, summary
from openfactor.model.diagnostics.regression_tables import regression_tables
from openfactor.model.diagnostics.walkforward import Snapshot, walk_forward
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.forecast import forecast_of


def diagnose(fitted: FittedModel, query: DiagnosticsQuery) -> dict[str, pl.DataFrame]:
    """How good the regressions, the factors and the forecasts of a model are.

    Every table is about the trading days from `query.start` to `query.end`, both included. Books are held on
    each of them but the last for the next one; their returns are compared with the forecast, which does not
    know them. z is such a return over its forecast volatility.

    Returns
    -------
    Tables by name:

    * `dates`: the regression of each date, first stage. date, status, solver, n, rank, r2, condition,
      thin_categories and factors_without_exposure (how many), max_vif
    * `factors`: each factor over time. factor; days with an estimate; mean_return and volatility, annual
      fractions; sharpe, their ratio; significant, the share of days with |t| > 2; mean_abs_t; mean_vif and
      max_vif; stability, the correlation of its exposures with those of a month before
    * `factor_returns`: date and one column per factor; per trading period, fractions
    * `books`: forecast quality of each book. kind, book, days, bias (standard deviation of z), band
      (half-width sqrt(2 / days) about 1), beyond_1_96 (share of days with |z| above), mrad, qlike; null with
      too few days
    * `kinds`: the same, averaged over the books of a kind, and for single names. kind, books (how many),
      bias, in_band (share of books whose bias is within its band), beyond_1_96, mrad, qlike. "all" has the
      books that do not know the forecast: all but minimum-variance and optimised ones
    * `name_deciles`: single names by decile of their forecast volatility, 1 the lowest. decile, returns (how
      many; those of exactly zero are left out), bias, beyond_1_96, qlike
    * `standardized`: date, that of the return, and z of each book in a column of its name
    * `rolling_bias`: date, and the bias of each book over the `query.window` values of z that end on it
    * `summary`: one row. mean_r2; bias, beyond_1_96, mrad and qlike of all books that do not know the
      forecast; random_bias, minimum_variance_bias, optimised_bias

    Raises
    ------
    DataError: no day is left to hold books on. CancelledError: the request was cancelled.
    """
    year = max(round(fitted.periods_per_year), 2)
    span = _span(fitted, query, year)
    forward = walk_forward(
        _snapshots(fitted, query, span.days), fitted.estimates.dates, span.days, fitted.estimates.factors,
        fitted.dataset.identifiers.n_listings, n_books=query.n_books, seed=query.seed, context=fitted.context,
    )  # fmt: skip
    tables = regression_tables(fitted, span.period) | forecast_tables(forward, query.window or year)
    return tables | {"summary": summary(tables)}


class _Span(NamedTuple):
    """What diagnostics are about."""

    period: NDArray[np.bool_]
    """(T,) trading days of the tables."""
    days: NDArray[np.int64]
    """Trading days to hold books on, each with a regression on the next."""


def _span(fitted: FittedModel, query: DiagnosticsQuery, year: int) -> _Span:
    """The days of a query; `year` is the default burn-in."""
    e, burn_in = fitted.estimates, year if query.burn_in is None else query.burn_in
    n_regressions = np.cumsum(e.estimated)
    period = np.array(
        [(query.start is None or query.start <= date) and (query.end is None or date <= query.end)
         for date in e.dates],
        np.bool_,
    )  # fmt: skip
    is_held = (n_regressions[:-1] >= max(burn_in, 2)) & period[:-1] & period[1:] & e.estimated[1:]
    days = np.flatnonzero(is_held)
    if not len(days):
        problem = (
            f"the model has {n_regressions[-1]} regressions, and the first {burn_in} are the burn-in; lower "
            "it, or widen start and end"
        )
        raise DataError(
            "there is nothing to compare forecasts with:", [Fault("no_days", "diagnostics", problem)]
        )
    return _Span(period, days)


def _snapshots(
    fitted: FittedModel, query: DiagnosticsQuery, days: NDArray[np.int64]
) -> Callable[[int], Snapshot]:
    """Gives what is known of the estimation universe on one of the days, and what comes next."""
    e, panel, forecast = fitted.estimates, fitted.dataset.panel, forecast_of(fitted, query.forecast)
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
