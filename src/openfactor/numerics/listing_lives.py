"""Which listing has a row on which day, decided day by day.

Days are numbers of stored days.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Int = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]


class PriceEvents(NamedTuple):
    """Rows of a price upload, in the order of their days."""

    day: Int
    """(n,)"""
    listing: Codes
    """(n,)"""
    quoted: Mask
    """(n,) the row has a price."""
    delisted: Mask
    """(n,) it says that the listing ends."""
    stated: Int
    """(n,) after this day, what the listing is on the day of the price has no rows without a price."""


class PriceGaps(NamedTuple):
    """How long a listing lives on without a price."""

    counted: Int
    """(D,) how many days up to each day count towards the limit."""
    limit: int
    """Counted days without a price."""


class LifeState(NamedTuple):
    """What is known of each listing so far."""

    last_day: Int
    """(listings,) of its last price; -1: none yet."""
    flagged: Mask
    """(listings,) a row since, or that of the price, said `delisted`."""
    flag_day: Int
    """(listings,) the day of that row."""
    until: Int
    """(listings,) `stated` of the last price."""


def new_life_state(n_listings: int) -> LifeState:
    """Before the first day."""
    n, none = n_listings, -1
    return LifeState(
        np.full(n, none, np.int64), np.zeros(n, np.bool_), np.full(n, none, np.int64),
        np.full(n, none, np.int64),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def mark_lives(
    prices: PriceEvents,
    gaps: PriceGaps,
    state: LifeState,
    steps: NDArray[np.int8],
    base: Mask,
    after_flag: Mask,
) -> None:
    """Go through price rows in the order of their days and note where rows of the panel begin and end.

    A listing has a row on a day with a price and, unless its last row says `delisted`, on the days after
    it, up to `limit` counted days. A row that says `delisted` without a price ends a life that has not
    ended before.

    Parameters
    ----------
    state : kept from call to call
    steps : (D + 1, listings) receives 1 where rows begin and -1 on the day after the last one
    base : (n,) receives whether the price begins a life, so that its return is not used
    after_flag : (n,) receives whether there are no rows on counted days before the price, though it begins no
        life, because the price before said `delisted`
    """
    counted, limit = gaps.counted, gaps.limit
    last_day, flagged, flag_day, until = state.last_day, state.flagged, state.flag_day, state.until
    for j in range(len(prices.day)):
        d, i = prices.day[j], prices.listing[j]
        s = last_day[i]
        if not prices.quoted[j]:
            if s >= 0 and not flagged[i]:
                flagged[i] = True
                flag_day[i] = d
            continue
        if s < 0:
            base[j] = True
            steps[d, i] += 1
        else:
            end = _end(i, gaps, state)
            if end < d - 1:
                steps[end + 1, i] -= 1
                steps[d, i] += 1
                after_flag[j] = flagged[i] and counted[d - 1] > counted[end]
            # the id map ended it in between
            ended = prices.stated[j] != until[i] and until[i] < d - 1
            base[j] = ended or (d > 0 and counted[d - 1] - counted[s] > limit)
            after_flag[j] = after_flag[j] and not base[j]
        last_day[i] = d
        until[i] = prices.stated[j]
        flagged[i] = prices.delisted[j]
        flag_day[i] = d


@njit(cache=True, nogil=True)
def close_lives(gaps: PriceGaps, state: LifeState, steps: NDArray[np.int8]) -> None:
    """Note in `steps` where the rows after the last prices end."""
    for i in range(len(state.last_day)):
        if state.last_day[i] >= 0:
            steps[_end(i, gaps, state) + 1, i] -= 1


@njit(cache=True, nogil=True)
def _end(i: int, gaps: PriceGaps, state: LifeState) -> int:
    """The last day with a row of listing i, if no price follows its last one."""
    s = state.last_day[i]
    limit = gaps.counted[s] + gaps.limit
    end = min(int(np.searchsorted(gaps.counted, limit, side="right")) - 1, max(state.until[i], s))
    return min(end, int(state.flag_day[i])) if state.flagged[i] else int(end)


@njit(cache=True, nogil=True)
def fill_stale_rows(
    offsets: Int,
    listing: Codes,
    company: Codes,
    priced: Mask,
    counted: Int,
    most_closed: int,
    currency: NDArray[np.int16],
    asleep: Mask,
) -> None:
    """Give rows without a price the currency of the last one, and find listings that no longer trade.

    Parameters
    ----------
    offsets : (D + 1,) rows of each stored day
    listing, company, priced : (rows,)
    counted : (D,) as of `PriceGaps`
    most_closed : counted days without a price after which a listing is asleep
    currency : (rows,) set where there is a price; receives the others
    asleep : (rows,) receives whether a listing without a price has had none for more than `most_closed`
        counted days, or another listing of its company has begun to trade since its last price
    """
    n_listings = listing.max() + 1 if len(listing) else 0
    n_companies = company.max() + 1 if len(company) else 0
    last_day = np.full(n_listings, -1, np.int64)
    last_row = np.full(n_listings, -2, np.int64)
    known = np.zeros(n_listings, np.int16)
    newest = np.full(n_companies, -1, np.int64)  # the day on which one of its listings last began to trade
    for d in range(len(offsets) - 1):
        for row in range(offsets[d], offsets[d + 1]):
            i = listing[row]
            if priced[row]:
                if last_row[i] < d - 1:
                    newest[company[row]] = d
                last_day[i] = d
                known[i] = currency[row]
            last_row[i] = d
        for row in range(offsets[d], offsets[d + 1]):
            i = listing[row]
            if not priced[row]:
                s = last_day[i]
                currency[row] = known[i]
                asleep[row] = counted[d] - counted[s] > most_closed or newest[company[row]] > s


@njit(cache=True, nogil=True)
def choose_currency(
    listing: Codes, day: Int, quoted: Mask, currency: NDArray[np.int16], n_currencies: int
) -> tuple[Mask, Int, Int]:
    """Which of several rows of a listing and day counts, and the rows that its return can begin at.

    The currency of the listing's last price counts where it is among those of the day, else the first one.

    Parameters
    ----------
    listing, day, quoted, currency : (n,) sorted by listing, day, those with a price first, then currency
    n_currencies : one more than the largest code in `currency`

    Returns
    -------
    kept : (n,) the row counts
    before : (n,) for kept rows with a price, the last kept row of the listing before with a price; -1: none
    same : (n,) for kept rows with a price, the last row of the listing before in the same currency with a
        price, kept or not; -1: none
    """
    n = len(listing)
    kept = np.zeros(n, np.bool_)
    before, same = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    latest = np.full(n_currencies, -1, np.int64)
    last = -1  # row of the last price
    i = 0
    while i < n:
        if i == 0 or listing[i] != listing[i - 1]:
            latest[:] = -1
            last = -1
        j, chosen = i, i
        while j < n and listing[j] == listing[i] and day[j] == day[i]:
            if last >= 0 and currency[j] == currency[last] and quoted[j] == quoted[i]:
                chosen = j
            j += 1
        kept[chosen] = True
        if quoted[chosen]:
            before[chosen], same[chosen] = last, latest[currency[chosen]]
            last = chosen
        for k in range(i, j):
            if quoted[k]:
                latest[currency[k]] = k
        i = j
    return kept, before, same
