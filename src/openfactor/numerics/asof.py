"""Carries stored values forward to the rows of a panel: what was known on each day.

A panel has rows sorted by day (`offsets` (D+1,): rows of day d are offsets[d]:offsets[d+1]). Events are
sorted by day too and become known on their day. All kernels make one pass over both.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]


def age_limit(days: int | None) -> int:
    """The `max_age` of the kernels; None is no limit."""
    return int(np.iinfo(np.int64).max) if days is None else days


@njit(cache=True, nogil=True)
def carry_latest(
    event_offsets: Int,
    event_entity: Codes,
    event_value: Float,
    date: Codes,
    max_age: int,
    offsets: Int,
    entity: Codes,
    known: Float,
    known_date: Codes,
    out: Float,
) -> None:
    """Write the latest value of each row's entity on or before the row's day to `out` (rows,); NaN before
    the first, and once it is older than `max_age` days. Of several values on one day the last one counts.

    event_offsets, offsets : (days + 1,) events and rows of each day of a run
    date : (days,) ordinal of each day
    known, known_date : (entities,) what the run before left, NaN and 0 at the start; kept for the next one
    """
    for d in range(len(offsets) - 1):
        for j in range(event_offsets[d], event_offsets[d + 1]):
            known[event_entity[j]] = event_value[j]
            known_date[event_entity[j]] = date[d]
        for row in range(offsets[d], offsets[d + 1]):
            e = entity[row]
            out[row] = known[e] if date[d] - known_date[e] <= max_age else np.nan


# What holds for a row, by the rule of snapshots: the events of one day are a snapshot, which says all there
# is to say on that day, so that a name which it leaves out has no value from then on; between snapshots the
# last one stands. A row without a price keeps what the name had on its day before, also where a newer
# snapshot leaves it out: its market was closed. With `fill` a name keeps its own last value instead.
# Whatever the rule, a value that is older than `max_age` days counts no longer.
#
# Where several listings of an entity bring values for one day, those of the lowest rank count. The kernels
# go over a run of days and keep in `state` what the next run needs; they return how many events others
# outranked.


@njit(cache=True, nogil=True)
def carry_numbers(
    date: Codes,
    max_age: int,
    event_offsets: Int,
    event_factor: Codes,
    event_entity: Codes,
    event_rank: Codes,
    event_bits: NDArray[np.unsignedinteger],
    offsets: Int,
    entity: Codes,
    listing: Codes,
    priced: NDArray[np.bool_],
    fill: bool,
    known: NDArray[np.unsignedinteger],
    known_day: Codes,
    known_rank: Codes,
    snapshot: Codes,
    held: NDArray[np.unsignedinteger],
    missing: np.unsignedinteger,
    out: NDArray[np.unsignedinteger],
) -> int:
    """Write the exposures of a run of days to `out` (F, rows), as the bits of floating-point numbers.

    date : (days,) ordinal of each day of the run
    event_offsets, offsets : (days + 1,) events and rows of each day of the run
    known, known_day, known_rank : (F, entities) the last event of each; day -1: none yet
    snapshot : (F,) the last day with events; held : (F, listings) what the last row of each had
    missing : the bits of NaN
    """
    outranked = 0
    for i in range(len(offsets) - 1):
        day = date[i]
        for j in range(event_offsets[i], event_offsets[i + 1]):
            f, e = event_factor[j], event_entity[j]
            snapshot[f] = day
            if known_day[f, e] == day:
                outranked += 1
                if event_rank[j] >= known_rank[f, e]:
                    continue
            known[f, e] = event_bits[j]
            known_day[f, e] = day
            known_rank[f, e] = event_rank[j]
        for f in range(len(snapshot)):
            for row in range(offsets[i], offsets[i + 1]):
                e, item = entity[row], listing[row]
                if known_day[f, e] >= 0 and (fill or known_day[f, e] == snapshot[f]):
                    held[f, item] = known[f, e]
                elif priced[row]:
                    held[f, item] = missing
                if day - known_day[f, e] > max_age:
                    held[f, item] = missing
                out[f, row] = held[f, item]
    return outranked


@njit(cache=True, nogil=True)
def most_memberships(event_offsets: Int, event_entity: Codes, n_entities: int) -> int:
    """The largest number of events that an entity has on one day."""
    most = 0
    count = np.zeros(n_entities, np.int64)
    for i in range(len(event_offsets) - 1):
        for j in range(event_offsets[i], event_offsets[i + 1]):
            count[event_entity[j]] += 1
            most = max(most, count[event_entity[j]])
        for j in range(event_offsets[i], event_offsets[i + 1]):
            count[event_entity[j]] = 0
    return most


@njit(cache=True, nogil=True)
def carry_categories(
    date: Codes,
    max_age: int,
    event_offsets: Int,
    event_code: NDArray[np.int16],
    event_entity: Codes,
    event_rank: Codes,
    event_bits: NDArray[np.unsignedinteger],
    offsets: Int,
    entity: Codes,
    listing: Codes,
    priced: NDArray[np.bool_],
    fill: bool,
    known: NDArray[np.int16],
    known_bits: NDArray[np.unsignedinteger],
    known_day: Codes,
    known_rank: Codes,
    snapshot: Codes,
    held: NDArray[np.int16],
    held_bits: NDArray[np.unsignedinteger],
    codes: NDArray[np.int16],
    loads: NDArray[np.unsignedinteger],
) -> int:
    """Write the categories of a run of days to `codes` (S, rows) and their loadings to `loads` (S, rows).

    The slots of a name are sorted by code; -1: none. The events of a day are the whole set of a name's
    categories: a set stands or falls as one. An event of code -1 adds no category to it. `loads` and
    `held_bits` without rows: loadings are not kept.

    known, known_bits : (S, entities) the last set; known_day, known_rank : (entities,)
    snapshot : (1,) the last day with events; held, held_bits : (S, listings)
    """
    outranked = 0
    with_loads = len(loads) > 0
    slots = len(known)
    for i in range(len(offsets) - 1):
        day = date[i]
        for j in range(event_offsets[i], event_offsets[i + 1]):
            e = event_entity[j]
            snapshot[0] = day
            if known_day[e] == day and event_rank[j] > known_rank[e]:
                outranked += 1
                continue
            if known_day[e] != day or event_rank[j] < known_rank[e]:
                for s in range(slots):
                    if known_day[e] == day and known[s, e] >= 0:
                        outranked += 1
                    known[s, e] = -1
                known_day[e] = day
                known_rank[e] = event_rank[j]
            if event_code[j] < 0:
                continue
            s = slots - 1  # the set is sorted: make room from the end
            while s > 0 and (known[s - 1, e] < 0 or known[s - 1, e] > event_code[j]):
                known[s, e] = known[s - 1, e]
                known_bits[s, e] = known_bits[s - 1, e]
                s -= 1
            known[s, e] = event_code[j]
            known_bits[s, e] = event_bits[j]
        for row in range(offsets[i], offsets[i + 1]):
            e, item = entity[row], listing[row]
            current = known_day[e] >= 0 and (fill or known_day[e] == snapshot[0])
            too_old = day - known_day[e] > max_age
            for s in range(slots):
                if current and not too_old:
                    held[s, item] = known[s, e]
                    if with_loads:
                        held_bits[s, item] = known_bits[s, e]
                elif priced[row] or too_old:
                    held[s, item] = -1
                codes[s, row] = held[s, item]
                if with_loads:
                    loads[s, row] = held_bits[s, item]
    return outranked
