"""Which rows of a price upload count, and their returns, decided day by day.

Dates are numbers of calendar days. Missing numbers are NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
Dates = NDArray[np.int32]

NEVER = np.iinfo(np.int32).min
"""Stands for no date."""
KEPT, EMPTY, OTHER_CURRENCY, AFTER_THE_END = range(4)
"""What becomes of a row."""


class QuoteRows(NamedTuple):
    """Rows of a price upload, sorted by date."""

    offsets: NDArray[np.int64]
    """(D + 1,) where the rows of each date begin."""
    date: Dates
    """(D,)"""
    listing: NDArray[np.int32]
    """(n,)"""
    currency: NDArray[np.int16]
    """(n,)"""
    quote: NDArray[np.int32]
    """(n,) index of the row's listing and currency in `CurrencyQuotes`."""
    close: Float
    """(n,)"""
    returns: Float
    """(n,) as stated, since the last price."""
    split: Float
    """(n,) shares per share held before; 1 for none."""
    dividend: Float
    """(n,) per share held after the split; 0 for none."""
    delisted: Mask
    """(n,) the row says that the listing ends."""
    precedence: NDArray[np.int16]
    """(D, currencies) of several currencies on a date, the lowest counts."""


class ListingQuotes(NamedTuple):
    """What is known of each listing so far."""

    first_date: Dates
    """(listings,) of its first row; NEVER: none yet."""
    price_date: Dates
    """(listings,) of its last price; NEVER: none yet."""
    price_currency: NDArray[np.int16]
    """(listings,) of its last price; -1: none yet."""
    price_close: Float
    """(listings,) of its last price."""
    is_flagged: Mask
    """(listings,) a row has said `delisted`."""
    has_ended: Mask
    """(listings,) a row that does not say so came after one that does."""


class CurrencyQuotes(NamedTuple):
    """What is known of each listing in each of its currencies so far, whether its rows are kept or not."""

    quoted_on: Dates
    """(quotes,) date of the last price; NEVER: none yet."""
    close: Float
    """(quotes,) of the last row with a close or a return."""
    shares: Float
    """(quotes,) what one share held at that row has become by splits."""
    paid: Float
    """(quotes,) dividends on it."""


class QuoteResults(NamedTuple):
    """What the rows of a price upload come to."""

    fate: NDArray[np.int8]
    """(n,) KEPT, or why the row is dropped."""
    returns: Float
    """(n,) stated or derived from closes."""
    worth: Float
    """(n,) value at the close of one share held at the listing's previous price in the currency."""
    quoted: Mask
    """(n,) the row has a price."""
    old_currency: NDArray[np.int16]
    """(n,) of the listing's last price, for prices in another currency; -1 for other rows."""
    old_date: Dates
    """(n,) date of that last price."""
    old_close: Float
    """(n,) its close."""
    same_date: Dates
    """(n,) date of the listing's last price in the new currency, kept or not."""


def new_listing_quotes(n_listings: int) -> ListingQuotes:
    """Before the first day."""
    never = np.full(n_listings, NEVER, np.int32)
    return ListingQuotes(
        never, never.copy(), np.full(n_listings, -1, np.int16), np.full(n_listings, np.nan),
        np.zeros(n_listings, np.bool_), np.zeros(n_listings, np.bool_),
    )  # fmt: skip


def new_currency_quotes(n: int) -> CurrencyQuotes:
    """Before the first day."""
    return CurrencyQuotes(np.full(n, NEVER, np.int32), np.full(n, np.nan), np.ones(n), np.zeros(n))


def new_results(n: int) -> QuoteResults:
    """Results to be filled, all rows kept."""
    return QuoteResults(
        np.full(n, KEPT, np.int8), np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, np.bool_),
        np.full(n, -1, np.int16), np.full(n, NEVER, np.int32), np.full(n, np.nan),
        np.full(n, NEVER, np.int32),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def settle_quotes(
    rows: QuoteRows, derive: bool, listings: ListingQuotes, quotes: CurrencyQuotes, out: QuoteResults
) -> None:
    """Go through rows in the order of their dates.

    * Where a return is not stated, it is derived from closes if `derive`.
    * A row with neither close nor return is no price; it is kept only if it says `delisted`. On a date
      without any close, the upload gives returns only, and the first row of a listing is a price: the base of
      its next return.
    * Of several rows of a listing on a date, one is kept: one with a price before others, then the currency
      of the listing's last price, then that of lowest precedence.
    * After a kept row that says `delisted`, rows are kept until the first that does not.

    Parameters
    ----------
    listings, quotes : kept from call to call
    out : of `new_results`; is filled
    """
    best = np.full(len(listings.first_date), -1, np.int64)
    for d in range(len(rows.date)):
        _take_returns(rows, d, derive, quotes, out)
        _find_best(rows, d, listings, out, best)
        _keep_best(rows, d, listings, quotes, out, best)


@njit(cache=True, nogil=True)
def _take_returns(rows: QuoteRows, d: int, derive: bool, quotes: CurrencyQuotes, out: QuoteResults) -> None:
    """The returns of date d, and what a share held at the price before is worth."""
    for j in range(rows.offsets[d], rows.offsets[d + 1]):
        q, close, stated = rows.quote[j], rows.close[j], rows.returns[j]
        shares = quotes.shares[q] * rows.split[j]
        paid = quotes.paid[q] + rows.dividend[j] * shares
        out.returns[j] = stated
        out.quoted[j] = not (np.isnan(close) and np.isnan(stated))
        if out.quoted[j]:
            out.worth[j] = close * shares + paid
            if derive and np.isnan(stated):
                out.returns[j] = out.worth[j] / quotes.close[q] - 1.0
            quotes.close[q], shares, paid = close, 1.0, 0.0
        quotes.shares[q], quotes.paid[q] = shares, paid


@njit(cache=True, nogil=True)
def _find_best(rows: QuoteRows, d: int, listings: ListingQuotes, out: QuoteResults, best: Index) -> None:
    """Find the rows of date d that have a price or a flag, and the best one of each listing."""
    has_close = False
    for j in range(rows.offsets[d], rows.offsets[d + 1]):
        has_close |= not np.isnan(rows.close[j])
    for j in range(rows.offsets[d], rows.offsets[d + 1]):
        i = rows.listing[j]
        if listings.first_date[i] == NEVER:
            listings.first_date[i] = rows.date[d]
        if not out.quoted[j]:
            out.quoted[j] = not has_close and listings.first_date[i] == rows.date[d]
            if not out.quoted[j] and not rows.delisted[j]:
                out.fate[j] = EMPTY
                continue
        b = best[i]
        if b < 0:
            best[i] = j
        elif out.quoted[j] != out.quoted[b]:
            best[i] = j if out.quoted[j] else b
        elif rows.currency[b] != listings.price_currency[i]:
            precedes = rows.precedence[d, rows.currency[j]] < rows.precedence[d, rows.currency[b]]
            if precedes or rows.currency[j] == listings.price_currency[i]:
                best[i] = j


@njit(cache=True, nogil=True)
def _keep_best(
    rows: QuoteRows,
    d: int,
    listings: ListingQuotes,
    quotes: CurrencyQuotes,
    out: QuoteResults,
    best: Index,
) -> None:
    """Keep the best rows of date d, of listings that have not ended."""
    for j in range(rows.offsets[d], rows.offsets[d + 1]):
        if out.fate[j] != KEPT:
            continue
        i, currency = rows.listing[j], rows.currency[j]
        if best[i] != j:
            out.fate[j] = OTHER_CURRENCY
            continue
        if out.quoted[j]:
            if listings.price_currency[i] >= 0 and listings.price_currency[i] != currency:
                out.old_currency[j], out.old_date[j] = listings.price_currency[i], listings.price_date[i]
                out.old_close[j], out.same_date[j] = listings.price_close[i], quotes.quoted_on[rows.quote[j]]
            listings.price_date[i], listings.price_currency[i] = rows.date[d], currency
            listings.price_close[i] = rows.close[j]
        listings.has_ended[i] |= listings.is_flagged[i] and not rows.delisted[j]
        listings.is_flagged[i] |= rows.delisted[j]
        if listings.has_ended[i]:
            out.fate[j] = AFTER_THE_END
    for j in range(rows.offsets[d], rows.offsets[d + 1]):
        best[rows.listing[j]] = -1
        if out.quoted[j]:
            quotes.quoted_on[rows.quote[j]] = rows.date[d]
