"""Single passes over the rows of a panel, which come by day and within a day by listing."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def previous_prices(
    listing: NDArray[np.int32], priced: NDArray[np.bool_], n_listings: int
) -> NDArray[np.int64]:
    """(rows,) row of the listing's price before that of each row; -1 for its first, and without a price."""
    out = np.full(len(listing), -1, np.int64)
    last = np.full(n_listings, -1, np.int64)
    for row in range(len(listing)):
        if priced[row]:
            out[row] = last[listing[row]]
            last[listing[row]] = row
    return out


@njit(cache=True, nogil=True)
def unchanged_runs(
    previous: NDArray[np.int64], closes: NDArray[np.float64], returns: NDArray[np.float64]
) -> NDArray[np.int32]:
    """(rows,) how many prices in a row, up to this one, are that of the price before: the same close or,
    where one of the two is missing, a return of 0. closes may be empty."""
    out = np.zeros(len(previous), np.int32)
    for row in range(len(previous)):
        before = previous[row]
        if before < 0:
            continue
        same = returns[row] == 0
        if len(closes) and np.isfinite(closes[row]) and np.isfinite(closes[before]):
            same = closes[row] == closes[before]
        if same:
            out[row] = out[before] + 1
    return out


@njit(cache=True, nogil=True)
def moments(
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    count: NDArray[np.int64],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
) -> None:
    """Number, mean and standard deviation of each day's values that are not NaN; NaN where there are none.

    values : those of rows offsets[0]:offsets[-1]; count, mean, std : (days,), written
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
