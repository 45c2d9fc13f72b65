"""A build to a day is the beginning of a build to any later day, codes included."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openfactor.contract.refs import FrameQuery
from openfactor.dataset import RiskDataset, derive
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.numbering import recode
from openfactor.exposures.membership import Membership
from openfactor.exposures.universe_frames import universe_frame
from openfactor.model import estimate
from openfactor.settings import (
    DerivedRiskDatasetSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
)
from openfactor.synthetic import simulate
from tests.beginnings import assert_beginning, assert_same_runs
from tests.growing_markets import DAYS, GrowingMarket, known_by
from tests.handles import RiskModel
from tests.hypothesis_profiles import examples
from tests.markets import dataset_of, model_settings, reader, until
from tests.properties.test_returns import LIMIT, Market, built, markets


@markets
@examples(40)
def test_listings_are_numbered_as_they_appear(seed: int, n_names: int, n_days: int, share: float) -> None:
    market = Market(seed, n_names, n_days, share)
    if not market.rows:
        return
    identifiers = built(market.uploads(), LIMIT).identifiers
    first = {name: market.days[min(at)] for name, at in market.prices.items() if at}
    order = sorted(market.prices, key=lambda name: (first.get(name, dt.date.max), name))
    assert identifiers.table["id"].to_list() == order
    assert identifiers.table["first_date"].to_list() == [first.get(name) for name in order]
    companies = dict.fromkeys(identifiers.table["company_id"])
    assert identifiers.table["company"].to_list() == [
        [*companies].index(name) for name in identifiers.table["company_id"]
    ]


def keys(identifiers: Identifiers) -> list[tuple[str, str]]:
    return identifiers.table.select("id", "company_id").rows()


@given(seed=st.integers(0, 10**6), drop=st.integers(0, 4))
@examples(40)
def test_old_codes_lead_to_new_ones(seed: int, drop: int) -> None:
    """After the id map has lost a name, and has a new one with a price on the first day."""
    market = Market(seed, 5, 12, 0.5)
    uploads = market.uploads()
    old = built(uploads, LIMIT).identifiers
    gone = f"N{drop}"
    market.rows = [row for row in market.rows if row[1] != gone]
    market.rows += [(market.days[0], "N9", "USD", 1.0, None, False)]
    market.prices["N9"] = {0: (1.0, "USD")}
    market.prices.pop(gone)
    new = built(market.uploads(), LIMIT).identifiers
    codes = recode(old, new)
    expected = [keys(new).index(key) if key in keys(new) else -1 for key in keys(old)]
    np.testing.assert_array_equal(codes.listing, expected)
    companies = [list(dict.fromkeys(company for _, company in keys(of))) for of in (old, new)]
    expected = [companies[1].index(name) if name in companies[1] else -1 for name in companies[0]]
    np.testing.assert_array_equal(codes.company, expected)


ROOT = {
    "master_id_core_type": "core",
    "dense_factor_groups": {"style": None},
    "sparse_factor_groups": {"industry": None},
    "max_days_without_price": 4,
    "empty_returns": "adjusted_close",
    "exposure_dtype": "float32",
}
VARIANTS = {
    "snapshots": {},
    "changes": {"exposure_mode": "changes"},
    "classes": {"market_cap_per": "listing", "exposure_max_age": 5, "market_cap_max_age": 9},
}


def root(uploads: dict[str, pl.DataFrame], variant: str) -> RiskDataset:
    return dataset_of(uploads, **ROOT, **VARIANTS[variant])


growing = given(seed=st.integers(0, 10**6), cut=st.integers(1, len(DAYS) - 1))


@given(seed=st.integers(0, 10**6), cut=st.integers(1, len(DAYS) - 1), in_advance=st.booleans())
@examples(100)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_build_to_a_day_is_the_beginning_of_any_later_one(
    variant: str, seed: int, cut: int, in_advance: bool
) -> None:
    """Whether the id map is known in advance, or its rows come as they begin, and its ends as they come."""
    uploads = GrowingMarket(seed).uploads()
    known = known_by(uploads, DAYS[cut - 1])
    early = root(known | {"idmap": uploads["idmap"]} if in_advance else known, variant)
    late = root(uploads, variant)
    assert_beginning(early, late)
    assert_same_runs(early, late)


@pytest.mark.parametrize("seed", range(4))
def test_simulated_markets_begin_in_the_same_way(seed: int) -> None:
    market = simulate(
        25, 60, industries=5, currencies=("JPY", "EUR", "USD"), exchanges=("XNYS", "XTKS"), late_listings=0.6,
        delistings=0.4, seed=seed,
    )  # fmt: skip
    late = dataset_of(market.uploads, max_days_without_price=5)
    for last in late.days[7 + seed :: 13]:
        early = dataset_of(until(market.uploads, last), max_days_without_price=5)
        assert_beginning(early, late)
        assert_same_runs(early, late)


ENTRIES: dict[str, list[Any]] = {
    "referenced": [RiskDatasetReferencedExposureSettings()],
    "uploaded": [
        RiskDatasetUploadedExposureSettings(
            exposure_source="scores",
            continuous_factor_groups=["alpha"],
            categorical_factor_groups=["region"],
            factor_groups_gaussianize=["alpha"],
            factor_groups_fill_miss=["alpha"],
            categorical_overrides={"region": {"oil": "energy"}},
        )
    ],
    "changes": [
        RiskDatasetUploadedExposureSettings(
            exposure_source="scores",
            continuous_factor_groups=["alpha"],
            categorical_factor_groups=["region"],
            factor_groups_forward_fill=["alpha", "region"],
            max_age=6,
        ),
        RiskDatasetReferencedExposureSettings(continuous_factor_groups=["style"]),
    ],
    "computed": [
        RiskDatasetHuberRegressionExposureSettings(tsfactors_source="ff", window=5),
        RiskDatasetUnitExposureSettings(factor_group="unit", factor="one", align_with=["huber_style"]),
        RiskDatasetUnitExposureSettings(factor_group="all", factor="one", factor_type="categorical"),
    ],
}


@growing
@example(seed=42, cut=6)  # an unknown asset has a factor before a known one has it
@examples(32)
@pytest.mark.parametrize(
    ("entries", "trim"),
    [(kind, "none") for kind in ENTRIES]
    + [(kind, trim) for kind in ("uploaded", "changes") for trim in ("asset_union", "ccy_union")],
)
def test_derived_datasets_begin_in_the_same_way(entries: str, trim: str, seed: int, cut: int) -> None:
    market = GrowingMarket(seed)
    uploads = market.uploads()
    settings = DerivedRiskDatasetSettings(
        reference_dataset="root", exposures=ENTRIES[entries], trim_assets=trim
    )  # fmt: skip

    def derived(known: dict[str, pl.DataFrame]) -> RiskDataset:
        return derive(settings, root(known, "snapshots"), reader(known), "derived")

    known = known_by(uploads, DAYS[cut - 1])
    scored = known["scores"].filter(pl.col("asset_id") == market.tickers[0])
    if scored["factor_group"].n_unique() == 2:  # else the build is refused
        assert_beginning(derived(known), derived(uploads))


def test_frames_are_sorted_by_name() -> None:
    """Listings that come late, and take late codes, stand where their names belong."""
    uploads = simulate(30, 30, industries=2, late_listings=0.5, seed=3).uploads
    dataset, settings = dataset_of(uploads), model_settings(estimation=False)
    assert not dataset.identifiers.table["id"].is_sorted()
    model = RiskModel(dataset, settings, estimate(dataset, settings, "x"))
    universe = Membership.of(dataset, settings.inline_universe)
    frames = [model.exposures(), universe_frame(universe, FrameQuery(frame="members", layout="long"))]
    for frame in frames:
        assert frame.equals(frame.sort("date", "ticker", maintain_order=True))
        assert frame["ticker"].n_unique() == 30
    for wide in (model.idio(), universe_frame(universe, FrameQuery(frame="members"))):
        assert wide.columns == ["date", *sorted(wide.columns[1:])]
    assert dataset.assets() == sorted(dataset.assets())
