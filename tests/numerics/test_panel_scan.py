"""The passes over panels against obvious loops."""

from __future__ import annotations

import numpy as np
import pytest

from openfactor.numerics.panel_scan import moments, previous_prices, unchanged_runs

RNG = np.random.default_rng(4)
DAYS, NAMES = 30, 5
LISTING = np.tile(np.arange(NAMES, dtype=np.int32), DAYS)
PRICED = RNG.random(DAYS * NAMES) < 0.8
CLOSES = RNG.integers(1, 3, DAYS * NAMES).astype(float)
CLOSES[RNG.random(DAYS * NAMES) < 0.2] = np.nan
RETURNS = RNG.integers(0, 2, DAYS * NAMES) / 10


def loop(name: int, closes: np.ndarray) -> tuple[list[int], list[int]]:
    """Row before and run of each priced row of a name."""
    before, runs = [], []
    last, run = -1, 0
    for day in range(DAYS):
        row = day * NAMES + name
        if not PRICED[row]:
            continue
        both = len(closes) > 0 and last >= 0 and not np.isnan(closes[[last, row]]).any()
        same = bool(closes[row] == closes[last]) if both else bool(RETURNS[row] == 0)
        run = run + 1 if last >= 0 and same else 0
        before.append(last)
        runs.append(run)
        last = row
    return before, runs


@pytest.mark.parametrize("closes", [CLOSES, np.zeros(0)], ids=["closes", "returns"])
def test_rows_before_and_runs(closes: np.ndarray) -> None:
    previous = previous_prices(LISTING, PRICED, NAMES)
    runs = unchanged_runs(previous, closes, RETURNS)
    for name in range(NAMES):
        rows = np.flatnonzero(PRICED & (name == LISTING))
        assert (previous[rows].tolist(), runs[rows].tolist()) == loop(name, closes)
    assert (previous[~PRICED] == -1).all()
    assert runs.max() > 2


def test_moments() -> None:
    values = RNG.standard_normal(20)
    values[[3, 7, 8, 9]] = np.nan
    offsets = np.array([5, 10, 12, 15, 15, 25])
    count, mean, std = np.zeros(5, np.int64), np.zeros(5), np.zeros(5)
    moments(values, offsets, count, mean, std)
    for d, day in enumerate(np.split(values, offsets[1:-1] - 5)):
        known = day[~np.isnan(day)]
        assert count[d] == len(known)
        if len(known):
            assert mean[d] == pytest.approx(known.mean())
            assert std[d] == pytest.approx(known.std())
        else:
            assert np.isnan([mean[d], std[d]]).all()
