"""Specific variances from each listing's own returns, with the state of the last day kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.factor_history import ENOUGH_DAYS
from openfactor.numerics.specific_variance import (
    Bounds,
    Regime,
    Smoothing,
    Span,
    SpecificReturns,
    VarianceRows,
    specific_variances,
    start_state,
)
from openfactor.settings.forecasts import IdioVolSettings

Float = NDArray[np.float64]
EXACT = 1e-9
"""Specific returns below this share of the day's largest factor return are rounding: the name was fitted
exactly, as the only one of its category is."""
ROWS_FOR_THREADS = 100_000
"""Rows of the panel from which threads are worth starting."""


class VariancesAsKnown(NamedTuple):
    """Variances of n rows of the panel in a row, as known on the day of each."""

    first_row: int
    """Row of the panel at which the arrays begin."""
    variance: Float
    """(n,) per trading period; NaN where there is none, and on days that are no trading days."""
    history: NDArray[np.int32]
    """(n,) returns that each rests on."""


class OwnVariances:
    """Specific variances per trading period from each listing's own returns.

    Days are read once, in order: a date after the last one that was read costs the days between.

    Parameters
    ----------
    fitted
        The model with the specific returns.
    settings
        How returns count.
    regime
        Whether the squared bias of each day's cross-section is measured on the way; see `bias`.
    """

    def __init__(self, fitted: FittedModel, settings: IdioVolSettings, *, regime: bool) -> None:
        self.rows = counted_returns(fitted)
        self.smoothing = Smoothing.of(
            settings.halflife, settings.nw_lags,
            settings.nw_lags_halflife_override or settings.halflife, *void_and_clip_bounds(settings),
        )  # fmt: skip
        self._regime_from = ENOUGH_DAYS if regime else -1
        self._n_listings = fitted.dataset.identifiers.n_listings
        self._lock = Lock()
        self._restart()

    def _restart(self) -> None:
        self._state = start_state(self._n_listings, len(self.smoothing.lag_weights))
        self._next = 0
        self._bias = np.zeros((len(self.rows.trading_days), 2))

    def as_known(self, first: int, last: int, context: Context) -> VariancesAsKnown:
        """The variances of the rows of trading days `first` to `last`, both included, as known on each.

        Raises
        ------
        CancelledError
            The request was cancelled.
        """
        offsets, days = self.rows.offsets, self.rows.trading_days
        start = int(offsets[days[first]]) if first else 0
        stop = int(offsets[days[last] + 1])
        variance, history = np.full(stop - start, np.nan), np.zeros(stop - start, np.int32)
        with self._lock:
            if first < self._next - 1:  # the state of the last day that was read still has its variances
                self._restart()
            self._read(last + 1, VarianceRows(first, start, variance, history), context)
        return VariancesAsKnown(start, variance, history)

    def bias(self, last: int, context: Context) -> Float:
        """(last + 1,) squared bias B_t^2 of each trading day up to `last`: the cap-weighted mean of squared
        returns over the variances known before; NaN where there is none.

        Raises
        ------
        CancelledError
            The request was cancelled.
        """
        with self._lock:
            nowhere = VarianceRows(last + 1, 0, np.zeros(0), np.zeros(0, np.int32))
            self._read(last + 1, nowhere, context)
            total, weight = self._bias[: last + 1].T.copy()
        return np.asarray(np.divide(total, weight, out=np.full(last + 1, np.nan), where=weight > 0))

    def fitted_exactly(self, specific_return: Float, t: int) -> int:
        """Number of specific returns of trading day `t` that do not count, because they are no residuals."""
        if t == 0:
            return 0
        rows = slice(*self.rows.offsets[self.rows.trading_days[t - 1] + np.arange(2)].tolist())
        counted = np.abs(self.rows.returns[rows]) > self.rows.rounding[t]
        return int((np.isfinite(specific_return[rows]) & ~counted).sum())

    def _read(self, stop: int, out: VarianceRows, context: Context) -> None:
        """Read the days from the next one to before `stop`."""
        context.check()
        rows, first = self.rows, min(self._next, out.first_day)
        if stop <= first:
            return
        days, offsets = rows.trading_days, rows.offsets
        n_rows = offsets[days[stop - 1] + 1] - offsets[days[max(first - 1, 0)]]
        # a cross-section is summed up in one order, whatever the number of threads
        is_alone = self._regime_from >= 0 or n_rows < ROWS_FOR_THREADS
        bounds = np.linspace(0, self._n_listings, (1 if is_alone else context.threads) + 1).astype(int)
        span, regime = Span(first, self._next, stop), Regime(self._regime_from, self._bias)

        def read(listings: tuple[int, int]) -> None:
            specific_variances(rows, self.smoothing, self._state, span, listings, regime, out)

        try:
            with ThreadPoolExecutor(context.threads) as pool:
                list(pool.map(read, [(int(a), int(b)) for a, b in pairwise(bounds)]))
        except BaseException:  # the state of some listings is ahead of that of others
            self._restart()
            raise
        self._next = max(stop, self._next)


def counted_returns(fitted: FittedModel) -> SpecificReturns:
    """The specific returns of a model that measure risk: over gaps without the factors' returns of the days
    in between, and without those that regressions without degrees of freedom fitted exactly.
    """
    e, panel = fitted.estimates, fitted.dataset.panel
    returns, is_exact = fitted.specific_over_gaps, (e.n > 0) & (e.n <= e.rank)
    if is_exact.any():
        returns = returns.copy()
    for s, t in np.argwhere(is_exact).tolist():
        rows = fitted.rows_on(t - 1)
        returns[rows] = np.where(e.weight[s][rows] > 0, np.nan, returns[rows])
    return SpecificReturns(
        offsets=panel.offsets,
        listing=panel.listing,
        returns=returns,
        covered=e.covered,
        market_cap=panel.market_cap,
        is_main_listing=panel.is_main_listing,
        trading_days=fitted.days,
        rounding=EXACT * np.abs(e.factor_returns).max(axis=1, initial=0.0),
    )


def void_and_clip_bounds(settings: IdioVolSettings) -> tuple[Bounds, Bounds]:
    """Bounds on a day's return outside of which it does not count, and to which it is clipped."""

    def bounds(lower: float | None, upper: float | None) -> Bounds:
        return (-np.inf if lower is None else lower, np.inf if upper is None else upper)

    return bounds(settings.void_lb, settings.void_ub), bounds(settings.clip_lb, settings.clip_ub)
