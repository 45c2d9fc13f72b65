"""Variances of specific returns, day by day along the rows of a panel."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]


@njit(cache=True, nogil=True)
def specific_variances(
    offsets: NDArray[np.int64],
    listing: NDArray[np.int32],
    returns: Float,
    days: NDArray[np.int64],
    first_listing: int,
    last_listing: int,
    void: tuple[float, float],
    clip: tuple[float, float],
    x: float,
    lags: int,
    x_lag: float,
    write_from: int,
    variance: Float,
    history: NDArray[np.int32],
) -> None:
    """Exponentially weighted mean squares of each listing's returns, over the days on which it has one.

    Parameters
    ----------
    offsets : (D + 1,) rows of each stored day; listing : (rows,) ascending within a day
    returns : (rows,) from the row's day to the next trading day; NaN does not count, nor lower any weight
    days : (T,) stored days that are trading days
    first_listing, last_listing : the listings to do, so that threads can share them out
    void, clip : bounds as `trimmed` has them
    x : what the weight of a return is multiplied by from one to the next; x_lag : that of lagged products
    lags : of the Newey-West correction, as in `ewma.newey_west`; where it leaves nothing above zero, the
        uncorrected mean square stands
    write_from : index of the first trading day that is wanted
    variance, history : (rows,) filled at the rows of trading days from there on: the estimate as known on
    that
        day, NaN before the first return, and the number of returns that it rests on
    """
    n = last_listing - first_listing
    total, weight, count = np.zeros(n), np.zeros(n), np.zeros(n, np.int32)
    estimate = np.full(n, np.nan)
    recent = np.zeros((n, max(lags, 1)))  # a ring of the last returns
    lagged, lagged_weight = np.zeros((n, lags)), np.zeros((n, lags))
    for t in range(len(days)):
        if t > 0:
            start, stop = offsets[days[t - 1]], offsets[days[t - 1] + 1]
            start, stop = (
                start + np.searchsorted(listing[start:stop], first_listing),
                start + np.searchsorted(listing[start:stop], last_listing),
            )
            for row in range(start, stop):
                e = returns[row]
                if not (np.isfinite(e) and void[0] <= e <= void[1]):
                    continue
                e = min(max(e, clip[0]), clip[1])
                i = listing[row] - first_listing
                total[i] = total[i] * x + e * e
                weight[i] = weight[i] * x + 1.0
                estimate[i] = total[i] / weight[i]
                if lags > 0:
                    corrected = estimate[i]
                    for lag in range(1, min(lags, count[i]) + 1):
                        product = e * recent[i, (count[i] - lag) % lags]
                        lagged[i, lag - 1] = lagged[i, lag - 1] * x_lag + product
                        lagged_weight[i, lag - 1] = lagged_weight[i, lag - 1] * x_lag + 1.0
                        share = 1.0 - lag / (lags + 1.0)
                        corrected += 2.0 * share * lagged[i, lag - 1] / lagged_weight[i, lag - 1]
                    recent[i, count[i] % lags] = e
                    if corrected > 0.0:
                        estimate[i] = corrected
                count[i] += 1
        if t >= write_from:
            start, stop = offsets[days[t]], offsets[days[t] + 1]
            start, stop = (
                start + np.searchsorted(listing[start:stop], first_listing),
                start + np.searchsorted(listing[start:stop], last_listing),
            )
            for row in range(start, stop):
                i = listing[row] - first_listing
                variance[row] = estimate[i]
                history[row] = count[i]


def trimmed(returns: Float, void: tuple[float, float], clip: tuple[float, float]) -> Float:
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
