"""Brings a model and its forecasts together with what happened next, as tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.contract.refs import DiagnosticsQuery
from openfactor.dataset.calendar import within
from openfactor.errors import DataError, Fault
from openfactor.model.diagnostics.forecast_quality import forecast_tables, summary
from openfactor.model.diagnostics.portfolios import PortfolioDraws
from openfactor.model.diagnostics.regression_tables import regression_tables
from openfactor.model.diagnostics.snapshots import snapshots
from openfactor.model.diagnostics.walk_forward import walk_forward
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.forecast import forecast_of


def diagnose(fitted: FittedModel, query: DiagnosticsQuery) -> dict[str, pl.DataFrame]:
    """How good the regressions, the factors and the forecasts of a model are.

    Every table is about the trading days from `query.start` to `query.end`, both included. Test portfolios
    are held on each of them but the last for the next one; their returns are compared with the forecast,
    which does not know them. z is such a return over its forecast volatility.

    Returns
    -------
    Tables by name:

    * `dates`: the regression of each date, first stage. date, status, solver, n, rank, r2, condition,
      thin_categories and factors_without_exposure (how many), max_vif
    * `factors`: each factor over time. factor; days with an estimate; mean_return and volatility, annual
      fractions; sharpe, their ratio; significant, the share of days with |t| > 2; mean_abs_t; mean_vif and
      max_vif; stability, the correlation of its exposures with those of a month before
    * `factor_returns`: date and one column per factor; per trading period, fractions
    * `test_portfolios`: forecast quality of each. kind, portfolio, days, bias (standard deviation of z), band
      (half-width sqrt(2 / days) about 1), exceedance_rate (share of days with |z| > 1.96), mrad, qlike; null
      with too few days
    * `kinds`: the same, averaged over the portfolios of a kind, and for single names. kind, portfolios (how
      many), bias, in_band (share of portfolios whose bias is within its band), exceedance_rate, mrad, qlike.
      "all" has the portfolios that do not know the forecast: all but minimum-variance and optimised ones
    * `name_deciles`: single names by decile of their forecast volatility, 1 the lowest. decile, returns (how
      many; those of exactly zero are left out), bias, exceedance_rate, qlike
    * `standardized`: date, that of the return, and z of each test portfolio in a column of its name
    * `rolling_bias`: date, and the bias of each over the `query.window` values of z that end on it
    * `summary`: one row. mean_r2; bias, exceedance_rate, mrad and qlike of all portfolios that do not know
      the forecast; random_bias, minimum_variance_bias, optimised_bias

    The test portfolios are: each factor; all names by cap, and equally; `query.n_portfolios` random ones,
    long a tenth of the names with exponential weights; as many long and short with normal weights; those of
    least variance, fully invested, of all names and of half as many random halves of them; and half as many
    of least variance for random expected returns.

    Raises
    ------
    DataError
        No day is left to hold portfolios on.
    CancelledError
        The request was cancelled.
    """
    year = max(round(fitted.periods_per_year), 2)
    span = _span(fitted, query, year)
    draws = PortfolioDraws.of(query.n_portfolios, fitted.dataset.identifiers.n_listings, query.seed)
    forecast, estimates = forecast_of(fitted, query.forecast), fitted.estimates
    snapshot = snapshots(fitted, forecast, span.days)
    forward = walk_forward(snapshot, estimates.dates, span.days, estimates.factors, draws, fitted.context)
    tables = regression_tables(fitted, span.period) | forecast_tables(forward, query.window or year)
    return tables | {"summary": summary(tables)}


class _Span(NamedTuple):
    """What diagnostics are about."""

    period: NDArray[np.bool_]
    """(T,) trading days of the tables."""
    days: NDArray[np.int64]
    """Trading days to hold portfolios on, each with a regression on the next."""


def _span(fitted: FittedModel, query: DiagnosticsQuery, year: int) -> _Span:
    """The days of a query; `year` is the default burn-in."""
    e, burn_in = fitted.estimates, year if query.burn_in is None else query.burn_in
    n_regressions = np.cumsum(e.estimated)
    period = np.array([within(date, query.start, query.end) for date in e.dates], np.bool_)
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
