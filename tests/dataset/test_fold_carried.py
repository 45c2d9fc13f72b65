"""Caps and exposures are a fold over runs: it does not matter where a history is cut, stored and resumed."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.context import Context
from openfactor.dataset.caps import CapColumns, CapStage
from openfactor.dataset.factor_groups import Loadings
from openfactor.dataset.loadings import ExposureStage
from openfactor.dataset.panel_index import PanelIndex
from openfactor.dataset.priced_rows import RowLayout
from openfactor.dataset.root_inputs import RootInputs
from openfactor.dataset.row_counts import RowCounts
from openfactor.settings import RootRiskDatasetSettings
from tests.dataset.indexes import joined
from tests.dataset.test_fold_rows import DATES, TICKERS, Market, State, inputs_of, laid_out, stored
from tests.markets import dataset_settings
from tests.numerics.cuts import random_cuts

STYLES, SECTORS = ["size", "value", "late"], ["bank", "oil", "shop", "zinc"]


class Columns(NamedTuple):
    """What the stages give for the rows of a run."""

    loadings: Loadings
    caps: CapColumns


class Stages:
    """The stages that carry values, for all rows of uploads or those after a date."""

    def __init__(
        self, inputs: RootInputs, settings: RootRiskDatasetSettings, after: dt.date = dt.date.min
    ) -> None:
        later = pl.col("date") > after
        caps = inputs.uploads["market_cap"].filter(later)
        counts = caps.group_by("date", "asset_id_type").agg(rows=pl.len()).collect()
        rates = RowLayout(settings, inputs).rates
        self.caps = CapStage(caps, counts, inputs.identifiers, rates, settings)
        self.exposures = ExposureStage(
            inputs.uploads["exposures"].filter(later), inputs.inventory, inputs.plans, inputs.identifiers,
            "float16", after=after,
        )  # fmt: skip

    def advance(self, index: PanelIndex) -> Columns:
        return Columns(self.exposures.advance(index, Context()), self.caps.advance(index))

    def state(self) -> State:
        """As it is read from a disk."""
        return {name: stored(frame) for name, frame in (self.exposures.state() | self.caps.state()).items()}

    def restore(self, state: State) -> None:
        self.exposures.restore(state)
        self.caps.restore(state)

    def counts(self, last: dt.date) -> dict[str, dict[str, int]]:
        counts = RowCounts()
        self.exposures.count(counts, last)
        self.caps.count(counts)
        return {"read": counts.read, **counts.dropped}


def market_of(seed: int) -> Market:
    """With caps in currencies of all kinds of ids, styles as snapshots and changes, and several sectors a
    company; names, factors and categories come late.
    """
    market, rng = Market(seed), np.random.default_rng(seed + 100)
    assets = [(name, "ticker") for name in [*TICKERS, "UNKNOWN"]]
    assets += [("AA", "ticker_core"), ("ISIN", "isin")]
    caps, exposures = [], []
    for d, date in enumerate(DATES):
        for name, id_type in assets:
            if rng.random() < 0.3:
                ccy, cap = str(rng.choice(["EUR", "USD"])), float(rng.uniform(1, 9))
                vol = float(rng.uniform(0.1, 0.5)) if rng.random() < 0.5 else None
                caps.append((date, name, id_type, ccy, cap, vol))
            if rng.random() < 0.5:
                continue
            for factor in STYLES[: 2 if d < 80 else 3]:
                if rng.random() < 0.6:
                    exposures.append((date, name, id_type, "style", factor, float(rng.normal())))
                    exposures.append((date, name, id_type, "trend", factor, float(rng.normal())))
            n = 1 if d < 45 or rng.random() < 0.8 else 2
            for sector in rng.choice(SECTORS[: 2 if d < 60 else 4], n, replace=False).tolist():
                share = 1.0 if n == 1 else float(rng.choice([0.0, 0.25, 0.75, 1.0]))
                exposures.append((date, name, id_type, "sector", sector, share))
    names = ["date", "asset_id", "asset_id_type"]
    market.uploads["market_cap"] = pl.DataFrame(
        caps, [*names, "ccy", "market_cap", "idio_vol"], orient="row"
    ).with_columns(volume=pl.lit(1.0))
    market.uploads["exposures"] = pl.DataFrame(
        exposures, [*names, "factor_group", "factor", "exposure"], orient="row"
    )
    return market


VARIANTS = {
    "snapshots": {},
    "changes": {"exposure_mode": {"trend": "changes", "sector": "changes"}},
    "by listing, with ages": {
        "market_cap_per": "listing",
        "market_cap_max_age": 9,
        "exposure_max_age": {"sector": 5},
    },
}


def settings_of(variant: str) -> RootRiskDatasetSettings:
    return dataset_settings(
        dense_factor_groups={"style": None, "trend": None}, sparse_factor_groups={"sector": None},
        max_days_without_price=6, max_return=None, **VARIANTS[variant],
    )  # fmt: skip


def assert_same(one: Columns, other: Columns) -> None:
    for mine, theirs in zip(one.caps, other.caps, strict=True):
        assert mine.tobytes() == theirs.tobytes()
    assert one.loadings.dense.keys() == other.loadings.dense.keys()
    for group, factors in one.loadings.dense.items():
        assert list(factors) == list(other.loadings.dense[group])
        for factor, values in factors.items():
            assert values.tobytes() == other.loadings.dense[group][factor].tobytes(), (group, factor)
    for name, categories in one.loadings.sparse.items():
        same = other.loadings.sparse[name]
        assert categories.categories == same.categories
        np.testing.assert_array_equal(categories.codes, same.codes)
        assert (categories.loadings is None) == (same.loadings is None)
        if categories.loadings is not None and same.loadings is not None:
            np.testing.assert_array_equal(categories.loadings, same.loadings)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(4))
def test_stop_store_and_resume_after_any_run(seed: int, variant: str) -> None:
    market, settings = market_of(seed), settings_of(variant)
    inputs = inputs_of(market.uploads, settings)
    runs, _ = laid_out(RowLayout(settings, inputs))
    whole = Stages(inputs, settings)
    columns, states = [], []
    for run in runs:
        columns.append(whole.advance(run.index))
        states.append(whole.state())
    last = runs[-1].days.dates[-1]
    counts, faults = whole.counts(last), whole.exposures.faults()
    for k, state in enumerate(states[:-1], start=1):
        resumed = Stages(inputs, settings, after=runs[k - 1].days.dates[-1])
        resumed.restore(state)
        for run, same, later in zip(runs[k:], columns[k:], states[k:], strict=True):
            assert_same(resumed.advance(run.index), same)
            for name, frame in resumed.state().items():
                assert_frame_equal(frame, later[name], check_row_order=False)
        assert resumed.counts(last) == counts
        assert resumed.exposures.faults() == faults
        assert_frame_equal(resumed.caps.currencies(), whole.caps.currencies(), check_row_order=False)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(4))
def test_one_run_or_any_cuts(seed: int, variant: str) -> None:
    market, settings = market_of(seed), settings_of(variant)
    inputs = inputs_of(market.uploads, settings)
    index = joined([run.index for run in laid_out(RowLayout(settings, inputs))[0]])
    one = Stages(inputs, settings)
    whole = one.advance(index)
    state = one.state()
    for bounds in (random_cuts(seed, len(index.days)), range(len(index.days))):
        cut = Stages(inputs, settings)
        for first, stop in pairwise([*bounds, len(index.days)]):
            part = cut.advance(part_of(index, first, stop))
            rows = slice(int(index.offsets[first]), int(index.offsets[stop]))
            assert_equal_part(part, whole, rows)
        for name, frame in cut.state().items():
            assert_frame_equal(frame, state[name], check_row_order=False)


def part_of(index: PanelIndex, first: int, stop: int) -> PanelIndex:
    rows = slice(int(index.offsets[first]), int(index.offsets[stop]))
    return PanelIndex(
        days=index.days[first:stop],
        n_listings=index.n_listings,
        n_companies=index.n_companies,
        company=index.company[rows],
        offsets=index.offsets[first : stop + 1] - rows.start,
        listing=index.listing[rows],
        local_return=index.local_return[rows],
        currency=index.currency[rows],
        priced=index.priced[rows],
        delisted=np.empty(0, np.int64),
        is_main_listing=index.is_main_listing[rows],
    )


def assert_equal_part(part: Columns, whole: Columns, rows: slice) -> None:
    """A part may lack factors that come later and slots that it does not need."""
    for mine, theirs in zip(part.caps, whole.caps, strict=True):
        np.testing.assert_array_equal(mine, theirs[rows])
    for group, factors in whole.loadings.dense.items():
        for factor, values in factors.items():
            mine = part.loadings.dense[group].get(factor)
            if mine is None:
                assert np.isnan(values[rows]).all()
            else:
                np.testing.assert_array_equal(mine, values[rows])
    for name, categories in whole.loadings.sparse.items():
        part_group = part.loadings.sparse[name]
        for slot, codes in enumerate(categories.codes):
            if slot < len(part_group.codes):
                np.testing.assert_array_equal(part_group.codes[slot], codes[rows])
                mine = None if part_group.loadings is None else part_group.loadings[slot]
                expected = (
                    (codes[rows] >= 0) if categories.loadings is None else categories.loadings[slot][rows]
                )
                np.testing.assert_array_equal((codes[rows] >= 0) if mine is None else mine, expected)
            else:
                assert (codes[rows] < 0).all()
