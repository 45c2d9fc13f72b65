"""Rolling least squares of many return series on one.

Series are (T, E): a row per period, a column per listing, NaN where there is no return. The slope of period t
uses periods up to and with t. `huber` has the robust regressions.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]


@njit(cache=True, nogil=True)
def _add_up(series: Float, overlap: int) -> Float:
    """(T,) sums over the last `overlap` periods, NaN where one is missing."""
    out = np.full(len(series), np.nan)
    for t in range(overlap - 1, len(series)):
        total = 0.0
        for s in range(overlap):
            total += series[t - s]
        out[t] = total
    return out


@njit(cache=True, nogil=True)
def rolling_ols(returns: Float, factor: Float, window: int, overlap: int, min_periods: int) -> Float:
    """Slopes (T, E) of ordinary least squares with an intercept.

    Both sides are added up over `overlap` periods, to let slow prices catch up.

    Parameters
    ----------
    returns : (T, E)
    factor : (T,)
    window : sums that count, that of the period itself included
    overlap : periods per sum; 1: single periods
    min_periods : the slope is NaN where fewer sums than that are there on both sides, and where the factor
        does not vary

    References
    ----------
    Scholes and Williams, Estimating betas from nonsynchronous data, Journal of Financial Economics 5 (1977),
    and Dimson, Risk measurement when shares are subject to infrequent trading, ibid. 7 (1979), on the same
    bias.
    """
    n_periods, n_listings = returns.shape
    out = np.full((n_periods, n_listings), np.nan)
    g = _add_up(factor, overlap)
    for e in range(n_listings):
        y = _add_up(returns[:, e], overlap)
        for t in range(n_periods):
            n, mean_y, mean_g = 0, 0.0, 0.0
            first = max(t - window + 1, 0)
            for s in range(first, t + 1):
                if np.isfinite(y[s]) and np.isfinite(g[s]):
                    n += 1
                    mean_y += y[s]
                    mean_g += g[s]
            if n < min_periods:
                continue
            mean_y /= n
            mean_g /= n
            cross, square, size = 0.0, 0.0, 0.0
            for s in range(first, t + 1):
                if np.isfinite(y[s]) and np.isfinite(g[s]):
                    d = g[s] - mean_g
                    cross += d * (y[s] - mean_y)
                    square += d * d
                    size += g[s] * g[s]
            if square > 1e-24 * size:
                out[t, e] = cross / square
    return out
