"""Derived datasets, on a market that can be counted by hand (see `tests.dataset.test_build`)."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest
from scipy import stats

from openfactor.dataset import RiskDataset, derive
from openfactor.dataset.entries.table import ENTRY_KINDS
from openfactor.dataset.storage import load, save
from openfactor.errors import DataError, SettingsError
from openfactor.settings import (
    DerivedRiskDatasetSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
    hierarchy_to_df,
)
from openfactor.settings.riskdataset import DatasetExposureSettings
from openfactor.store import LocalObjects
from openfactor.synthetic import simulate
from tests.dataset.test_build import FRI, GROUPS, MON, SAT, THU, TUE, WED, column, exposure_rows, tables
from tests.markets import dataset_of, reader
from tests.reference import betas

SUN_BEFORE = MON - dt.timedelta(1)
SCORES = [
    (SUN_BEFORE, "A", "alpha", "one", 7.0), (TUE, "A", "alpha", "one", 3.0), (TUE, "B", "alpha", "one", 1.0),
    (WED, "A", "alpha", "one", -2.0), (TUE, "A", "sector", "x1", 1.0), (TUE, "B", "sector", "y1", 1.0),
    (THU, "A", "sector", "y1", 1.0), (SAT, "A", "alpha", "one", 8.0),
]  # fmt: skip
REFERENCED = RiskDatasetReferencedExposureSettings()


def uploaded(**fields: Any) -> RiskDatasetUploadedExposureSettings:
    return RiskDatasetUploadedExposureSettings(
        **({"exposure_source": "scores", "continuous_factor_groups": ["alpha"]} | fields)
    )


def derived(
    *exposures: Any, more: dict | None = None, parent: RiskDataset | None = None, **fields
) -> RiskDataset:
    frames = {"scores": exposure_rows(SCORES), **tables(), **(more or {})}
    settings = DerivedRiskDatasetSettings(
        reference_dataset="d", exposures=list(exposures) or [REFERENCED], **fields
    )
    return derive(settings, parent or dataset_of(frames, **GROUPS), reader(frames), "mark")


def values(dataset: RiskDataset, group: str, factor: str, name: str) -> dict[dt.date, float]:
    """Of a continuous factor by day; None where missing."""
    by_day = column(dataset, dataset.panel.dense[group][factor].astype(float), name)
    return {day: None if math.isnan(x) else x for day, x in by_day.items()}


def categories(dataset: RiskDataset, group: str, name: str) -> dict[dt.date, str]:
    source = dataset.panel.sparse[group]
    codes = column(dataset, source.codes[0], name)
    return {day: source.categories[c] if c >= 0 else "" for day, c in codes.items()}


def test_the_reference_as_it_is() -> None:
    parent = dataset_of(tables(), **GROUPS)
    same = derived(parent=parent)
    assert same.days == parent.days
    for name in ("offsets", "listing", "local_return", "priced", "is_main_listing", "market_cap", "idio_vol"):
        np.testing.assert_array_equal(getattr(same.panel, name), getattr(parent.panel, name))
    assert list(same.panel.dense) == ["style"]
    np.testing.assert_array_equal(same.panel.dense["style"]["size"], parent.panel.dense["style"]["size"])
    np.testing.assert_array_equal(same.panel.sparse["industry"].codes, parent.panel.sparse["industry"].codes)
    assert same.coverage.equals(parent.coverage)


def test_some_groups_of_the_reference() -> None:
    only = derived(RiskDatasetReferencedExposureSettings(continuous_factor_groups=[]))
    assert (list(only.panel.dense), list(only.panel.sparse)) == ([], ["industry"])
    with pytest.raises(SettingsError, match="did you mean 'style'"):
        derived(RiskDatasetReferencedExposureSettings(continuous_factor_groups=["stile"]))
    with pytest.raises(SettingsError, match="'style' comes from several entries"):
        derived(REFERENCED, RiskDatasetUnitExposureSettings(factor_group="style", factor="x"))


def test_uploaded_exposures_bring_their_days() -> None:
    dataset = derived(uploaded(), REFERENCED)
    assert dataset.days == (SUN_BEFORE, MON, TUE, WED, THU, FRI, SAT)
    # listings of Friday, the last day of the reference, have rows on Saturday
    a, b = (values(dataset, "alpha", "one", name) for name in "AB")
    assert a == {MON: 7.0, TUE: 3.0, WED: -2.0, THU: -2.0, FRI: -2.0, SAT: 8.0}
    # Wednesday's snapshot leaves B out; it has a price then
    assert b == {TUE: 1.0, WED: None, THU: None, FRI: None, SAT: None}
    assert column(dataset, dataset.panel.market_cap, "A")[MON] == 100.0
    assert dataset.report.rows_read == {"exposures scores": 8}


def test_without_the_reference_the_days_are_those_of_the_upload() -> None:
    assert derived(uploaded()).days == (SUN_BEFORE, MON, TUE, WED, THU, FRI, SAT)
    assert derived(uploaded(categorical_factor_groups=["sector"], continuous_factor_groups=[])).days == (
        TUE,
        WED,
        THU,
    )
    cut = derived(uploaded(), trim_start_date=WED, trim_end_date=FRI)
    assert cut.days == (WED, THU, FRI)
    assert values(cut, "alpha", "one", "A") == {WED: -2.0, THU: -2.0, FRI: -2.0}
    later = derived(uploaded(), trim_start_date=THU)  # what stood before the first day stands on it
    assert values(later, "alpha", "one", "A") == {THU: -2.0, FRI: -2.0, SAT: 8.0}
    assert values(later, "alpha", "one", "B") == {THU: None, FRI: None, SAT: None}


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("none", "none", MON, FRI),
        ("earliest_start", "earliest_end", SUN_BEFORE, THU),
        ("latest_start", "latest_end", TUE, SAT),
        (dt.datetime(2024, 1, 10, 12), "latest_end", WED, SAT),
    ],
)
def test_trims(start, end, first, last) -> None:
    sector = uploaded(
        exposure_source="scores2", continuous_factor_groups=[], categorical_factor_groups=["sector"]
    )
    dataset = derived(
        uploaded(), sector, REFERENCED, more={"scores2": exposure_rows(SCORES)}, trim_start_date=start,
        trim_end_date=end,
    )  # fmt: skip
    assert (dataset.days[0], dataset.days[-1]) == (first, last)


def test_trims_that_leave_nothing() -> None:
    with pytest.raises(SettingsError, match="leave no day"):
        derived(trim_start_date=dt.date(2030, 1, 1))
    with pytest.raises(SettingsError, match="leave no asset"):
        derived(uploaded(), trim_end_date=SUN_BEFORE)


def test_forward_fill_is_by_asset() -> None:
    dataset = derived(uploaded(factor_groups_forward_fill=["alpha"]))
    assert values(dataset, "alpha", "one", "B") == {TUE: 1.0, WED: 1.0, THU: 1.0, FRI: 1.0, SAT: 1.0}
    sector = {"continuous_factor_groups": [], "categorical_factor_groups": ["sector"]}
    assert categories(derived(uploaded(**sector), REFERENCED), "sector", "B") == {
        TUE: "y1", WED: "y1", THU: "y1", FRI: "",  # Thursday's snapshot has A only; B has no price that day
    }  # fmt: skip
    filled = derived(uploaded(**sector, factor_groups_forward_fill=["sector"]), REFERENCED)
    assert categories(filled, "sector", "B")[FRI] == "y1"
    assert categories(filled, "sector", "A") == {MON: "", TUE: "x1", WED: "x1", THU: "y1", FRI: "y1"}


def test_fill_and_scores() -> None:
    filled = derived(uploaded(factor_groups_fill_miss=["alpha"]))
    by_day = values(filled, "alpha", "one", "B")
    assert by_day == {TUE: 1.0, WED: -2.0, THU: -2.0, FRI: -2.0, SAT: 8.0}
    ranked = derived(uploaded(factor_groups_gaussianize=["alpha"], factor_groups_fill_miss=["alpha"]))
    z = stats.norm.ppf(0.75)
    assert values(ranked, "alpha", "one", "A")[TUE] == pytest.approx(z, abs=1e-3)  # half precision
    assert values(ranked, "alpha", "one", "B")[TUE] == pytest.approx(-z, abs=1e-3)
    assert values(ranked, "alpha", "one", "B")[WED] == 0.0
    zeros = exposure_rows([(MON, "A", "alpha", "one", 0.0), (MON, "B", "alpha", "one", 5.0)])
    kept = uploaded(factor_groups_gaussianize=["alpha"], factor_groups_gaussianize_maintain_zeros=["alpha"])
    dataset = derived(kept, REFERENCED, more={"scores": zeros})
    assert values(dataset, "alpha", "one", "A")[TUE] == 0.0
    assert values(dataset, "alpha", "one", "B")[TUE] > 0.0


def test_ranks_are_taken_before_rounding() -> None:
    close = exposure_rows([(MON, "A", "alpha", "one", 1.0), (MON, "B", "alpha", "one", 1.0 + 1e-9)])
    dataset = derived(uploaded(factor_groups_gaussianize=["alpha"]), REFERENCED, more={"scores": close})
    assert values(dataset, "alpha", "one", "B")[TUE] > values(dataset, "alpha", "one", "A")[TUE]


def test_hierarchies_and_overrides() -> None:
    tree = hierarchy_to_df(
        {"X": ["x1", "x2"], "Y": ["y1"]}, {c: c.upper() + "!" for c in ("X", "x1", "x2", "Y", "y1")}
    )
    entry = uploaded(
        continuous_factor_groups=[],
        categorical_factor_groups=["sector"],
        hierarchy_sources={"sector": "tree"},
        categorical_overrides={"sector": {"x1": "x2"}},
    )
    dataset = derived(entry, REFERENCED, more={"tree": tree})
    assert categories(dataset, "sector", "A")[TUE] == "x2"
    assert dataset.trees["sector"].labels["x2"] == "X2!"
    short = hierarchy_to_df(["x1", "z"], {"x1": "x1", "z": "z"})
    with pytest.raises(DataError, match="not_a_leaf") as caught:
        derived(entry, REFERENCED, more={"tree": short})
    assert "categorical_overrides of 'sector' lead to x2" in str(caught.value)
    assert "y1" in str(caught.value)


def test_units() -> None:
    all_assets = derived(RiskDatasetUnitExposureSettings(factor_group="market", factor="m"))
    assert set(all_assets.panel.dense["market"]["m"][:].tolist()) == {1.0}
    aligned = derived(
        RiskDatasetUnitExposureSettings(factor_group="market", factor="m", align_with="alpha"), uploaded(),
        REFERENCED,
    )  # fmt: skip
    assert values(aligned, "market", "m", "B") == {TUE: 1.0, WED: None, THU: None, FRI: None, SAT: None}
    world = derived(
        RiskDatasetUnitExposureSettings(factor_group="region", factor="world", factor_type="categorical")
    )
    assert categories(world, "region", "B")[TUE] == "world"
    with pytest.raises(SettingsError, match="align_with: there is no 'beta'"):
        derived(RiskDatasetUnitExposureSettings(factor_group="m", factor="m", align_with=["beta"]))


def three_names() -> dict[str, pl.DataFrame]:
    """C is quoted in euros; the upload knows nothing of it."""
    base = tables()
    price = (
        base["price"].filter(pl.col("asset_id") == "A").with_columns(asset_id=pl.lit("C"), ccy=pl.lit("EUR"))
    )
    idmap = base["idmap"].head(1).with_columns(from_id=pl.lit("C"), to_id=pl.lit("C"))
    rates = pl.DataFrame({"date": [MON, MON], "ccy": ["USD", "EUR"], "fx_rate": [1.0, 0.9]})
    return {
        "price": pl.concat([base["price"], price]), "idmap": pl.concat([base["idmap"], idmap]),
        "exchange_rates": rates,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("trim", "names"), [("none", {"A", "B", "C"}), ("asset_union", {"A", "B"}), ("ccy_union", {"A", "B"})]
)
def test_assets_are_trimmed(trim: str, names: set[str]) -> None:
    dataset = derived(uploaded(), trim_assets=trim, more=three_names())
    listings = dataset.identifiers.listing_ids("ticker")
    assert {listings[i] for i in dataset.panel.listing} == names
    assert dataset.report.n_listings == len(names)


def test_assets_of_one_of_the_uploads() -> None:
    more = {**three_names(), "only_c": exposure_rows([(MON, "C", "beta", "one", 1.0)])}
    other = uploaded(exposure_source="only_c", continuous_factor_groups=["beta"])
    dataset = derived(uploaded(), other, trim_assets="asset_union", trim_assets_sources=["only_c"], more=more)
    listings = dataset.identifiers.listing_ids("ticker")
    assert {listings[i] for i in dataset.panel.listing} == {"C"}


def test_exchanges() -> None:
    closed = pl.DataFrame({"date": [SAT, SAT, THU], "exchange": ["XNYS", "XLON", "XLON"]})
    more = {"exchange_dates": closed}
    assert list(derived(more=more).closed) == ["XLON", "XNYS"]
    only = derived(uploaded(), exchange_codes=["XNYS"], more=more)
    assert only.closed["XNYS"].tolist() == [False] * 6 + [True]  # a day that the reference does not store
    assert list(only.closed) == ["XNYS"]
    with pytest.raises(SettingsError, match="exchange_codes: there is no 'XLOM'; did you mean 'XLON'"):
        derived(exchange_codes=["XLOM"], more=more)


def test_two_entries_of_one_upload() -> None:
    sector = uploaded(continuous_factor_groups=[], categorical_factor_groups=["sector"])
    core = exposure_rows([(MON, "A", "alpha", "one", 1.0)]).with_columns(asset_id_type=pl.lit("cusip"))
    both = pl.concat([exposure_rows(SCORES), core])
    dataset = derived(uploaded(), sector, more={"scores": both})
    assert list(dataset.panel.dense) == ["alpha"]
    assert list(dataset.panel.sparse) == ["sector"]
    assert dataset.report.rows_read == {"exposures scores": 9}
    assert dataset.report.rows_dropped == {"exposures scores": {"unsupported id type: cusip": 1}}


def test_faults_name_the_upload() -> None:
    with pytest.raises(DataError, match="no rows of the factor group") as caught:
        derived(uploaded(continuous_factor_groups=["alphas"]))
    assert "exposures scores" in str(caught.value)
    assert "did you mean 'alpha'" in str(caught.value)
    with pytest.raises(DataError, match="float16 cannot hold"):
        derived(uploaded(), more={"scores": exposure_rows([(MON, "A", "alpha", "one", 1e9)])})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"factor_groups_gaussianize": ["sector"]}, "factor_groups_gaussianize: sector not among"),
        ({"factor_groups_gaussianize_maintain_zeros": ["alpha"]}, "not among factor_groups_gaussianize"),
        ({"hierarchy_sources": {"x": "y"}}, "hierarchy_sources: x not among the groups"),
        ({"continuous_factor_groups": []}, "at least one group"),
        ({"categorical_factor_groups": ["alpha"]}, "both continuous and categorical: alpha"),
        ({"continuous_factor_groups": ["alpha", "alpha"]}, "alpha twice"),
        ({"continuous_factor_groups": "alpha"}, "valid list"),
    ],
)
def test_entries_that_contradict(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        uploaded(**fields)


def test_derived_of_derived_and_on_disk(tmp_path) -> None:
    first = derived(uploaded(), REFERENCED)
    second = derived(
        RiskDatasetReferencedExposureSettings(continuous_factor_groups=["alpha"]),
        RiskDatasetUnitExposureSettings(factor_group="market", factor="m"), parent=first,
    )  # fmt: skip
    assert second.days == first.days
    assert values(second, "alpha", "one", "A") == values(first, "alpha", "one", "A")
    objects = LocalObjects(tmp_path)
    again = load(objects, save(second, objects))
    assert again.settings == second.settings
    assert again.days == second.days
    assert values(again, "alpha", "one", "A") == values(first, "alpha", "one", "A")
    assert again.trees["alpha"].hierarchy == ["one"]
    assert again.closed.keys() == second.closed.keys()


def test_robust_betas() -> None:
    market = simulate(12, 50, industries=2, styles=("size",), late_listings=0, delistings=0, seed=3)
    rng = np.random.default_rng(1)
    days = market.factor_returns["date"]
    g = rng.normal(0, 0.01, len(days))
    ff = pl.DataFrame({"date": days, "factor": "SMB", "value": g})
    frames = {**market.uploads, "ff": ff}
    entry = RiskDatasetHuberRegressionExposureSettings(
        tsfactors_source="ff", window=30, gaussianize=False, impute=False, alpha_start=0.0001,
    )  # fmt: skip
    parent = dataset_of(frames, exposure_dtype="float32")
    settings = DerivedRiskDatasetSettings(reference_dataset="d", exposures=[entry])
    dataset = derive(settings, parent, reader(frames), "x")
    close = market.uploads["price"].pivot("asset_id", index="date", values="close").sort("date")
    for name in ("A00000", "A00005"):
        price = close[name].to_numpy()
        y = price[1:] / price[:-1] - 1
        expected = betas.huber(y[-30:], g[1:][-30:], 1.35, 0.0001)[0]
        got = column(dataset, dataset.panel.dense["huber_style"]["SMB"].astype(float), name)[days[-1]]
        assert got == pytest.approx(expected, abs=2e-5)
    clipped = derive(
        settings.model_copy(update={"exposures": [entry.model_copy(update={"clip": (-0.1, 0.1)})]}),
        parent, reader(frames), "x",
    )  # fmt: skip
    assert np.nanmax(np.abs(clipped.panel.dense["huber_style"]["SMB"])) <= 0.1 + 1e-7
    wrong = settings.model_copy(update={"exposures": [entry.model_copy(update={"currency": "GBP"})]})
    with pytest.raises(SettingsError, match="currency of 'huber_style': there is no 'GBP'"):
        derive(wrong, parent, reader(frames), "x")


def test_every_kind_of_entry_is_in_the_table() -> None:
    union, _ = get_args(DatasetExposureSettings)
    assert set(ENTRY_KINDS) == set(get_args(union))
