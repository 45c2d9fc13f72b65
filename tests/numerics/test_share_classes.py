"""Sums over share classes, against a twin that looks every class up anew on every day."""

from __future__ import annotations

import numpy as np
import pytest

from openfactor.numerics.asof import RunRows, Values, age_limit
from openfactor.numerics.share_classes import carry_sums, new_class_state

COMPANY = np.array([0, 0, 0, 1, 1, 2], np.int32)
DAYS = 40


def twin(events, alive, priced, limit: int | None) -> np.ndarray:
    """(days, listings) the sum of the company's classes; events : day to listing to value."""
    out = np.full(alive.shape, np.nan)
    for d in range(DAYS):
        held = {}  # listing to the day of its last value, and the value
        for day in range(d + 1):
            held |= {name: (day, value) for name, value in events.get(day, {}).items()}
        begun = {
            n: int(np.flatnonzero(alive[: d + 1, n])[0])
            for n in range(len(COMPANY))
            if alive[: d + 1, n].any()
        }
        for name in np.flatnonzero(alive[d]):
            parts = []
            for n in np.flatnonzero(COMPANY[name] == COMPANY):
                if n not in held or (limit is not None and d - held[n][0] > limit):
                    continue
                since, value = held[n]
                if n in begun:
                    last = int(np.flatnonzero(alive[: d + 1, n])[-1])
                    traded = int(np.flatnonzero(priced[: d + 1, n])[-1])
                    others = [
                        b for o, b in begun.items()
                        if o != n and COMPANY[o] == COMPANY[n] and o in held and traded < b <= held[o][0]
                    ]  # fmt: skip
                    if (last < d and since <= last) or any(since < b for b in others):
                        continue
                parts.append(value)
            if parts:
                out[d, name] = sum(parts)
    return out


@pytest.mark.parametrize("limit", [None, 6])
@pytest.mark.parametrize("seed", range(12))
def test_sums_of_classes(seed: int, limit: int | None) -> None:
    rng = np.random.default_rng(seed)
    alive, priced = np.zeros((2, DAYS, len(COMPANY)), np.bool_)
    for n in range(len(COMPANY) - (seed % 2)):  # at times the last one is never listed
        first, last = np.sort(rng.integers(0, DAYS, 2))
        alive[first : last + 1, n] = True
        priced[:, n] = alive[:, n] & (rng.random(DAYS) < 0.6)
        priced[first, n] = True
    events = {
        d: {int(n): float(rng.integers(1, 100)) for n in np.flatnonzero(rng.random(len(COMPANY)) < 0.15)}
        for d in range(DAYS)
    }
    listing = np.concatenate([np.flatnonzero(a) for a in alive]).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(alive.sum(axis=1))]).astype(np.int64)
    begins = np.concatenate([[0], np.cumsum([len(events[d]) for d in range(DAYS)])]).astype(np.int64)
    names = np.array([n for d in range(DAYS) for n in events[d]], np.int32)
    values = np.array([x for d in range(DAYS) for x in events[d].values()])
    state = new_class_state(len(COMPANY))
    out = np.full(len(listing), np.nan)
    for some in (slice(0, 17), slice(17, DAYS)):  # in two runs
        ends = slice(some.start, some.stop + 1)
        rows = RunRows(
            np.arange(DAYS, dtype=np.int32)[some], offsets[ends], COMPANY[listing], listing, priced[alive]
        )
        carry_sums(Values(begins[ends], names, values), rows, COMPANY, age_limit(limit), state, out)
    np.testing.assert_array_equal(out, twin(events, alive, priced, limit)[alive])
