"""Uploads that hold changes only, and sources that have ended.

Memberships, sectors and analysts' scores are sent when they change; a table of fundamentals ends when a
subscription does, and its last values stand for ever if nobody says otherwise.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset, derive
from openfactor.settings import DerivedRiskDatasetSettings, RiskDatasetUploadedExposureSettings
from tests.dataset.test_build import FRI, GROUPS, MON, THU, TUE, WED, column, exposure_rows, tables
from tests.markets import dataset_of, reader

NONE = None
ROWS = exposure_rows(
    [
        (MON, "A", "style", "size", 1.0), (MON, "B", "style", "size", 2.0), (WED, "B", "style", "size", 3.0),
        (MON, "A", "industry", "X", 1.0), (MON, "B", "industry", "Y", 1.0), (WED, "A", "industry", "Y", 1.0),
        (THU, "A", "industry", "Y", 0.0),
    ]
)  # fmt: skip


def sizes(dataset: RiskDataset, name: str) -> dict[dt.date, float | None]:
    found = column(dataset, dataset.panel.dense["style"]["size"].astype(float), name)
    return {day: None if np.isnan(x) else x for day, x in found.items()}


def sectors(dataset: RiskDataset, name: str) -> dict[dt.date, str | None]:
    group = dataset.panel.sparse["industry"]
    assert len(group.codes) == 1
    return {
        day: None if code < 0 else group.categories[int(code)]
        for day, code in column(dataset, group.codes[0], name).items()
    }


def built(**settings) -> RiskDataset:
    price = tables()["price"].filter(pl.col("asset_id") == "A")
    both = pl.concat([price, price.with_columns(asset_id=pl.lit("B"))])
    return dataset_of(tables(price=both, exposures=ROWS), **(GROUPS | settings))


def test_one_row_of_changes_takes_nothing_from_the_others() -> None:
    snapshots, changes = built(), built(exposure_mode="changes")
    assert sizes(snapshots, "A") == {MON: 1.0, TUE: 1.0, WED: NONE, THU: NONE, FRI: NONE}
    assert sizes(changes, "A") == dict.fromkeys([MON, TUE, WED, THU, FRI], 1.0)
    assert sizes(changes, "B") == {MON: 2.0, TUE: 2.0, WED: 3.0, THU: 3.0, FRI: 3.0}
    # a category replaces the one before, and a zero ends it
    assert sectors(changes, "A") == {MON: "X", TUE: "X", WED: "Y", THU: NONE, FRI: NONE}
    assert sectors(changes, "B") == dict.fromkeys([MON, TUE, WED, THU, FRI], "Y")


def test_the_mode_is_stated_by_group() -> None:
    mixed = built(exposure_mode={"industry": "changes"})
    assert sizes(mixed, "A") == sizes(built(), "A")
    assert sectors(mixed, "B") == dict.fromkeys([MON, TUE, WED, THU, FRI], "Y")
    with pytest.raises(ValueError, match="exposure_mode: indsutry not among the factor groups"):
        built(exposure_mode={"indsutry": "changes"})


@pytest.mark.parametrize("mode", ["snapshot", "changes"])
def test_an_exposure_ends_with_its_age(mode: str) -> None:
    """At 2 days, an exposure of Monday counts on Wednesday for the last time; whatever else would keep it."""
    old = built(exposure_mode=mode, exposure_max_age=2)
    every = built(exposure_mode=mode)
    last = {("A", "size"): MON, ("B", "size"): WED}
    for name in "AB":
        expected = {
            day: None if day > last[name, "size"] + dt.timedelta(2) else value
            for day, value in sizes(every, name).items()
        }
        assert sizes(old, name) == expected
    assert sectors(old, "B")[THU] is None
    by_group = built(exposure_mode=mode, exposure_max_age={"style": 2})
    assert sizes(by_group, "A") == sizes(old, "A")
    assert sectors(by_group, "B") == sectors(every, "B")


def test_a_name_without_a_price_keeps_nothing_too_old_either() -> None:
    """B has no price on Thursday and keeps what it had, which is from Monday."""
    rows = ROWS.filter(pl.col("date") == MON)
    kept, old = (dataset_of(tables(exposures=rows), **GROUPS, exposure_max_age=age) for age in (None, 2))
    assert sizes(kept, "B") == {TUE: 2.0, WED: 2.0, THU: 2.0, FRI: 2.0}
    assert sizes(old, "B") == {TUE: 2.0, WED: 2.0, THU: NONE, FRI: NONE}
    assert sectors(old, "B") == {TUE: "Y", WED: "Y", THU: NONE, FRI: NONE}


def test_a_cap_ends_with_its_age() -> None:
    dataset = dataset_of(tables(), **GROUPS, market_cap_max_age=3)
    cap, vol = dataset.panel.market_cap, dataset.panel.idio_vol
    assert column(dataset, cap, "A") == {MON: 100, TUE: 100, WED: 100, THU: 200, FRI: 200}
    b = column(dataset, cap, "B")  # of Monday
    assert [b[TUE], b[WED], b[THU]] == [50, 50, 50]
    assert np.isnan(b[FRI])
    assert np.isnan(column(dataset, vol, "B")[FRI])
    forever = dataset_of(tables(), **GROUPS)
    assert column(forever, forever.panel.market_cap, "B")[FRI] == 50


def test_uploaded_groups_of_derived_datasets_have_an_age_too() -> None:
    entry = RiskDatasetUploadedExposureSettings(
        exposure_source="scores", continuous_factor_groups=["style"], factor_groups_forward_fill=["style"],
        categorical_factor_groups=["industry"], max_age=2,
    )  # fmt: skip
    wanted = DerivedRiskDatasetSettings(reference_dataset="root", exposures=[entry], trim_end_date="none")
    read = reader({"scores": ROWS})
    dataset = derive(wanted, built(), lambda data_type, name: read("exposures", name), "x")
    assert sizes(dataset, "A") == {MON: 1.0, TUE: 1.0, WED: 1.0, THU: NONE, FRI: NONE}


def caps(rows: list[tuple], id_type: str = "ticker") -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["date", "asset_id", "ccy", "market_cap", "idio_vol"], orient="row")
    return frame.with_columns(asset_id_type=pl.lit(id_type), volume=pl.lit(None, pl.Float64))


@pytest.mark.parametrize("turned", [False, True])
def test_caps_of_share_classes_add_up(turned: bool) -> None:
    """Vendors that give caps by class need them added, the latest of each, in its currency on its day."""
    idmap = tables()["idmap"].with_columns(to_id=pl.lit("B"))
    rates = pl.DataFrame({"date": [MON, MON, WED], "ccy": ["USD", "EUR", "EUR"], "fx_rate": [1.0, 0.5, 0.8]})
    rows = caps([(MON, "A", "EUR", 10.0, 0.3), (MON, "B", "USD", 5.0, 0.2), (WED, "A", "EUR", 8.0, 0.4)])
    rows = rows.reverse() if turned else rows
    frames = tables(idmap=idmap, market_cap=rows, exchange_rates=rates)
    one, both = (dataset_of(frames, **GROUPS, market_cap_per=p) for p in ("company", "listing"))
    assert column(one, one.panel.market_cap, "A") == {MON: 5, TUE: 5, WED: 10, THU: 10, FRI: 10}
    assert column(both, both.panel.market_cap, "A") == {MON: 25, TUE: 25, WED: 15, THU: 15, FRI: 15}
    assert column(both, both.panel.idio_vol, "A") == {MON: 0.2, TUE: 0.2, WED: 0.4, THU: 0.4, FRI: 0.4}
    assert one.report.rows_dropped["market_cap"] == {"superseded by a row of the company's main listing": 1}
    assert "market_cap" not in both.report.rows_dropped


def test_a_cap_of_the_company_is_none_of_a_class() -> None:
    idmap = tables()["idmap"].with_columns(to_id=pl.lit("B"))
    rows = pl.concat(
        [caps([(MON, "A", "USD", 10.0, None)]), caps([(MON, "B", "USD", 99.0, None)], "ticker_core")],
        how="vertical_relaxed",
    )
    dataset = dataset_of(tables(idmap=idmap, market_cap=rows), **GROUPS, market_cap_per="listing")
    assert set(dataset.panel.market_cap.tolist()) == {10.0}
    assert sum(dataset.report.rows_dropped["market_cap"].values()) == 1


TWO = tables()["idmap"].with_columns(to_id=pl.lit("B"))


def class_caps(rows: list[tuple], price: pl.DataFrame | None = None, **settings) -> dict:
    """Cap of the company of A and B by day, on the rows of A or else of B."""
    frames = tables(idmap=TWO, market_cap=caps(rows))
    data = dataset_of(
        frames if price is None else {**frames, "price": price},
        **GROUPS,
        market_cap_per="listing",
        **settings,
    )
    both = [column(data, data.panel.market_cap, name) for name in "BA"]
    assert all(both[0][day] == both[1][day] for day in both[0].keys() & both[1].keys())
    return both[0] | both[1]


def test_a_class_that_reports_late_keeps_its_last_cap() -> None:
    """A reports daily, B weekly: the company's cap moves with A and does not lose B."""
    rows = [(MON, "B", "USD", 50.0, 0.2)] + [
        (day, "A", "USD", 10.0 + i, None) for i, day in enumerate([MON, TUE, WED, THU, FRI])
    ]
    found = class_caps(rows)
    assert found == {MON: 60, TUE: 61, WED: 62, THU: 63, FRI: 64}
    # each class has the age of its own last cap
    assert class_caps(rows, market_cap_max_age=2) == {MON: 60, TUE: 61, WED: 62, THU: 13, FRI: 14}
    # a class without prices is one too, also before it has one
    only_a = tables()["price"].filter(pl.col("asset_id") == "A")
    assert class_caps(rows, only_a) == found


def test_a_class_that_ends_takes_its_cap_along() -> None:
    """B is exchanged into A on Wednesday; whatever its last cap was, it is in A's now."""
    price = tables()["price"].filter((pl.col("asset_id") == "A") | (pl.col("date") <= WED))
    last = (pl.col("asset_id") == "B") & (pl.col("date") == WED)
    price = price.with_columns(delisted=last)
    rows = [(MON, "A", "USD", 10.0, None), (MON, "B", "USD", 50.0, None), (THU, "A", "USD", 61.0, None)]
    assert class_caps(rows, price) == {MON: 60, TUE: 60, WED: 60, THU: 61, FRI: 61}
    # it lives on without a listing where its cap goes on
    alive = [*rows, (FRI, "B", "USD", 5.0, None)]
    assert class_caps(alive, price)[FRI] == 66


def test_a_new_ticker_takes_the_place_of_the_old_one() -> None:
    """A becomes B on Wednesday, without a flag: A stays in the panel without a price, not in the cap."""
    price = tables()["price"].filter(
        pl.when(pl.col("asset_id") == "A").then(pl.col("date") < WED).otherwise(pl.col("date") >= WED)
    )
    base = (pl.col("asset_id") == "B") & (pl.col("date") == WED)
    price = price.with_columns(pl.when(base).then(None).otherwise("return").alias("return"))
    rows = [(MON, "A", "USD", 10.0, None), (THU, "B", "USD", 12.0, None)]
    assert class_caps(rows, price) == {MON: 10, TUE: 10, WED: 10, FRI: 12}  # no prices on Thursday
