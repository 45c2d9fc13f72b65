"""Variances of specific returns, day by day along the rows of a panel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Bounds = tuple[float, float]


class SpecificReturns(NamedTuple):
    """Specific returns beside the rows of a panel."""

    offsets: NDArray[np.int64]
    """(D + 1,) rows of each stored day."""
    listing: NDArray[np.int32]
    """(rows,) ascending within a day."""
    returns: Float
    """(rows,) from the row's day to the next trading day; NaN does not count, nor lower any weight."""
    covered: NDArray[np.int32]
    """(rows,) trading days that the return covers: 1, or more after days without a price."""
    cap: Float
    """(rows,) weights of the regime's cross-section."""
    main: NDArray[np.bool_]
    """(rows,) the listing stands for its company there."""
    days: NDArray[np.int64]
    """(T,) stored days that are trading days."""
    rounding: Float
    """(T,) returns of a trading day that are not further from zero were fitted exactly and do not count."""


class Smoothing(NamedTuple):
    """How the past is weighted."""

    x: float
    """What the weight of a day is multiplied by from one day to the next."""
    lags: int
    """Of the Newey-West correction; 0: none."""
    x_lag: float
    """`x` of the lagged products."""
    void: Bounds
    """Returns a day outside of these do not count."""
    clip: Bounds
    """Those that count do so as if they were within these."""


class State(NamedTuple):
    """What is carried of each listing from day to day, (listings,) or (listings, lags)."""

    total: Float
    weight: Float
    clock: NDArray[np.int64]
    """Trading days that its returns have covered."""
    n_returns: NDArray[np.int32]
    """Its returns."""
    recent: Float
    """A ring of its last returns, and on its clock their middles."""
    middle: Float
    lagged: Float
    lagged_weight: Float


def start_state(n_listings: int, lags: int) -> State:
    """Before the first day."""
    n, rings = n_listings, [np.zeros((n_listings, lags)) for _ in range(4)]
    return State(np.zeros(n), np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.int32), *rings)


@njit(cache=True, nogil=True)
def _after(x: float, m: int) -> tuple[float, float]:
    """x^m, what is left of a weight after m days, and 1 + x + ... + x^(m - 1), what these weigh."""
    fade, worth = 1.0, 0.0
    for _ in range(m):
        fade, worth = fade * x, worth * x + 1.0
    return fade, worth


@njit(cache=True, nogil=True)
def _corrected(plain: float, lagged: Float, lagged_weight: Float) -> float:
    """A mean square with its Newey-West correction, if that leaves anything above zero."""
    lags, out = len(lagged), plain
    for lag in range(1, lags + 1):
        if lagged_weight[lag - 1] > 0.0:
            out += 2.0 * (1.0 - lag / (lags + 1.0)) * lagged[lag - 1] / lagged_weight[lag - 1]
    return out if out > 0.0 else plain


@njit(cache=True, nogil=True)
def _take_in_products(
    e: float,
    m: int,
    clock: int,
    count: int,
    x: float,
    ring: tuple[Float, Float],
    lagged: Float,
    weight: Float,
) -> None:
    """Let the products of a return over m days with a listing's earlier ones count, m days of 1/m each.

    Two returns are as many days apart as the middles of what they cover; a product between two whole lags is
    shared out between them.
    """
    recent, middles = ring
    lags, middle = len(recent), clock + 0.5 * m
    there = min(lags, clock)
    fade, worth = _after(x, m)
    for lag in range(1, there + 1):
        lagged[lag - 1] *= fade
        weight[lag - 1] = weight[lag - 1] * fade + worth
    for back in range(1, min(lags, count) + 1):
        slot = (count - back) % lags
        distance = middle - middles[slot]
        lag = int(np.floor(distance))
        if lag > lags:
            break
        product, beyond = e * recent[slot] / m * worth, distance - lag
        if lag <= there:
            lagged[lag - 1] += (1.0 - beyond) * product
        if lag < there:
            lagged[lag] += beyond * product
    recent[count % lags], middles[count % lags] = e, middle


@njit(cache=True, nogil=True)
def _rows_of(
    offsets: NDArray[np.int64], listing: NDArray[np.int32], day: int, listings: tuple[int, int]
) -> tuple[int, int]:
    """First row of a stored day, and the one after its last, of some listings."""
    start, stop = offsets[day], offsets[day + 1]
    of_day = listing[start:stop]
    return start + np.searchsorted(of_day, listings[0]), start + np.searchsorted(of_day, listings[1])


@njit(cache=True, nogil=True)
def specific_variances(
    rows: SpecificReturns,
    how: Smoothing,
    state: State,
    span: tuple[int, int, int],
    listings: tuple[int, int],
    regime_from: int,
    bias: Float,
    write_from: int,
    first_row: int,
    variance: Float,
    history: NDArray[np.int32],
) -> None:
    """Exponentially weighted mean squares of each listing's returns, over the days that they cover.

    A return over m days counts as m days of 1/m of its square; the bounds are those of one day's return and
    are held against 1/sqrt(m) of it. Where the Newey-West correction leaves nothing above zero, the
    uncorrected mean square stands.

    Parameters
    ----------
    state : as known on the trading day before the second of `span`; changed to that of its last
    span : indices of the first trading day to do, of the first one whose returns are not in the state yet,
        and of the first one not to do
    listings : first one to do and first one not to do, so that threads can share them out
    regime_from : returns that a listing needs to take part in the cross-section of standardised returns; -1:
        there is none
    bias : (T, 2) filled over `span`: cap-weighted sums of squared returns a day over the variance known
        before, and of the weights
    write_from : index of the first trading day whose rows are wanted
    first_row : the row at which `variance` and `history` begin
    variance, history : filled at the rows of trading days from there on: the estimate as known on that day,
        left as it is before the first return, and the number of returns that it rests on
    """
    listing, returns, covered, cap, main = rows.listing, rows.returns, rows.covered, rows.cap, rows.main
    total, weight, clock, count = state.total, state.weight, state.clock, state.n_returns
    recent, middle, lagged, lagged_weight = state.recent, state.middle, state.lagged, state.lagged_weight
    x, void, clip = how.x, how.void, how.clip
    for t in range(span[0], span[2]):
        if t > 0 and t >= span[1]:
            start, stop = _rows_of(rows.offsets, listing, rows.days[t - 1], listings)
            rounding, squares, weights = rows.rounding[t], 0.0, 0.0
            for row in range(start, stop):
                e = returns[row]
                if not (np.isfinite(e) and abs(e) > rounding):
                    continue
                m = max(covered[row], 1)
                root = 1.0 if m == 1 else np.sqrt(m)
                if not (void[0] <= e / root <= void[1]):
                    continue
                daily = min(max(e / root, clip[0]), clip[1])
                i = listing[row]
                if 0 <= regime_from <= count[i] and count[i] > 0 and main[row] and cap[row] > 0.0:
                    before = total[i] / weight[i]
                    if how.lags > 0:
                        before = _corrected(before, lagged[i], lagged_weight[i])
                    if before > 0.0:
                        squares += cap[row] * daily * daily / before
                        weights += cap[row]
                fade, worth = (x, 1.0) if m == 1 else _after(x, m)
                total[i] = total[i] * fade + daily * daily * worth
                weight[i] = weight[i] * fade + worth
                if how.lags > 0:
                    ring = recent[i], middle[i]
                    _take_in_products(
                        daily * root, m, clock[i], count[i], how.x_lag, ring, lagged[i], lagged_weight[i]
                    )  # fmt: skip
                clock[i] += m
                count[i] += 1
            if regime_from >= 0:
                bias[t, 0], bias[t, 1] = squares, weights
        if t >= write_from:
            start, stop = _rows_of(rows.offsets, listing, rows.days[t], listings)
            for row in range(start, stop):
                i = listing[row]
                if count[i] > 0:
                    known = total[i] / weight[i]
                    if how.lags > 0:
                        known = _corrected(known, lagged[i], lagged_weight[i])
                    variance[row - first_row] = known
                history[row - first_row] = count[i]


def trimmed(returns: Float, void: Bounds, clip: Bounds) -> Float:
    """The returns without those beyond the void bounds, then within the clip bounds."""
    kept = np.where((returns < void[0]) | (returns > void[1]), np.nan, returns)
    return np.asarray(np.clip(kept, *clip))


def shrink_to_deciles(volatility: Float, cap: Float, q: float) -> tuple[Float, Float]:
    """Volatilities (n,) drawn towards the cap-weighted mean of their cap decile, and the share of the mean.

    share = q d / (s + q d), d the distance to the mean, s the root mean square of d in the decile. A name
    without a volatility or a cap stays as it is.

    Source: Menchero, Orr and Wang, The Barra US Equity Model (USE4): methodology notes (2011), section 5.
    """
    out, share = volatility.copy(), np.zeros(len(volatility))
    known = np.flatnonzero(np.isfinite(volatility) & (cap > 0))
    order = known[np.argsort(cap[known], kind="stable")]
    for members in np.array_split(order, 10):
        if len(members) == 0:
            continue
        mean = np.average(volatility[members], weights=cap[members])
        distance = np.abs(volatility[members] - mean)
        spread = np.sqrt(np.mean(distance**2))
        if spread > 1e-12 * mean:  # names that differ by rounding are at the mean
            share[members] = q * distance / (spread + q * distance)
        out[members] = share[members] * mean + (1.0 - share[members]) * volatility[members]
    return out, share
