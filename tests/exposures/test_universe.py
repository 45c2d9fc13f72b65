"""Universes on a market that can be counted by hand (see `tests.dataset.test_build`)."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from openfactor.errors import DataWarning, SettingsError
from openfactor.settings import (
    CalendarSettings,
    CategoricalFilterSettings,
    MCapFilterSettings,
    UniverseSettings,
    hierarchy_to_df,
)
from tests.dataset.test_build import FRI, GROUPS, MON, SAT, THU, TUE, WED, exposure_rows, tables
from tests.handles import Universe
from tests.markets import dataset_of, reader

A, B, C = "A", "B", "C"


def universe(changes: dict[str, pl.DataFrame] | None = None, **settings: object) -> Universe:
    chosen = UniverseSettings.model_validate({"id_type": "ticker"} | settings)
    return Universe("d", dataset_of(tables(**(changes or {})), **GROUPS), chosen)


def pairs(frame: pl.DataFrame) -> list[tuple]:
    return [(row[0], *row[1:]) for row in frame.rows()]


def test_members_from_the_first_price_to_the_last() -> None:
    members = universe().get()
    assert members.schema == {"date": pl.Date, "ticker": pl.String}
    assert pairs(members) == [
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
    assert repr(universe()) == "<universe on 'd' (2024-01-08 to 2024-01-12, data test), assets as ticker>"
    assert universe().dataset == "d"
    assert dt.date(2024, 1, 8) == MON


SECTORS = {"E": {"E1": ["X", "Y"]}, "F": []}
SECTOR_NAMES = {"E": "Energy", "E1": "Fossil", "X": "Coal", "Y": "Oil", "F": "Funds"}


def with_sectors(**settings: object) -> Universe:
    """A is in coal and, from Thursday on, half in oil; B is a fund."""
    rows = [
        (MON, A, "industry", "X", 1.0), (MON, B, "industry", "F", 1.0), (THU, A, "industry", "X", 0.5),
        (THU, A, "industry", "Y", 0.5), (THU, B, "industry", "F", 1.0), (MON, A, "style", "size", 1.0),
    ]  # fmt: skip
    frames = {
        **tables(exposures=exposure_rows(rows)),
        "sectors": hierarchy_to_df(SECTORS, SECTOR_NAMES),
        "books": holdings(),
    }
    dataset = dataset_of(
        frames, dense_factor_groups={"style": None}, sparse_factor_groups={"industry": "sectors"}
    )
    chosen = UniverseSettings.model_validate({"id_type": "ticker"} | settings)
    return Universe("d", dataset, chosen, reader(frames))


def holdings() -> pl.DataFrame:
    rows = [("P", A, MON), ("P", A, FRI), ("Q", B, TUE), ("R", "nobody", MON)]
    return pl.DataFrame(rows, schema=["portfolio_id", "asset_id", "date"], orient="row").with_columns(
        asset_id_type=pl.lit("ticker"), nav=pl.lit(1.0)
    )


def days_of(universe: Universe, asset: str) -> list[dt.date]:
    return [day for day, name in pairs(universe.get()) if name == asset]


@pytest.mark.parametrize(
    ("filters", "a", "b"),
    [
        ({"include": ["Energy"]}, [MON, TUE, WED, THU, FRI], []),
        ({"include": ["E1"], "exclude": ["Oil"]}, [MON, TUE, WED], []),  # half in oil is in oil
        ({"include": ["Y"]}, [THU, FRI], []),
        ({"exclude": ["Fossil"]}, [], [TUE, WED, THU, FRI]),
        ({}, [MON, TUE, WED, THU, FRI], [TUE, WED, THU, FRI]),
    ],
)
def test_categories_of_any_level(filters: dict, a: list, b: list) -> None:
    sectors = with_sectors(categorical_filters=[{"hierarchy": "industry", **filters}])
    assert (days_of(sectors, A), days_of(sectors, B)) == (a, b)


def test_counts_by_levels() -> None:
    frame = with_sectors().counts(categorical_hierarchy_levels={"industry": -1})
    assert frame.columns == ["date", "industry_level_1", "industry_level_2", "industry_level_3", "count"]
    assert set(pairs(frame.filter(pl.col("date") == FRI))) == {
        (FRI, "Energy", "Fossil", "Coal", 1), (FRI, "Energy", "Fossil", "Oil", 1),
        (FRI, "Funds", None, None, 1),
    }  # fmt: skip
    top = with_sectors().counts(False, {"industry": 1}, labels=False)
    assert top.rows() == [("E", 1.0, 1, 1), ("F", 0.8, 0, 1)]  # A is in energy once on every day
    with pytest.raises(SettingsError, match="has 3 levels; ask for 1 to 3"):
        with_sectors().counts(categorical_hierarchy_levels={"industry": 4})


@pytest.mark.filterwarnings("ignore:.*nobody:openfactor.errors.DataWarning")
@pytest.mark.parametrize(
    ("portfolios", "names"),
    [("books", [A, B]), ({"P": "books"}, [A]), ({"P": "books", "Q": "books"}, [A, B]), ({"R": "books"}, [])],
)
def test_assets_of_portfolios(portfolios, names: list[str]) -> None:
    holders = with_sectors(portfolio_filter={"enabled_portfolios": portfolios})
    assert holders.coverage() == names


def test_a_portfolio_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="there is no 'S'; possible: P, Q, R"):
        with_sectors(portfolio_filter={"enabled_portfolios": {"S": "books"}})


def test_all_identifiers_of_the_members() -> None:
    more = pl.DataFrame(
        {
            "from_id": ["US1", "US2", "US3"], "to_id": ["A", "A", "B"],
            "start_date": [dt.date(2000, 1, 1), dt.date(2024, 1, 10), dt.date(2000, 1, 1)],
            "end_date": [dt.date(2024, 1, 9), dt.date.max, dt.date.max],
        }
    ).with_columns(from_id_type=pl.lit("isin"), to_id_type=pl.lit("ticker_core"))  # fmt: skip
    idmap = pl.concat([tables()["idmap"], more], how="diagonal")
    large = universe({"idmap": idmap}, mcap_filter=MCapFilterSettings(lower=60))  # A alone
    assert large.input_id_mapping().rows() == [
        ("isin", "US1", dt.date(2000, 1, 1), dt.date(2024, 1, 9), "A"),
        ("isin", "US2", dt.date(2024, 1, 10), dt.date.max, "A"),
        ("ticker", "A", dt.date.min, dt.date.max, "A"),
    ]
    assert large.input_id_mapping("ticker_core").columns[-1] == "ticker_core"
    # a holding by another identifier counts on the days on which it was one
    frames = {**tables(idmap=idmap), "books": holdings().with_columns(
        asset_id=pl.lit("US1"), asset_id_type=pl.lit("isin"))}  # fmt: skip
    settings = UniverseSettings.model_validate(
        {"id_type": "ticker", "portfolio_filter": {"enabled_portfolios": {"P": "books"}}}
    )
    held = Universe("d", dataset_of(frames, **GROUPS), settings, reader(frames))
    assert held.coverage() == [A]
    frames["books"] = frames["books"].filter(pl.col("date") > WED)
    with pytest.warns(DataWarning, match="isin 'US1'"):
        held = Universe("d", dataset_of(frames, **GROUPS), settings, reader(frames))
    assert held.coverage() == []
