"""Coverage by day, against a count that looks at one day at a time, on histories cut anywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.dataset.columns import SparseGroup
from openfactor.dataset.coverage import CoverageStage, coverage_by_date
from openfactor.dataset.panel import Panel, PanelRun
from tests.numerics.cuts import random_cuts

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(i) for i in range(20)]
FACTORS = ("early", "late", "never", "gone")
FIRST = {"style": {"early": DAYS[0], "late": DAYS[7], "never": DAYS[12], "gone": DAYS[2]}}
"""The factor `never` is in the upload from a day on, of companies without prices."""


def whole_run(seed: int) -> PanelRun:
    """Random rows; one factor comes late, one is given up, and no listing has one of them."""
    rng = np.random.default_rng(seed)
    offsets = np.append(0, np.cumsum(rng.integers(0, 6, len(DAYS)))).astype(np.int64)
    n = int(offsets[-1])
    values = {name: np.where(rng.random(n) < 0.7, 1.0, np.nan).astype(np.float16) for name in FACTORS}
    values["late"][: offsets[7]] = np.nan
    values["never"][:] = np.nan
    values["gone"][offsets[rng.integers(5, 20)] :] = np.nan
    codes = rng.integers(-1, 2, n).astype(np.int16)
    blank = np.zeros(n)
    return PanelRun(
        offsets, np.zeros(n, np.int32), blank, np.zeros(n, np.int16), rng.random(n) < 0.5,
        np.zeros(0, np.int64), np.ones(n, np.bool_), np.where(rng.random(n) < 0.5, 1.0, np.nan), blank,
        {"style": values}, {"sector": SparseGroup(("a", "b"), (codes,), None)},
    )  # fmt: skip


def cut(run: PanelRun, cuts: Sequence[int]) -> list[PanelRun]:
    return [run.slice_days(a, b) for a, b in zip(cuts, [*cuts[1:], len(DAYS)], strict=True)]


@pytest.mark.parametrize("first_dates", [FIRST, None])
@pytest.mark.parametrize("seed", range(10))
def test_counts_of_each_day_know_the_factors_of_that_day(seed: int, first_dates) -> None:
    run = whole_run(seed)
    found = coverage_by_date(Panel([run]), DAYS, first_dates)
    held: set[str] = set()
    for d, line in enumerate(found.to_dicts()):
        rows = range(*run.offsets[[d, d + 1]].tolist())
        has = {
            name: [bool(np.isfinite(values[r])) for r in rows] for name, values in run.dense["style"].items()
        }
        held |= {name for name in FACTORS if any(has[name])}
        exist = held if first_dates is None else {n for n in FACTORS if DAYS[d] >= FIRST["style"][n]}
        complete = sum(bool(exist) and all(has[name][k] for name in exist) for k in range(len(rows)))
        assert line == {
            "date": DAYS[d], "listings": len(rows), "priced": sum(run.priced[r] for r in rows),
            "market_cap": sum(np.isfinite(run.market_cap[r]) for r in rows), "with_style": complete,
            "with_sector": sum(run.sparse["sector"].codes[0][r] >= 0 for r in rows),
        }  # fmt: skip


@pytest.mark.parametrize("first_dates", [FIRST, None])
@pytest.mark.parametrize("seed", range(10))
def test_the_history_can_be_cut_anywhere_and_resumed(seed: int, first_dates) -> None:
    run = whole_run(seed)
    runs = cut(run, random_cuts(seed, len(DAYS)))
    whole = coverage_by_date(Panel([run]), DAYS, first_dates)
    assert_frame_equal(coverage_by_date(Panel(runs), DAYS, first_dates), whole)
    state, at, frames = CoverageStage().state(), 0, []
    for part in runs:
        stage = CoverageStage(first_dates)
        stage.restore(state)
        frames.append(stage.advance(part, DAYS[at : at + part.n_days]))
        state, at = stage.state(), at + part.n_days
    assert_frame_equal(pl.concat(frames), whole)


def test_a_group_that_comes_later_covers_nobody_before() -> None:
    early, late = cut(whole_run(0), [0, 10])
    bare = PanelRun(**{**vars(early), "dense": {}, "sparse": {}})
    counts = coverage_by_date(Panel([bare, late]), DAYS)
    assert counts.columns[-2:] == ["with_style", "with_sector"]
    assert counts["with_style"][:10].to_list() == [0] * 10
    assert counts["with_sector"][10:].sum() > 0
