"""Which listing has a row on which day, decided day by day.

Days are numbers of stored days, from the first one of the history on. Dates are numbers of calendar days.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
"""Stands for a day that never comes."""


class StoredDays(NamedTuple):
    """The stored days of a run."""

    first: int
    """Number of the first one."""
    date: Int
    """(D + 1,) the last stored day before the run, then those of the run."""
    counted: Int
    """(D + 1,) how many days up to each of these count towards the limits of days without a price."""


class PriceEvents(NamedTuple):
    """Rows of a price upload, sorted by day."""

    offsets: Int
    """(D + 2,) where the rows of each day begin, and those after the last day, which have no price."""
    listing: Codes
    """(n,)"""
    quoted: Mask
    """(n,) the row has a price."""
    delisted: Mask
    """(n,) it says that the listing ends."""
    currency: NDArray[np.int16]
    """(n,)"""
    stated: Int
    """(n,) after this date, what the listing is on the day of the price has no rows without a price."""


class LifeLimits(NamedTuple):
    """How long listings live on without a price, in counted days."""

    alive: int
    """The listing has rows for so long."""
    main: int
    """The listing can represent its company for so long."""


class LifeState(NamedTuple):
    """What is known of each listing and company so far."""

    last_price: Int
    """(listings,) day of the last price; -1: none yet."""
    counted_at_price: Int
    """(listings,) counted days up to then."""
    until: Int
    """(listings,) `stated` of the last price."""
    currency: NDArray[np.int16]
    """(listings,) of the last price."""
    flag_day: Int
    """(listings,) day of the first row that says `delisted`, from the last price on; NEVER: none does."""
    last_row: Int
    """(listings,) day of the last row; -2: none yet."""
    counted_at_row: Int
    """(listings,) counted days up to then."""
    began_trading: Int
    """(companies,) the day on which one of its listings last began to trade; -1: none yet."""


class DayRows(NamedTuple):
    """Rows of listings on the days of a run."""

    offsets: Int
    """(D + 1,) where the rows of each day begin."""
    listing: Codes
    """(rows,)"""
    price: Int
    """(rows,) index of the price of the day; -1: none."""
    currency: NDArray[np.int16]
    """(rows,) of the last price."""
    asleep: Mask
    """(rows,) a listing without a price has had none for more than the limit, or another listing of its
    company has begun to trade since its last price."""
    is_last: Mask
    """(rows,) the listing ends with the row: it says `delisted`."""
    base: Mask
    """(n,) the price begins a life, so that its return is not used."""
    after_flag: Mask
    """(n,) there are no rows on counted days before the price, though it begins no life, because the row
    before says `delisted`."""


def new_life_state(n_listings: int, n_companies: int) -> LifeState:
    """Before the first day."""

    def filled(value: int, n: int = n_listings) -> Int:
        return np.full(n, value, np.int64)

    return LifeState(
        filled(-1), filled(0), filled(0), np.zeros(n_listings, np.int16), filled(NEVER), filled(-2),
        filled(0), filled(-1, n_companies),
    )  # fmt: skip


def new_day_rows(n_days: int, n_rows: int, n_events: int) -> DayRows:
    """Room for rows and for what they say of events."""
    base, after_flag = np.zeros((2, n_events), np.bool_)
    return DayRows(
        np.zeros(n_days + 1, np.int64), np.empty(n_rows, np.int32), np.empty(n_rows, np.int64),
        np.empty(n_rows, np.int16), np.empty(n_rows, np.bool_), np.empty(n_rows, np.bool_), base, after_flag,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def lay_out_days(
    days: StoredDays, events: PriceEvents, company: Codes, limits: LifeLimits, state: LifeState, out: DayRows
) -> None:
    """Give each listing a row on each day on which it is alive.

    A listing is alive on a day with a price and, unless its last row says `delisted`, on the days after it,
    up to the limit and to the date stated at its price. A row that says `delisted` without a price is the
    last one of a life that has not ended before; on a date that is not stored, it counts for the next stored
    day.

    Parameters
    ----------
    company : (listings,)
    state : kept from call to call
    out : has room for a row of each listing on each day; is filled
    """
    price = np.full(len(company), -1, np.int64)
    n_rows = 0
    for k in range(len(days.date)):
        for e in range(events.offsets[k], events.offsets[k + 1]):
            if not events.quoted[e]:
                _take_flag(events.listing[e], days.first + k, state)
            else:
                _take_price(days, k, events, e, limits, state, out)
                price[events.listing[e]] = e
        if k < len(days.date) - 1:
            n_rows = _lay_out_day(days, k, n_rows, price, company, limits, state, out)
            out.offsets[k + 1] = n_rows
            for e in range(events.offsets[k], events.offsets[k + 1]):
                price[events.listing[e]] = -1


@njit(cache=True, nogil=True)
def _take_flag(i: int, day: int, state: LifeState) -> None:
    """A row of listing i without a price, which says `delisted`."""
    if state.last_price[i] >= 0 and state.flag_day[i] == NEVER:
        state.flag_day[i] = day


@njit(cache=True, nogil=True)
def _take_price(
    days: StoredDays, k: int, events: PriceEvents, e: int, limits: LifeLimits, state: LifeState, out: DayRows
) -> None:
    """A price on day k of the run."""
    i, day = events.listing[e], days.first + k
    if state.last_price[i] < 0:
        out.base[e] = True
    else:
        # the id map ended it in between
        ended = events.stated[e] != state.until[i] and state.until[i] < days.date[k]
        out.base[e] = ended or days.counted[k] - state.counted_at_price[i] > limits.alive
        missed = state.last_row[i] < day - 1 and days.counted[k] > state.counted_at_row[i]
        out.after_flag[e] = missed and state.flag_day[i] != NEVER and not out.base[e]
    state.last_price[i] = day
    state.counted_at_price[i] = days.counted[k + 1]
    state.until[i], state.currency[i] = events.stated[e], events.currency[e]
    state.flag_day[i] = day if events.delisted[e] else NEVER


@njit(cache=True, nogil=True)
def _lay_out_day(
    days: StoredDays,
    k: int,
    n_rows: int,
    price: Int,
    company: Codes,
    limits: LifeLimits,
    state: LifeState,
    out: DayRows,
) -> int:
    """The rows of day k of the run, after those of the days before; the number of rows with them."""
    first, day, date, counted = n_rows, days.first + k, days.date[k + 1], days.counted[k + 1]
    for i in range(len(company)):
        if state.last_price[i] < 0 or day > state.flag_day[i]:
            continue
        if price[i] < 0 and (date > state.until[i] or counted > state.counted_at_price[i] + limits.alive):
            continue
        if price[i] >= 0 and state.last_row[i] < day - 1:
            state.began_trading[company[i]] = day
        state.last_row[i] = day
        state.counted_at_row[i] = counted
        out.listing[n_rows], out.price[n_rows], out.currency[n_rows] = i, price[i], state.currency[i]
        out.is_last[n_rows] = day == state.flag_day[i]
        n_rows += 1
    for row in range(first, n_rows):
        i = out.listing[row]
        idle = counted - state.counted_at_price[i] > limits.main
        replaced = state.began_trading[company[i]] > state.last_price[i]
        out.asleep[row] = out.price[row] < 0 and (idle or replaced)
    return n_rows
