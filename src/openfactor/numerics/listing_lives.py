"""Which listing has a row on which day, decided day by day.

Days are numbers of stored days. `counted` (D,) has, for each of them, how many days up to it count towards
the limit of days without a price.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Int = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]


@njit(cache=True, nogil=True)
def mark_lives(
    day: Int,
    listing: Codes,
    quoted: Mask,
    delisted: Mask,
    counted: Int,
    limit: int,
    stated: Int,
    last_day: Int,
    flagged: Mask,
    flag_day: Int,
    until: Int,
    steps: NDArray[np.int8],
    base: Mask,
    after_flag: Mask,
) -> None:
    """Go through price rows in the order of their days and note where rows of the panel begin and end.

    A listing has a row on a day with a price and, unless its last row says `delisted`, on the days after
    it, up to `limit` counted days. A row that says `delisted` without a price ends a life that has not
    ended before.

    quoted : (n,) the row has a price
    stated : (n,) after this day, what the listing is on the day of the price has no rows without a price
    last_day, flagged, flag_day, until : (listings,) state, kept from call to call; until is `stated` of the
        last price; -1, False, -1 and -1 at the start
    steps : (D + 1, listings) receives 1 where rows begin and -1 on the day after the last one
    base : (n,) receives whether the price begins a life, so that its return is not used
    after_flag : (n,) receives whether there are no rows on counted days before the price, though it begins no
        life, for the price before said `delisted`
    """
    for i in range(len(day)):
        d, name = day[i], listing[i]
        s = last_day[name]
        if not quoted[i]:
            if s >= 0 and not flagged[name]:
                flagged[name] = True
                flag_day[name] = d
            continue
        if s < 0:
            base[i] = True
            steps[d, name] += 1
        else:
            end = _end(s, flagged[name], flag_day[name], counted, limit, until[name])
            if end < d - 1:
                steps[end + 1, name] -= 1
                steps[d, name] += 1
                after_flag[i] = flagged[name] and counted[d - 1] > counted[end]
            ended = stated[i] != until[name] and until[name] < d - 1  # the id map ended it in between
            base[i] = ended or (d > 0 and counted[d - 1] - counted[s] > limit)
            after_flag[i] = after_flag[i] and not base[i]
        last_day[name] = d
        until[name] = stated[i]
        flagged[name] = delisted[i]
        flag_day[name] = d


@njit(cache=True, nogil=True)
def close_lives(
    last_day: Int,
    flagged: Mask,
    flag_day: Int,
    counted: Int,
    limit: int,
    until: Int,
    steps: NDArray[np.int8],
) -> None:
    """Note in `steps` where the rows after the last prices end."""
    for name in range(len(last_day)):
        s = last_day[name]
        if s >= 0:
            end = _end(s, flagged[name], flag_day[name], counted, limit, until[name])
            steps[end + 1, name] -= 1


@njit(cache=True, nogil=True)
def _end(s: int, flagged: bool, flag_day: int, counted: Int, limit: int, until: int) -> int:
    """The last day with a row, if no price follows that of day s."""
    end = min(int(np.searchsorted(counted, counted[s] + limit, side="right")) - 1, max(until, s))
    return min(end, flag_day) if flagged else end


@njit(cache=True, nogil=True)
def carry_rows(
    offsets: Int,
    listing: Codes,
    entity: Codes,
    priced: Mask,
    counted: Int,
    most_closed: int,
    currency: NDArray[np.int16],
    asleep: Mask,
) -> None:
    """Give stale rows the currency of the last price, and find listings that others of their company outrank.

    entity : (rows,)
    currency : (rows,) set where there is a price; receives the others
    asleep : (rows,) receives whether a listing without a price has had none for more than `most_closed`
        counted
        days, or another listing of its company has begun to trade since its last price
    """
    n_listings = listing.max() + 1 if len(listing) else 0
    n_entities = entity.max() + 1 if len(entity) else 0
    last_day = np.full(n_listings, -1, np.int64)
    last_row = np.full(n_listings, -2, np.int64)
    known = np.zeros(n_listings, np.int16)
    newest = np.full(
        n_entities, -1, np.int64
    )  # the day on which a listing of the company last began to trade
    for d in range(len(offsets) - 1):
        for row in range(offsets[d], offsets[d + 1]):
            name = listing[row]
            if priced[row]:
                if last_row[name] < d - 1:
                    newest[entity[row]] = d
                last_day[name] = d
                known[name] = currency[row]
            last_row[name] = d
        for row in range(offsets[d], offsets[d + 1]):
            name = listing[row]
            if not priced[row]:
                s = last_day[name]
                currency[row] = known[name]
                asleep[row] = counted[d] - counted[s] > most_closed or newest[entity[row]] > s


@njit(cache=True, nogil=True)
def choose_currency(
    listing: Codes, day: Int, quoted: Mask, currency: NDArray[np.int16], n_currencies: int
) -> tuple[Mask, Int, Int]:
    """Which of several rows of a listing and day counts, and the rows that its return can begin at.

    Rows are sorted by listing, day, those with a price first, then currency. The currency of the listing's
    last price counts where it is among them, else the first one.

    Returns
    -------
    kept : (n,); before : (n,) the last kept row of the listing with a price; same : (n,) the last row of
        the listing in the same currency with a price, kept or not. -1: none
    """
    n = len(listing)
    kept = np.zeros(n, np.bool_)
    before, same = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    latest = np.full(n_currencies, -1, np.int64)
    force = -1  # row of the last price
    i = 0
    while i < n:
        if i == 0 or listing[i] != listing[i - 1]:
            latest[:] = -1
            force = -1
        j, chosen = i, i
        while j < n and listing[j] == listing[i] and day[j] == day[i]:
            if force >= 0 and currency[j] == currency[force] and quoted[j] == quoted[i]:
                chosen = j
            j += 1
        kept[chosen] = True
        if quoted[chosen]:
            before[chosen], same[chosen] = force, latest[currency[chosen]]
            force = chosen
        for k in range(i, j):
            if quoted[k]:
                latest[currency[k]] = k
        i = j
    return kept, before, same
