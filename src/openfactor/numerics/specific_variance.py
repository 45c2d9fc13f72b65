"""Variances of specific returns, day by day along the rows of a panel.

Returns are fractions; variances are per trading day, in squared fractions. A return over m trading days
counts as m days of 1/m of its square each, so that a listing that trades once a week has the variance per day
of one that trades daily. The weighted sums of squares and the sums of weights are carried apart, since m days
come at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openfactor.numerics.ewma import bartlett_weights, decay

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bounds = tuple[float, float]


class SpecificReturns(NamedTuple):
    """Specific returns beside the rows of a panel."""

    offsets: Int
    """(D + 1,) rows of stored day d are offsets[d]:offsets[d + 1]."""
    listing: NDArray[np.int32]
    """(rows,) ascending within a day."""
    returns: Float
    """(rows,) from the row's day to the next trading day; NaN does not count, nor lower any weight."""
    covered: NDArray[np.int32]
    """(rows,) trading days that the return covers: 1, or more after days without a price."""
    market_cap: Float
    """(rows,) weights of the regime's cross-section."""
    is_main_listing: NDArray[np.bool_]
    """(rows,) the row is of its company's main listing."""
    trading_days: Int
    """(T,) stored days that are trading days."""
    rounding: Float
    """(T,) returns of a trading day that are no further from zero were fitted exactly and do not count."""


class Smoothing(NamedTuple):
    """How past returns are weighted and bounded."""

    decay: float
    """Weight of a trading day over that of the next one."""
    lag_weights: Float
    """(lags,) of the Newey-West correction, as of `ewma.bartlett_weights`; empty for none."""
    lag_decay: float
    """`decay` of the lagged products."""
    void_bounds: Bounds
    """Returns per day outside of these do not count."""
    clip_bounds: Bounds
    """Those that count are clipped to these."""

    @classmethod
    def of(
        cls, halflife: float, lags: int, lag_halflife: float, void_bounds: Bounds, clip_bounds: Bounds
    ) -> Smoothing:
        """With half-lives in trading days."""
        return cls(decay(halflife), bartlett_weights(lags), decay(lag_halflife), void_bounds, clip_bounds)


class VarianceState(NamedTuple):
    """What is carried of each listing from day to day."""

    squares: Float
    """(listings,) weighted sum of squares, ..."""
    weight: Float
    """(listings,) ... and the sum of the weights."""
    clock: Int
    """(listings,) trading days that its returns have covered."""
    n_returns: NDArray[np.int32]
    """(listings,) its returns."""
    recent: Float
    """(listings, lags) a ring of its last returns, ..."""
    recent_middle: Float
    """(listings, lags) ... and, on its clock, the middles of what they cover."""
    lagged: Float
    """(listings, lags) weighted sums of products with earlier returns, by lag, ..."""
    lagged_weight: Float
    """(listings, lags) ... and the sums of their weights."""


class Span(NamedTuple):
    """Trading days to go through, as indices of them."""

    first: int
    first_new: int
    """The first one whose returns are not in the state yet."""
    stop: int
    """One past the last."""


class Regime(NamedTuple):
    """Cross-sections of squared standardised returns."""

    min_returns: int
    """A listing needs to take part; -1: nothing is measured."""
    sums: Float
    """(T, 2) cap-weighted sums of squared returns per day over the variances known before, and of the
    caps."""


class VarianceRows(NamedTuple):
    """What is known at rows of the panel."""

    first_day: int
    """Index of the first trading day whose rows are written."""
    first_row: int
    """Row of the panel at which the arrays begin."""
    variance: Float
    """(rows,) as known on the row's day; left as it is before the first return."""
    n_returns: NDArray[np.int32]
    """(rows,) returns that it rests on."""


def start_state(n_listings: int, lags: int) -> VarianceState:
    """Before the first day."""
    n, rings = n_listings, [np.zeros((n_listings, lags)) for _ in range(4)]
    return VarianceState(np.zeros(n), np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.int32), *rings)


@njit(cache=True, nogil=True)
def _after(x: float, m: int) -> tuple[float, float]:
    """x^m, what is left of a weight after m days, and 1 + x + ... + x^(m - 1), what these weigh."""
    fade, worth = 1.0, 0.0
    for _ in range(m):
        fade, worth = fade * x, worth * x + 1.0
    return fade, worth


@njit(cache=True, nogil=True)
def _corrected(plain: float, lag_weights: Float, lagged: Float, lagged_weight: Float) -> float:
    """A mean square with its Newey-West correction, if that leaves anything above zero."""
    out = plain
    for lag in range(len(lag_weights)):
        if lagged_weight[lag] > 0.0:
            out += 2.0 * lag_weights[lag] * lagged[lag] / lagged_weight[lag]
    return out if out > 0.0 else plain


@njit(cache=True, nogil=True)
def _add_products(
    e: float, m: int, clock: int, count: int, x: float, ring: tuple[Float, Float], sums: tuple[Float, Float]
) -> None:
    """Add the products of a return over m days with a listing's earlier ones, as m days of 1/m each.

    Two returns are as many days apart as the middles of what they cover; a product between two whole lags is
    shared out between them.
    """
    (recent, middles), (lagged, weight) = ring, sums
    lags, middle = len(recent), clock + 0.5 * m
    reached = min(lags, clock)  # lags that the listing's history is long enough for
    fade, worth = _after(x, m)
    for lag in range(1, reached + 1):
        lagged[lag - 1] *= fade
        weight[lag - 1] = weight[lag - 1] * fade + worth
    for back in range(1, min(lags, count) + 1):
        slot = (count - back) % lags
        distance = middle - middles[slot]
        lag = int(np.floor(distance))
        if lag > lags:
            break
        product, beyond = e * recent[slot] / m * worth, distance - lag
        if lag <= reached:
            lagged[lag - 1] += (1.0 - beyond) * product
        if lag < reached:
            lagged[lag] += beyond * product
    recent[count % lags], middles[count % lags] = e, middle


@njit(cache=True, nogil=True)
def _rows_of(
    offsets: Int, listing: NDArray[np.int32], day: int, listings: tuple[int, int]
) -> tuple[int, int]:
    """First row of a stored day, and the one after its last, of a range of listings."""
    start, stop = offsets[day], offsets[day + 1]
    of_day = listing[start:stop]
    return start + np.searchsorted(of_day, listings[0]), start + np.searchsorted(of_day, listings[1])


@njit(cache=True, nogil=True)
def _daily_return(e: float, root: float, rounding: float, void: Bounds, clip: Bounds) -> float:
    """A return over root**2 days, per day and within its bounds; NaN where it does not count."""
    if not (np.isfinite(e) and abs(e) > rounding and void[0] <= e / root <= void[1]):
        return np.nan
    return min(max(e / root, clip[0]), clip[1])


@njit(cache=True, nogil=True)
def _add_day(
    rows: SpecificReturns,
    how: Smoothing,
    state: VarianceState,
    t: int,
    listings: tuple[int, int],
    min_returns: int,
) -> tuple[float, float]:
    """Take in the returns to trading day t; returns the sums of `Regime` for it."""
    listing, returns, covered = rows.listing, rows.returns, rows.covered
    cap, is_main = rows.market_cap, rows.is_main_listing
    total, weight, clock, count = state.squares, state.weight, state.clock, state.n_returns
    recent, middle = state.recent, state.recent_middle
    lagged, lagged_weight = state.lagged, state.lagged_weight
    x, void, clip = how.decay, how.void_bounds, how.clip_bounds
    lag_weights, lags = how.lag_weights, len(how.lag_weights)
    start, stop = _rows_of(rows.offsets, listing, rows.trading_days[t - 1], listings)
    rounding, squares, caps = rows.rounding[t], 0.0, 0.0
    for row in range(start, stop):
        m = max(covered[row], 1)
        root = 1.0 if m == 1 else np.sqrt(m)
        daily = _daily_return(returns[row], root, rounding, void, clip)
        if np.isnan(daily):
            continue
        i = listing[row]
        if 0 <= min_returns <= count[i] and count[i] > 0 and is_main[row] and cap[row] > 0.0:
            before = total[i] / weight[i]
            if lags > 0:
                before = _corrected(before, lag_weights, lagged[i], lagged_weight[i])
            if before > 0.0:
                squares += cap[row] * daily * daily / before
                caps += cap[row]
        fade, worth = (x, 1.0) if m == 1 else _after(x, m)
        total[i] = total[i] * fade + daily * daily * worth
        weight[i] = weight[i] * fade + worth
        if lags > 0:
            ring, sums = (recent[i], middle[i]), (lagged[i], lagged_weight[i])
            _add_products(daily * root, m, clock[i], count[i], how.lag_decay, ring, sums)
        clock[i] += m
        count[i] += 1
    return squares, caps


@njit(cache=True, nogil=True)
def _write_day(
    rows: SpecificReturns,
    lag_weights: Float,
    state: VarianceState,
    t: int,
    listings: tuple[int, int],
    out: VarianceRows,
) -> None:
    """Write what is known on trading day t."""
    listing, total, weight, count = rows.listing, state.squares, state.weight, state.n_returns
    lagged, lagged_weight = state.lagged, state.lagged_weight
    first_row, variance, n_returns = out.first_row, out.variance, out.n_returns
    start, stop = _rows_of(rows.offsets, listing, rows.trading_days[t], listings)
    for row in range(start, stop):
        i = listing[row]
        if count[i] > 0:
            known = total[i] / weight[i]
            if len(lag_weights) > 0:
                known = _corrected(known, lag_weights, lagged[i], lagged_weight[i])
            variance[row - first_row] = known
        n_returns[row - first_row] = count[i]


@njit(cache=True, nogil=True)
def specific_variances(
    rows: SpecificReturns,
    how: Smoothing,
    state: VarianceState,
    span: Span,
    listings: tuple[int, int],
    regime: Regime,
    out: VarianceRows,
) -> None:
    """Exponentially weighted mean squares of each listing's returns, over the days that they cover.

    A return over m days counts as m days of 1/m of its square; the bounds are those of one day's return and
    are held against 1/sqrt(m) of it. Where the Newey-West correction leaves nothing above zero, the
    uncorrected mean square stands.

    Parameters
    ----------
    state : as known on the trading day before `span.first_new`; changed to that of the last one
    listings : first one to do and first one not to do, so that threads can share them out
    regime : its `sums` are filled over the new days of `span`
    out : filled at the rows of trading days from `out.first_day` on

    References
    ----------
    Newey and West, Econometrica 55 (1987), for the correction, here with exponential weights.
    """
    for t in range(span.first, span.stop):
        if t > 0 and t >= span.first_new:
            squares, caps = _add_day(rows, how, state, t, listings, regime.min_returns)
            if regime.min_returns >= 0:
                regime.sums[t, 0], regime.sums[t, 1] = squares, caps
        if t >= out.first_day:
            _write_day(rows, how.lag_weights, state, t, listings, out)


def trimmed(returns: Float, void_bounds: Bounds, clip_bounds: Bounds) -> Float:
    """Returns (n,) with those outside of the void bounds as NaN, and the others within the clip bounds."""
    kept = np.where((returns < void_bounds[0]) | (returns > void_bounds[1]), np.nan, returns)
    return np.asarray(np.clip(kept, *clip_bounds))
