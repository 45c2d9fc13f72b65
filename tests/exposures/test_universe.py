"""Universes on a market that can be counted by hand (see `tests.dataset.test_build`)."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from openfactor.errors import SettingsError
from openfactor.exposures import Universe
from openfactor.settings import (
    CalendarSettings,
    CategoricalFilterSettings,
    MCapFilterSettings,
    UniverseSettings,
)
from tests.dataset.test_build import FRI, GROUPS, MON, SAT, THU, TUE, WED, exposure_rows, tables
from tests.markets import dataset_of

A, B, C = "A", "B", "C"


def universe(changes: dict[str, pl.DataFrame] | None = None, **settings: object) -> Universe:
    chosen = UniverseSettings.model_validate({"id_type": "ticker"} | settings)
    return Universe("d", dataset_of(tables(**(changes or {})), **GROUPS), chosen)


def pairs(frame: pl.DataFrame) -> list[tuple]:
    return [(row[0], *row[1:]) for row in frame.rows()]


def test_members_from_the_first_price_to_the_last() -> None:
    found = universe().get()
    assert found.schema == {"date": pl.Date, "ticker": pl.String}
    assert pairs(found) == [
        (MON, A), (TUE, A), (TUE, B), (WED, A), (WED, B), (THU, A), (THU, B), (FRI, A), (FRI, B),
    ]  # fmt: skip
    assert pairs(universe().get(start=THU, end=THU)) == [(THU, A), (THU, B)]
    assert universe().get(start=SAT).is_empty()
    assert universe().coverage() == [A, B]


def test_bounds_on_the_cap_of_the_day() -> None:
    large = universe(mcap_filter=MCapFilterSettings(lower=150))
    assert pairs(large.get()) == [(THU, A), (FRI, A)]
    assert large.coverage() == [A]
    exact = universe(mcap_filter=MCapFilterSettings(lower=50, upper=100))
    assert pairs(exact.get(start=WED)) == [(WED, A), (WED, B), (THU, B), (FRI, B)]


def test_categories_of_the_day() -> None:
    rows = [
        (MON, A, "style", "size", 1.0), (MON, B, "style", "size", 1.0), (MON, A, "industry", "X", 1.0),
        (MON, B, "industry", "Y", 1.0), (THU, A, "industry", "Y", 1.0), (THU, B, "industry", "Y", 1.0),
    ]  # fmt: skip
    moved = {"exposures": exposure_rows(rows)}
    only = [CategoricalFilterSettings(hierarchy="industry", include=["X"])]
    assert pairs(universe(moved, categorical_filters=only).get()) == [(MON, A), (TUE, A), (WED, A)]
    without = [CategoricalFilterSettings(hierarchy="industry", exclude=["Y"])]
    assert pairs(universe(moved, categorical_filters=without).get()) == [(MON, A), (TUE, A), (WED, A)]


def test_days() -> None:
    closed = pl.DataFrame({"date": [TUE, THU, THU], "exchange": ["XNYS", "XNYS", "XLON"]})
    plain = universe({"exchange_dates": closed})
    assert plain.dates() == [MON, TUE, WED, THU, FRI]
    assert plain.dates(range_only=True) == [MON, FRI]
    assert plain.dates(trade_only=True) == [MON, WED, FRI]
    assert plain.get(filter_tradedays=True)["date"].unique().sort().to_list() == [MON, WED, FRI]
    either = universe({"exchange_dates": closed}, calendar=CalendarSettings(filters=[["XNYS", "XLON"]]))
    assert either.dates(trade_only=True) == [MON, TUE, WED, FRI]
    both = universe({"exchange_dates": closed}, calendar=CalendarSettings(filters=[["XNYS"], ["XLON"]]))
    assert both.dates(trade_only=True) == [MON, WED, FRI]
    assert both.dates(trade_only=True, range_only=True) == [MON, FRI]


def two_listings() -> dict[str, pl.DataFrame]:
    """A2 is another listing of A's company, from Wednesday on."""
    base = tables()
    idmap = pl.concat([base["idmap"], base["idmap"].filter(from_id="A").with_columns(from_id=pl.lit("A2"))])
    second = base["price"].filter((pl.col("asset_id") == "A") & (pl.col("date") >= WED))
    second = second.with_columns(
        pl.lit("A2").alias("asset_id"),
        pl.when(pl.col("date") > WED).then(pl.col("return")).alias("return"),
    )
    return {"idmap": idmap, "price": pl.concat([base["price"], second])}


def test_listings_and_companies() -> None:
    listed = universe(two_listings())
    assert pairs(listed.get(start=WED, end=WED)) == [(WED, A), (WED, "A2"), (WED, B)]
    assert pairs(listed.get(start=WED, end=WED, id_type="ticker_core")) == [(WED, A), (WED, B)]
    assert listed.coverage() == [A, "A2", B]
    assert listed.coverage("ticker_core") == [A, B]
    companies = universe(two_listings(), id_type="ticker_core")
    assert pairs(companies.get(start=WED, end=WED)) == [(WED, A), (WED, B)]
    assert listed.counts()["count"].to_list() == [1, 2, 3, 3, 3]
    assert companies.counts()["count"].to_list() == [1, 2, 2, 2, 2]
    assert listed.id_types == ["ticker", "ticker_core"]
    with pytest.raises(SettingsError, match=r"no id type 'isin'.*\n.*ticker, ticker_core"):
        listed.get(id_type="isin")


def test_counts() -> None:
    rows = [
        (MON, A, "style", "size", 1.0), (MON, B, "style", "size", 1.0), (MON, A, "industry", "X", 1.0),
        (THU, A, "industry", "X", 0.5), (THU, A, "industry", "Y", 0.5), (THU, B, "industry", "Y", 1.0),
    ]  # fmt: skip
    closed = pl.DataFrame({"date": [WED, SAT], "exchange": ["XNYS", "XNYS"]})
    small = universe({"exposures": exposure_rows(rows), "exchange_dates": closed})
    assert pairs(small.counts()) == [(MON, 1), (TUE, 2), (THU, 2), (FRI, 2)]
    by_industry = small.counts(categorical_hierarchy_levels={"industry": 1})
    assert by_industry.columns == ["date", "industry_level_1", "count"]
    assert pairs(by_industry) == [
        (MON, "X", 1), (TUE, None, 1), (TUE, "X", 1), (THU, "X", 1), (THU, "Y", 2),
        (FRI, "X", 1), (FRI, "Y", 2),
    ]  # fmt: skip
    assert small.counts(categorical_hierarchy_levels={"industry": -1}).equals(by_industry)
    assert small.counts(dates=False).rows() == [(7 / 4, 1, 2)]
    assert small.counts(False, {"industry": 1}).rows() == [
        (None, 1 / 4, 0, 1),
        ("X", 1.0, 1, 1),
        ("Y", 1.0, 0, 2),
    ]
    with pytest.raises(SettingsError) as caught:
        small.counts(categorical_hierarchy_levels={"industry": 2, "sector": 1})
    assert len(caught.value.problems) == 2


def test_it_says_what_it_is() -> None:
    assert repr(universe()) == "<universe on 'd', 2024-01-08 to 2024-01-12, assets as ticker>"
    assert universe().dataset == "d"
    assert dt.date(2024, 1, 8) == MON
