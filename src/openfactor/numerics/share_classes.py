"""Sums over the share classes of a company: what was known of each on each day."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]
NEVER = -1


def new_classes(n_listings: int) -> tuple[Float, Codes]:
    """`known` and `dates` of `carry_sums`, before the first day."""
    return np.full(n_listings, np.nan), np.full((4, n_listings), NEVER, np.int32)


@njit(cache=True, nogil=True)
def carry_sums(
    event_offsets: Int,
    event_listing: Codes,
    event_value: Float,
    date: Codes,
    max_age: int,
    offsets: Int,
    listing: Codes,
    priced: NDArray[np.bool_],
    entity: Codes,
    known: Float,
    dates: Codes,
    out: Float,
) -> None:
    """Write the sum of the latest values of all listings of each row's company to `out` (rows,); NaN where
    none counts.

    A value counts until it is older than `max_age` days, until its listing has ended, or until another one
    takes the listing's place: one of the same company that has a value of its own, and has begun to trade
    since the listing's last price. A value of a later date than that counts whatever became of the listing;
    and a listing without any row so far has not ended.

    event_offsets, offsets : (days + 1,) events and rows of each day of a run, at most one event a listing
    date : (days,) ordinal of each day
    priced : (rows,); entity : (listings,)
    known : (listings,) latest values; dates : (4, listings) of these, of the first and last row, and of the
        last price; both kept from run to run, see `new_classes`
    """
    known_on, first_row, last_row, last_price = dates[0], dates[1], dates[2], dates[3]
    total, newest = np.empty(entity.max() + 1), np.empty(entity.max() + 1, np.int32)
    for d in range(len(offsets) - 1):
        today = date[d]
        for j in range(event_offsets[d], event_offsets[d + 1]):
            known[event_listing[j]] = event_value[j]
            known_on[event_listing[j]] = today
        for row in range(offsets[d], offsets[d + 1]):
            name = listing[row]
            if first_row[name] == NEVER:
                first_row[name] = today
            last_row[name] = today
            if priced[row]:
                last_price[name] = today
        total[:] = np.nan
        newest[:] = NEVER
        for name in range(len(entity)):
            if first_row[name] != NEVER and known_on[name] >= first_row[name]:
                newest[entity[name]] = max(newest[entity[name]], first_row[name])
        for name in range(len(entity)):
            e, since = entity[name], known_on[name]
            if since == NEVER or today - since > max_age:
                continue
            if last_row[name] != NEVER:
                if last_row[name] < today and since <= last_row[name]:
                    continue
                if newest[e] > last_price[name] and since < newest[e]:
                    continue
            total[e] = known[name] if np.isnan(total[e]) else total[e] + known[name]
        for row in range(offsets[d], offsets[d + 1]):
            out[row] = total[entity[listing[row]]]
