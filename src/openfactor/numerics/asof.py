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


@njit(cache=True, nogil=True)
def latest(
    event_offsets: Int, event_entity: Codes, event_value: Float, offsets: Int, entity: Codes, n_entities: int
) -> Float:
    """The latest value of each row's entity on or before the row's day (rows,); NaN before the first."""
    known = np.full(n_entities, np.nan)
    out = np.empty(len(entity))
    for d in range(len(offsets) - 1):
        for j in range(event_offsets[d], event_offsets[d + 1]):
            known[event_entity[j]] = event_value[j]
        for row in range(offsets[d], offsets[d + 1]):
            out[row] = known[entity[row]]
    return out


@njit(cache=True, nogil=True)
def snapshot_events(
    event_offsets: Int,
    event_entity: Codes,
    offsets: Int,
    entity: Codes,
    listing: Codes,
    priced: NDArray[np.bool_],
    n_entities: int,
    n_listings: int,
) -> Int:
    """For each row the first event of the snapshot that holds for it (rows,); -1 where none does.

    The events of one day are a snapshot: it says all there is to say on that day, so that a name which
    it leaves out has no value from then on. Between snapshots the last one stands. A row without a
    price keeps what the name had on its day before, also where a newer snapshot leaves it out: its
    market was closed. Events of one entity on one day must be adjacent.
    """
    first = np.full(n_entities, -1, np.int64)
    snapshot = np.full(n_entities, -1, np.int64)
    held = np.full(n_listings, -1, np.int64)
    out = np.empty(len(entity), np.int64)
    current = -2
    for d in range(len(offsets) - 1):
        if event_offsets[d + 1] > event_offsets[d]:
            current = d
        for j in range(event_offsets[d], event_offsets[d + 1]):
            e = event_entity[j]
            if snapshot[e] != d:
                snapshot[e] = d
                first[e] = j
        for row in range(offsets[d], offsets[d + 1]):
            e, item = entity[row], listing[row]
            if snapshot[e] == current:
                held[item] = first[e]
            elif priced[row]:
                held[item] = -1
            out[row] = held[item]
    return out
