"""Specific variances from each listing's own returns, with the state of the last day kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.correlation import ENOUGH_DAYS
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


class OwnVariances:
    """Daily specific variances of each listing's own history.

    Days are taken in once, in order: a date after the last one that was asked for costs the days between.

    fitted, settings : whose returns, and how they count
    regime : whether cross-sections of standardised returns are measured on the way
    """

    def __init__(self, fitted: FittedModel, settings: IdioVolSettings, *, regime: bool) -> None:
        self.rows = counted_returns(fitted)
        self.how = Smoothing.of(
            settings.halflife, settings.nw_lags,
            settings.nw_lags_halflife_override or settings.halflife, *bounds(settings),
        )  # fmt: skip
        self._regime_from = ENOUGH_DAYS if regime else -1
        self._n_listings = fitted.dataset.identifiers.n_listings
        self._lock = Lock()
        self._restart()

    def _restart(self) -> None:
        self._state = start_state(self._n_listings, len(self.how.lag_weights))
        self._next = 0
        self._bias = np.zeros((len(self.rows.trading_days), 2))

    def between(self, first: int, last: int, context: Context) -> tuple[int, Float, NDArray[np.int32]]:
        """The first row of trading day `first`, and from there on to the last row of trading day `last` the
        variances as known on each day, and the returns that they rest on.
        """
        offsets, days = self.rows.offsets, self.rows.trading_days
        start = int(offsets[days[first]]) if first else 0
        stop = int(offsets[days[last] + 1])
        variance, history = np.full(stop - start, np.nan), np.zeros(stop - start, np.int32)
        with self._lock:
            if first < self._next - 1:  # the state of the last day that was taken in still says its own
                self._restart()
            self._take_in(last + 1, first, start, variance, history, context)
        return start, variance, history

    def bias(self, last: int, context: Context) -> Float:
        """(last + 1,) B_t^2 of each trading day up to `last`: the cap-weighted mean of squared returns over
        the variances known before, NaN where there is none.
        """
        with self._lock:
            none = np.zeros(0), np.zeros(0, np.int32)
            self._take_in(last + 1, last + 1, 0, *none, context)
            total, weight = self._bias[: last + 1].T.copy()
        return np.asarray(np.divide(total, weight, out=np.full(last + 1, np.nan), where=weight > 0))

    def fitted_exactly(self, specific_return: Float, t: int) -> int:
        """Specific returns of trading day `t` that do not count, for they are no residuals."""
        if t == 0:
            return 0
        rows = slice(*self.rows.offsets[self.rows.trading_days[t - 1] + np.arange(2)].tolist())
        counted = np.abs(self.rows.returns[rows]) > self.rows.rounding[t]
        return int((np.isfinite(specific_return[rows]) & ~counted).sum())

    def _take_in(
        self,
        stop: int,
        write_from: int,
        first_row: int,
        variance: Float,
        history: NDArray[np.int32],
        context: Context,
    ) -> None:
        """The days from the next one to before `stop`."""
        context.check()
        rows, first = self.rows, min(self._next, write_from)
        if stop <= first:
            return
        days, offsets = rows.trading_days, rows.offsets
        n_rows = offsets[days[stop - 1] + 1] - offsets[days[max(first - 1, 0)]]
        # a cross-section is summed up in one order, whatever the number of threads
        alone = self._regime_from >= 0 or n_rows < ROWS_FOR_THREADS
        parts = np.linspace(0, self._n_listings, (1 if alone else context.threads) + 1).astype(int)
        span, regime = Span(first, self._next, stop), Regime(self._regime_from, self._bias)
        out = VarianceRows(write_from, first_row, variance, history)

        def take_in(listings: tuple[int, int]) -> None:
            specific_variances(rows, self.how, self._state, span, listings, regime, out)

        try:
            with ThreadPoolExecutor(context.threads) as pool:
                list(pool.map(take_in, [(int(a), int(b)) for a, b in pairwise(parts)]))
        except BaseException:  # the state of some listings is ahead of that of others
            self._restart()
            raise
        self._next = max(stop, self._next)


def counted_returns(fitted: FittedModel) -> SpecificReturns:
    """The specific returns of a model, over gaps without what the factors did meanwhile, and without those
    that were fitted exactly: of regressions without a degree of freedom, and what is rounding.
    """
    e, panel = fitted.estimates, fitted.dataset.panel
    returns, exact = fitted.specific_over_gaps, (e.n > 0) & (e.n <= e.rank)
    if exact.any():
        returns = returns.copy()
    for s, t in np.argwhere(exact).tolist():
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


def bounds(settings: IdioVolSettings) -> tuple[Bounds, Bounds]:
    """Of returns a day that count at all, and of what they count as."""

    def between(lower: float | None, upper: float | None) -> Bounds:
        return (-np.inf if lower is None else lower, np.inf if upper is None else upper)

    return between(settings.void_lb, settings.void_ub), between(settings.clip_lb, settings.clip_ub)
