"""Returns between trading days, each over the days since the listing's last price."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]


@njit(cache=True, nogil=True)
def forward_returns(
    offsets: Int,
    listing: Codes,
    returns: Float,
    priced: NDArray[np.bool_],
    currency: NDArray[np.int16],
    rates: Float,
    trading_days: Int,
    window: Int,
    n_listings: int,
    first_row: int,
    out: Float,
    covered: Codes,
) -> None:
    """For each row of a trading day p but the last, the return until the next trading day t.

    A price of day d with return r, after a price of day s in currency c, has the return
    (1 + r) * rates[d, c] / rates[s, c] - 1, and the returns of the listing's prices in (p, t] are compounded.
    The rates thus run over the days of the local return, from the last price on or before p to the last one
    on or before t. NaN without a price in (p, t], and where one of these prices has no return.

    returns, priced : (rows,); returns are local, since the last price
    currency : (rows,) of the row's price, a column of rates
    rates : (D, C) units of the model's currency for one unit of each currency
    trading_days : days p and t of the returns
    window : (D,) number of the first trading day on or after each day
    first_row : row of the panel that `out` and `covered` begin with; rows of other days are left as they are
    covered : receives the number of trading days since the last price before, 0 where there is no return
    """
    rate, code = np.full(n_listings, np.nan), np.zeros(n_listings, np.int16)  # of the last price
    ended = np.full(n_listings, -1, np.int64)  # number of the trading day that the last price counts for
    _last_prices(offsets, listing, priced, currency, rates, window, trading_days[0], rate, code, ended)
    growth, begun = np.empty(n_listings), np.empty(n_listings, np.int64)
    for i in range(len(trading_days) - 1):
        p, t = trading_days[i], trading_days[i + 1]
        number = window[t]
        for d in range(p + 1, t + 1):
            for row in range(offsets[d], offsets[d + 1]):
                if not priced[row]:
                    continue
                name = listing[row]
                gain, now = 1.0 + returns[row], rates[d, code[name]]
                if now != rate[name]:
                    gain *= now / rate[name]
                if ended[name] == number:
                    growth[name] *= gain
                else:
                    growth[name] = gain
                    begun[name] = ended[name]
                    ended[name] = number
                if currency[row] != code[name]:
                    code[name] = currency[row]
                    now = rates[d, code[name]]
                rate[name] = now
        for row in range(offsets[p], offsets[p + 1]):
            name, at = listing[row], row - first_row
            if ended[name] == number and np.isfinite(growth[name]):
                out[at] = growth[name] - 1.0
                covered[at] = number - begun[name]
            else:
                out[at] = np.nan
                covered[at] = 0


@njit(cache=True, nogil=True)
def _last_prices(
    offsets: Int,
    listing: Codes,
    priced: NDArray[np.bool_],
    currency: NDArray[np.int16],
    rates: Float,
    window: Int,
    day: int,
    rate: Float,
    code: NDArray[np.int16],
    ended: Int,
) -> None:
    """What is known, on a day, of the last price of the listings that have a row on it."""
    wanted = np.zeros(len(rate), np.bool_)
    left = offsets[day + 1] - offsets[day]
    for row in range(offsets[day], offsets[day + 1]):
        wanted[listing[row]] = True
    d = day
    while left > 0 and d >= 0:
        for row in range(offsets[d], offsets[d + 1]):
            name = listing[row]
            if wanted[name] and priced[row]:
                wanted[name] = False
                rate[name], code[name], ended[name] = rates[d, currency[row]], currency[row], window[d]
                left -= 1
        d -= 1
