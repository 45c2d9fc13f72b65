"""Single passes over the rows of a panel, which come by day and within a day by listing."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@njit(cache=True, nogil=True)
def previous_prices(listing: NDArray[np.int32], priced: NDArray[np.bool_], n_listings: int) -> Int:
    """(rows,) row of the listing's price before that of each row; -1 for its first, and without a price.

    listing, priced : (rows,)
    """
    out = np.full(len(listing), -1, np.int64)
    last = np.full(n_listings, -1, np.int64)
    for row in range(len(listing)):
        if priced[row]:
            out[row] = last[listing[row]]
            last[listing[row]] = row
    return out


@njit(cache=True, nogil=True)
def unchanged_runs(previous: Int, closes: Float, returns: Float) -> NDArray[np.int32]:
    """How many prices in a row, up to this one, are that of the price before.

    That is the same close or, where one of the two is missing, a return of 0.

    Parameters
    ----------
    previous : (rows,) as of `previous_prices`
    closes : (rows,) NaN where one is missing; may be empty
    returns : (rows,) since the price before

    Returns
    -------
    (rows,) 0 for prices that changed, for the first of a listing, and without a price.
    """
    out = np.zeros(len(previous), np.int32)
    for row in range(len(previous)):
        before = previous[row]
        if before < 0:
            continue
        unchanged = returns[row] == 0
        if len(closes) and np.isfinite(closes[row]) and np.isfinite(closes[before]):
            unchanged = closes[row] == closes[before]
        if unchanged:
            out[row] = out[before] + 1
    return out


@njit(cache=True, nogil=True)
def moments(values: Float, offsets: Int, count: Int, mean: Float, std: Float) -> None:
    """Number, mean and standard deviation (denominator n) of each day's values; NaN does not count.

    Parameters
    ----------
    values : of the rows offsets[0]:offsets[-1]
    offsets : (days + 1,) the rows of each day
    count, mean, std : (days,) receive the results, NaN where there are no values
    """
    start = offsets[0]
    for d in range(len(offsets) - 1):
        first, last = offsets[d] - start, offsets[d + 1] - start
        number, total, squares = 0, 0.0, 0.0
        for i in range(first, last):
            if values[i] == values[i]:
                number += 1
                total += values[i]
        middle = total / number if number else np.nan
        for i in range(first, last):
            if values[i] == values[i]:
                squares += (values[i] - middle) ** 2
        count[d], mean[d] = number, middle
        std[d] = np.sqrt(squares / number) if number else np.nan
