"""Sums over the share classes of a company: what was known of each on each day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openfactor.numerics.asof import RunRows, Values

Float = NDArray[np.float64]
Codes = NDArray[np.int32]
NEVER = -1


class ClassState(NamedTuple):
    """What is known of each listing so far; ordinals of days, NEVER before the first."""

    known: Float
    """(listings,) the latest value."""
    known_date: Codes
    """(listings,) of the latest value."""
    first_row: Codes
    """(listings,) day of its first row, ..."""
    last_row: Codes
    """(listings,) ... of its last, ..."""
    last_price: Codes
    """(listings,) ... and of its last price."""


def new_class_state(n_listings: int) -> ClassState:
    """Before the first day."""
    return ClassState(np.full(n_listings, np.nan), *(np.full(n_listings, NEVER, np.int32) for _ in range(4)))


@njit(cache=True, nogil=True)
def _learn(values: Values, rows: RunRows, d: int, state: ClassState) -> None:
    """Take in the values and the rows of day d."""
    today = rows.date[d]
    for j in range(values.offsets[d], values.offsets[d + 1]):
        state.known[values.owner[j]] = values.value[j]
        state.known_date[values.owner[j]] = today
    for row in range(rows.offsets[d], rows.offsets[d + 1]):
        i = rows.listing[row]
        if state.first_row[i] == NEVER:
            state.first_row[i] = today
        state.last_row[i] = today
        if rows.priced[row]:
            state.last_price[i] = today


@njit(cache=True, nogil=True)
def carry_sums(
    values: Values, rows: RunRows, company: Codes, max_age: int, state: ClassState, out: Float
) -> None:
    """Write the sum of the latest values of all listings of each row's company to `out` (rows,); NaN where
    none counts.

    A value counts until it is older than `max_age` days, until its listing has ended, or until another
    listing takes its place: one of the same company that has a value of its own, and has begun to trade since
    the first one's last price. A value of a later date than that counts whatever became of the listing; and a
    listing without any row so far has not ended.

    Parameters
    ----------
    values : of listings, at most one per listing and day
    company : (listings,) of each listing
    max_age : in days, as of `asof.age_limit`
    state : kept from run to run
    """
    known, since, first_row = state.known, state.known_date, state.first_row
    last_row, last_price = state.last_row, state.last_price
    total, newest = np.empty(company.max() + 1), np.empty(company.max() + 1, np.int32)
    for d in range(len(rows.date)):
        today = rows.date[d]
        _learn(values, rows, d, state)
        total[:] = np.nan
        newest[:] = NEVER
        for i in range(len(company)):
            if first_row[i] != NEVER and since[i] >= first_row[i]:
                newest[company[i]] = max(newest[company[i]], first_row[i])
        for i in range(len(company)):
            c = company[i]
            if since[i] == NEVER or today - since[i] > max_age:
                continue
            if last_row[i] != NEVER:
                if last_row[i] < today and since[i] <= last_row[i]:
                    continue
                if newest[c] > last_price[i] and since[i] < newest[c]:
                    continue
            total[c] = known[i] if np.isnan(total[c]) else total[c] + known[i]
        for row in range(rows.offsets[d], rows.offsets[d + 1]):
            out[row] = total[company[rows.listing[row]]]
