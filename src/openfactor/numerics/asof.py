"""Carries stored values forward to the rows of a panel: what was known on each day.

A panel has rows sorted by day; events are sorted by day too and become known on their day. All kernels make
one pass over both. They go over a run of days at a time and leave what the next run needs in a state.

The rule of snapshots, by which exposures are carried: the events of one day are a snapshot, which says all
there is to say on that day, so that a company which it leaves out has no value from then on; between
snapshots the last one stands. A row without a price keeps what the listing had on its day before, even where
a newer snapshot leaves it out, because its market was closed. With `forward_fill` a company keeps its own
last value instead. Whatever the rule, a value that is older than `max_age` days no longer counts.

Where several listings of a company have values on one day, those of the lowest rank count; kernels return how
many events they supersede.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]
Bits = NDArray[np.unsignedinteger]


class RunRows(NamedTuple):
    """The rows of a panel on the days of a run."""

    date: Codes
    """(days,) ordinal of each day, in calendar days."""
    offsets: Int
    """(days + 1,) the rows of day d are offsets[d]:offsets[d + 1]."""
    company: Codes
    """(rows,) of the whole panel, like the others."""
    listing: Codes
    """(rows,)"""
    priced: NDArray[np.bool_]
    """(rows,) the row has a price."""


class Values(NamedTuple):
    """Values that become known on the days of a run; of several on one day the last one counts."""

    offsets: Int
    """(days + 1,) the events of day d are offsets[d]:offsets[d + 1]."""
    owner: Codes
    """(events,) the company or listing that a value is of."""
    value: Float
    """(events,)"""


class ExposureEvents(NamedTuple):
    """Exposures that become known on the days of a run."""

    offsets: Int
    """(days + 1,) the events of day d are offsets[d]:offsets[d + 1]."""
    code: NDArray[np.signedinteger]
    """(events,) number of the factor or category; -1, for categories: none."""
    company: Codes
    """(events,)"""
    rank: Codes
    """(events,) of the listing that it is an exposure of; the lowest counts."""
    bits: Bits
    """(events,) the floating-point numbers as bits, so that a kernel serves all precisions."""


class CarryRule(NamedTuple):
    """How long a value stands."""

    max_age: int
    """Days after which it no longer counts, as of `age_limit`."""
    forward_fill: bool
    """A company keeps its own last value, whatever later snapshots leave out."""


class LatestState(NamedTuple):
    """The last value of each owner so far."""

    known: Float
    """(owners,) NaN before the first."""
    known_date: Codes
    """(owners,) ordinal of its day, 0 before the first."""


class NumberState(NamedTuple):
    """What is known of the exposures to F continuous factors so far."""

    known: Bits
    """(F, companies) the last exposure of each."""
    known_day: Codes
    """(F, companies) ordinal of its day; -1: none yet."""
    known_rank: Codes
    """(F, companies) its rank."""
    snapshot: Codes
    """(F,) the last day with events; -1: none yet."""
    held: Bits
    """(F, listings) what the last row of each listing had."""


class CategoryState(NamedTuple):
    """What is known of the categories of a group so far; a company has at most S at a time."""

    known: NDArray[np.int16]
    """(S, companies) the last set of each, sorted; -1: none."""
    known_bits: Bits
    """(S, companies) their loadings."""
    known_day: Codes
    """(companies,) ordinal of the day of the set; -1: none yet."""
    known_rank: Codes
    """(companies,) its rank."""
    snapshot: Codes
    """(1,) the last day with events; -1: none yet."""
    held: NDArray[np.int16]
    """(S, listings) what the last row of each listing had."""
    held_bits: Bits
    """(S, listings) its loadings; no rows where loadings are not kept."""


def age_limit(days: int | None) -> int:
    """The `max_age` of the kernels; None is no limit."""
    return int(np.iinfo(np.int64).max) if days is None else days


@njit(cache=True, nogil=True)
def carry_latest(values: Values, rows: RunRows, max_age: int, state: LatestState, out: Float) -> None:
    """Write the latest value of each row's company, on or before the row's day, to `out` (rows,).

    NaN before the first value, and once it is older than `max_age` days.
    """
    known, known_date, company = state.known, state.known_date, rows.company
    for d in range(len(rows.date)):
        today = rows.date[d]
        for j in range(values.offsets[d], values.offsets[d + 1]):
            known[values.owner[j]] = values.value[j]
            known_date[values.owner[j]] = today
        for row in range(rows.offsets[d], rows.offsets[d + 1]):
            c = company[row]
            out[row] = known[c] if today - known_date[c] <= max_age else np.nan


@njit(cache=True, nogil=True)
def _learn_numbers(events: ExposureEvents, d: int, today: int, state: NumberState) -> int:
    """Take in the exposures of day d; how many are superseded."""
    known, known_day, known_rank = state.known, state.known_day, state.known_rank
    superseded = 0
    for j in range(events.offsets[d], events.offsets[d + 1]):
        f, c = events.code[j], events.company[j]
        state.snapshot[f] = today
        if known_day[f, c] == today:
            superseded += 1
            if events.rank[j] >= known_rank[f, c]:
                continue
        known[f, c] = events.bits[j]
        known_day[f, c] = today
        known_rank[f, c] = events.rank[j]
    return superseded


@njit(cache=True, nogil=True)
def carry_numbers(
    events: ExposureEvents,
    rows: RunRows,
    rule: CarryRule,
    state: NumberState,
    missing: np.unsignedinteger,
    out: Bits,
) -> int:
    """Write the exposures of a run of days to `out` (F, rows), as the bits of floating-point numbers.

    Parameters
    ----------
    missing : the bits of NaN

    Returns
    -------
    How many events were superseded.
    """
    known, known_day, snapshot, held = state.known, state.known_day, state.snapshot, state.held
    company, listing, priced = rows.company, rows.listing, rows.priced
    max_age, forward_fill = rule.max_age, rule.forward_fill
    superseded = 0
    for d in range(len(rows.date)):
        today = rows.date[d]
        superseded += _learn_numbers(events, d, today, state)
        for f in range(len(snapshot)):
            for row in range(rows.offsets[d], rows.offsets[d + 1]):
                c, i = company[row], listing[row]
                if known_day[f, c] >= 0 and (forward_fill or known_day[f, c] == snapshot[f]):
                    held[f, i] = known[f, c]
                elif priced[row]:
                    held[f, i] = missing
                if today - known_day[f, c] > max_age:
                    held[f, i] = missing
                out[f, row] = held[f, i]
    return superseded


@njit(cache=True, nogil=True)
def most_memberships(offsets: Int, company: Codes, n_companies: int) -> int:
    """The largest number of events that a company has on one day; offsets (days + 1,), company (events,)."""
    most = 0
    count = np.zeros(n_companies, np.int64)
    for d in range(len(offsets) - 1):
        for j in range(offsets[d], offsets[d + 1]):
            count[company[j]] += 1
            most = max(most, count[company[j]])
        for j in range(offsets[d], offsets[d + 1]):
            count[company[j]] = 0
    return most


@njit(cache=True, nogil=True)
def _learn_categories(events: ExposureEvents, d: int, today: int, state: CategoryState) -> int:
    """Take in the categories of day d; how many are superseded."""
    known, known_bits = state.known, state.known_bits
    known_day, known_rank = state.known_day, state.known_rank
    superseded, slots = 0, len(known)
    for j in range(events.offsets[d], events.offsets[d + 1]):
        c, code, rank = events.company[j], events.code[j], events.rank[j]
        state.snapshot[0] = today
        if known_day[c] == today and rank > known_rank[c]:
            superseded += 1
            continue
        if known_day[c] != today or rank < known_rank[c]:
            for s in range(slots):
                if known_day[c] == today and known[s, c] >= 0:
                    superseded += 1
                known[s, c] = -1
            known_day[c] = today
            known_rank[c] = rank
        if code < 0:
            continue
        s = slots - 1  # the set is sorted: make room from the end
        while s > 0 and (known[s - 1, c] < 0 or known[s - 1, c] > code):
            known[s, c] = known[s - 1, c]
            known_bits[s, c] = known_bits[s - 1, c]
            s -= 1
        known[s, c] = code
        known_bits[s, c] = events.bits[j]
    return superseded


@njit(cache=True, nogil=True)
def carry_categories(
    events: ExposureEvents,
    rows: RunRows,
    rule: CarryRule,
    state: CategoryState,
    codes: NDArray[np.int16],
    loadings: Bits,
) -> int:
    """Write the categories of a run of days to `codes` (S, rows) and their loadings to `loadings` (S, rows).

    The slots of a row are sorted by code; -1: none. The events of a day are the whole set of a company's
    categories: a set stands or falls as one. An event of code -1 adds no category to it. `loadings` and
    `state.held_bits` without rows: loadings are not kept.

    Returns
    -------
    How many events were superseded.
    """
    known, known_bits, known_day = state.known, state.known_bits, state.known_day
    held, held_bits, snapshot = state.held, state.held_bits, state.snapshot
    company, listing, priced = rows.company, rows.listing, rows.priced
    superseded, has_loadings = 0, len(loadings) > 0
    for d in range(len(rows.date)):
        today = rows.date[d]
        superseded += _learn_categories(events, d, today, state)
        for row in range(rows.offsets[d], rows.offsets[d + 1]):
            c, i = company[row], listing[row]
            current = known_day[c] >= 0 and (rule.forward_fill or known_day[c] == snapshot[0])
            too_old = today - known_day[c] > rule.max_age
            for s in range(len(known)):
                if current and not too_old:
                    held[s, i] = known[s, c]
                    if has_loadings:
                        held_bits[s, i] = known_bits[s, c]
                elif priced[row] or too_old:
                    held[s, i] = -1
                codes[s, row] = held[s, i]
                if has_loadings:
                    loadings[s, row] = held_bits[s, i]
    return superseded
