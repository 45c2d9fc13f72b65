"""Returns between trading days, each over the days since the listing's last price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]


class PriceRows(NamedTuple):
    """The rows of a panel, and what they say of prices."""

    offsets: Int
    """(D + 1,) the rows of stored day d are offsets[d]:offsets[d + 1]."""
    listing: Codes
    """(rows,)"""
    returns: Float
    """(rows,) since the listing's last price, as fractions, in local currency."""
    priced: NDArray[np.bool_]
    """(rows,) the row has a price."""
    currency: NDArray[np.int16]
    """(rows,) of the row's price, a column of the rates."""


class _LastPrices(NamedTuple):
    """The last price of each listing so far."""

    rate: Float
    """(listings,) units of the model's currency for one unit of the price's, on its day."""
    currency: NDArray[np.int16]
    """(listings,)"""
    number: Int
    """(listings,) of the trading day that it counts for; -1: none yet."""
    growth: Float
    """(listings,) 1 + the return since the trading day before, where there is a price since then."""
    begun: Int
    """(listings,) `number` of the price before the first one that `growth` compounds."""


@njit(cache=True, nogil=True)
def forward_returns(
    prices: PriceRows,
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

    Parameters
    ----------
    rates : (D, C) units of the model's currency for one unit of each currency
    trading_days : days p and t of the returns, ascending
    window : (D,) number of the first trading day on or after each day
    first_row : row of the panel that `out` and `covered` begin with; rows of other days are left as they are
    out : receives the returns as fractions
    covered : receives the number of trading days since the last price before, 0 where there is no return
    """
    last = _LastPrices(
        np.full(n_listings, np.nan), np.zeros(n_listings, np.int16), np.full(n_listings, -1, np.int64),
        np.empty(n_listings), np.empty(n_listings, np.int64),
    )  # fmt: skip
    _look_back(prices, rates, window, trading_days[0], last)
    growth, number_of, begun = last.growth, last.number, last.begun
    for k in range(len(trading_days) - 1):
        p, t = trading_days[k], trading_days[k + 1]
        number = window[t]
        for d in range(p + 1, t + 1):
            _compound(prices, rates, d, number, last)
        for row in range(prices.offsets[p], prices.offsets[p + 1]):
            i, at = prices.listing[row], row - first_row
            if number_of[i] == number and np.isfinite(growth[i]):
                out[at] = growth[i] - 1.0
                covered[at] = number - begun[i]
            else:
                out[at] = np.nan
                covered[at] = 0


@njit(cache=True, nogil=True)
def _compound(prices: PriceRows, rates: Float, d: int, number: int, last: _LastPrices) -> None:
    """Take in the prices of day d, which count for the trading day of this number."""
    listing, returns, priced, currency = prices.listing, prices.returns, prices.priced, prices.currency
    rate, code, number_of, growth = last.rate, last.currency, last.number, last.growth
    for row in range(prices.offsets[d], prices.offsets[d + 1]):
        if not priced[row]:
            continue
        i = listing[row]
        gain, now = 1.0 + returns[row], rates[d, code[i]]
        if now != rate[i]:
            gain *= now / rate[i]
        if number_of[i] == number:
            growth[i] *= gain
        else:
            growth[i] = gain
            last.begun[i] = number_of[i]
            number_of[i] = number
        if currency[row] != code[i]:
            code[i] = currency[row]
            now = rates[d, code[i]]
        rate[i] = now


@njit(cache=True, nogil=True)
def _look_back(prices: PriceRows, rates: Float, window: Int, day: int, last: _LastPrices) -> None:
    """Find, as of a day, the last price of the listings that have a row on it."""
    pending = np.zeros(len(last.rate), np.bool_)
    left = prices.offsets[day + 1] - prices.offsets[day]
    for row in range(prices.offsets[day], prices.offsets[day + 1]):
        pending[prices.listing[row]] = True
    d = day
    while left > 0 and d >= 0:
        for row in range(prices.offsets[d], prices.offsets[d + 1]):
            i = prices.listing[row]
            if pending[i] and prices.priced[row]:
                pending[i] = False
                last.rate[i], last.currency[i] = rates[d, prices.currency[row]], prices.currency[row]
                last.number[i] = window[d]
                left -= 1
        d -= 1
