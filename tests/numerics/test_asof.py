"""Values carried forward along a panel, against twins that look back from each row on its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from openfactor.numerics.asof import (
    CarryRule,
    CategoryState,
    ExposureEvents,
    LatestState,
    NumberState,
    RunRows,
    Values,
    age_limit,
    carry_categories,
    carry_latest,
    carry_numbers,
    most_memberships,
)
from tests.reference.carrying import held_slowly, latest_slowly

COMPANY = np.array([0, 1, 2, 2], np.int32)
"""Of each listing; the third outranks the fourth."""
DAYS = 8


class Panel:
    """A small panel: listing i is alive from day i on, with a price on its first day and on some others."""

    def __init__(self, rng: np.random.Generator) -> None:
        n = len(COMPANY)
        self.rows = [(d, i) for d in range(DAYS) for i in range(n) if d >= i]
        self.priced = {row for row in self.rows if rng.random() < 0.6} | {(i, i) for i in range(n)}

    def runs(self, length: int) -> Iterator[tuple[slice, RunRows]]:
        """The days of each run, and its rows."""
        listing = np.array([i for _, i in self.rows], np.int32)
        priced = np.array([row in self.priced for row in self.rows])
        offsets = np.searchsorted([d for d, _ in self.rows], np.arange(DAYS + 1)).astype(np.int64)
        for first in range(0, DAYS, length):
            days = slice(first, min(first + length, DAYS))
            date = np.arange(days.start, days.stop, dtype=np.int32)
            yield days, RunRows(date, offsets[first : days.stop + 1], COMPANY[listing], listing, priced)


def events_of(days: slice, sent: list[tuple[int, int, int, float]], dtype: type) -> ExposureEvents:
    """The events (day, listing, code, value) of a run."""
    some = [event for event in sent if days.start <= event[0] < days.stop]
    listing = np.array([i for _, i, _, _ in some], np.int64)
    return ExposureEvents(
        np.searchsorted([d for d, *_ in some], np.arange(days.start, days.stop + 1)).astype(np.int64),
        np.array([code for _, _, code, _ in some], dtype),
        COMPANY[listing],
        (listing == 3).astype(np.int32),
        np.array([value for *_, value in some]).view(np.uint64),
    )


@pytest.mark.parametrize("limit", [0, 2, age_limit(None)])
def test_latest_value(limit: int) -> None:
    rng = np.random.default_rng(1)
    events = [(d, c, rng.standard_normal()) for d in range(10) for c in range(4) if rng.random() < 0.3]
    rows = [(d, c) for d in range(10) for c in range(4) if rng.random() < 0.8]
    day, row_day = np.array([d for d, _, _ in events]), np.array([d for d, _ in rows])
    company, values = np.array([c for _, c, _ in events], np.int32), np.array([v for *_, v in events])
    row_company = np.array([c for _, c in rows], np.int32)
    state, out = LatestState(np.full(4, np.nan), np.zeros(4, np.int32)), np.empty(len(rows))
    for first, last in ((0, 4), (4, 5), (5, 10)):  # runs of days
        begins, offsets = (np.searchsorted(d, np.arange(first, last + 1)) for d in (day, row_day))
        date = np.arange(first, last, dtype=np.int32)
        run = RunRows(date, offsets, row_company, row_company, np.ones(len(rows), bool))
        carry_latest(Values(begins, company, values), run, limit, state, out)
    np.testing.assert_array_equal(out, latest_slowly(events, rows, limit))


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("length", [1, 3, 8])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_snapshots(fill: bool, length: int, limit: int) -> None:
    """Any cut of the days into runs gives the same, and it is the rule by recursion."""
    rng = np.random.default_rng(2)
    nan = np.full(1, np.nan).view(np.uint64)[0]
    for _ in range(20):
        panel = Panel(rng)
        pairs = [(d, i) for d in range(DAYS) for i in range(4) if rng.random() < (0.0 if d % 3 else 0.6)]
        pairs = sorted(pairs, key=lambda pair: (pair[0], rng.random()))
        sent = [(d, i, 0, float(number)) for number, (d, i) in enumerate(pairs)]
        events: dict[int, dict[int, float]] = {d: {} for d in range(DAYS)}
        for d, i, _, value in sent:
            if not (i == 3 and (d, 2) in pairs):
                events[d][int(COMPANY[i])] = value
        state = NumberState(
            known=np.full((1, 3), nan), known_day=np.full((1, 3), -1, np.int32),
            known_rank=np.zeros((1, 3), np.int32), snapshot=np.full(1, -1, np.int32),
            held=np.full((1, 4), nan),
        )  # fmt: skip
        out, superseded = np.zeros((1, len(panel.rows))), 0
        for days, rows in panel.runs(length):
            exposures, rule = events_of(days, sent, np.int32), CarryRule(limit, fill)
            superseded += carry_numbers(exposures, rows, rule, state, nan, out.view(np.uint64))
        expected = held_slowly(events, panel.rows, panel.priced, fill, COMPANY.tolist(), limit)
        assert [None if np.isnan(x) else x for x in out[0]] == expected
        assert superseded == sum(i == 3 and (d, 2) in pairs for d, i in pairs)


def categories_of(rng: np.random.Generator, day: int, listing: int) -> list[tuple[int, int, int, float]]:
    """Events of up to three categories; those of companies with one listing may end a membership."""
    codes = rng.permutation(5)[: rng.integers(0, 4)]
    if not len(codes) and listing < 2:
        return [(day, listing, -1, 0.0)]
    return [(day, listing, int(code), float(code) / 8) for code in codes]


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("has_loadings", [False, True])
def test_snapshots_of_categories(fill: bool, limit: int, has_loadings: bool) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        panel, sent = Panel(rng), []
        events: dict[int, dict[int, list]] = {d: {} for d in range(DAYS)}
        for d in range(0, DAYS, 3):
            of_day = [categories_of(rng, d, i) for i in range(4) if i < 3 or rng.random() < 0.5]
            for i, own in enumerate(of_day):
                if own and not (i == 3 and of_day[2]):
                    events[d][int(COMPANY[i])] = sorted((code, x) for _, _, code, x in own if code >= 0)
            order = rng.permutation(sum(map(len, of_day)))
            sent += [[event for own in of_day for event in own][k] for k in order]
        codes = np.full((3, len(panel.rows)), -1, np.int16)
        loadings = np.zeros((3 if has_loadings else 0, len(panel.rows)))
        state = CategoryState(
            known=np.full((3, 3), -1, np.int16), known_bits=np.zeros((3, 3), np.uint64),
            known_day=np.full(3, -1, np.int32), known_rank=np.zeros(3, np.int32),
            snapshot=np.full(1, -1, np.int32), held=np.full((3, 4), -1, np.int16),
            held_bits=np.zeros((3 if has_loadings else 0, 4), np.uint64),
        )  # fmt: skip
        superseded = 0
        for days, rows in panel.runs(3):
            exposures, rule = events_of(days, sent, np.int16), CarryRule(limit, fill)
            superseded += carry_categories(exposures, rows, rule, state, codes, loadings.view(np.uint64))
        expected = held_slowly(events, panel.rows, panel.priced, fill, COMPANY.tolist(), limit)
        for row, members in enumerate(expected):
            used = codes[:, row] >= 0
            assert codes[used, row].tolist() == [code for code, _ in members or []]
            if has_loadings:
                assert loadings[used, row].tolist() == [x for _, x in members or []]
        main = {d for d, i, _, _ in sent if i == 2}
        assert superseded == sum(i == 3 and d in main for d, i, _, _ in sent)


def test_most_memberships() -> None:
    offsets, company = np.array([0, 4, 4, 7]), np.array([1, 0, 1, 2, 2, 2, 2], np.int32)
    assert most_memberships(offsets, company, 3) == 3
    assert most_memberships(offsets[:3], company[:4], 3) == 2
    assert most_memberships(np.array([0]), company[:0], 3) == 0
