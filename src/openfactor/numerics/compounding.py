"""Returns between trading days, compounded over every stored day in between."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@njit(cache=True, nogil=True)
def forward_returns(
    offsets: Int,
    listing: NDArray[np.int32],
    returns: Float,
    priced: NDArray[np.bool_],
    trading_days: Int,
    n_listings: int,
    out: Float,
) -> None:
    """Write to `out` (rows,), for each row of a trading day p but the last, the return until the next
    trading day t. Other rows are left as they are.

    1 + r = product of 1 + return_d over the listing's priced days d in (p, t]. NaN where the listing has
    no price in (p, t], or where one of these prices has no return.
    """
    growth = np.ones(n_listings)
    seen = np.zeros(n_listings, np.bool_)
    for i in range(len(trading_days) - 1):
        p, t = trading_days[i], trading_days[i + 1]
        growth[:] = 1.0
        seen[:] = False
        for row in range(offsets[p + 1], offsets[t + 1]):
            if priced[row]:
                growth[listing[row]] *= 1.0 + returns[row]
                seen[listing[row]] = True
        for row in range(offsets[p], offsets[p + 1]):
            out[row] = growth[listing[row]] - 1.0 if seen[listing[row]] else np.nan
