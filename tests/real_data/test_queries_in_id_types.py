"""Universes and exposures asked for in an id type that changes over time: an ISIN is replaced, or missing."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import polars as pl
import pytest

from openfactor.errors import DataWarning, SettingsError
from openfactor.exposures.asset_columns import by_asset
from openfactor.model import estimate
from openfactor.settings import ContinuousExposureGroupSettings, ExposureSettings, UniverseSettings
from tests.dataset.test_build import FRI, GROUPS, MON, SAT, THU, WED, tables
from tests.handles import ExposureMatrix, RiskModel, Universe
from tests.markets import dataset_of, model_settings
from tests.real_data.test_ambiguous_ids import FIRST, LAST, mappings
from tests.real_data.test_id_types import MID, NAMES, NEXT, in_other_types

LISTED = [("A", "A", FIRST, LAST), ("B", "B", FIRST, LAST)]
ISINS = [("OLD", "A", FIRST, WED, "isin", "ticker"), ("NEW", "A", THU, LAST, "isin", "ticker")]
OF_B = ("US2", "B", FIRST, LAST, "isin", "ticker_core")


def universe(*rows: tuple) -> Universe:
    dataset = dataset_of(tables(idmap=mappings(*LISTED, *rows)), **GROUPS)
    return Universe("d", dataset, UniverseSettings(id_type="ticker"))


def test_each_day_has_the_identifier_of_the_day() -> None:
    found = universe(*ISINS, OF_B)
    plain, isins = found.get(), found.get(id_type="isin")
    change = pl.when(pl.col("ticker") == "B").then(pl.lit("US2")).when(pl.col("date") <= WED).then(
        pl.lit("OLD")
    ).otherwise(pl.lit("NEW"))  # fmt: skip
    assert isins.equals(plain.select("date", isin=change).sort("date", "isin"))
    assert found.coverage("isin") == ["NEW", "OLD", "US2"]
    style = ExposureSettings(exposures=[ContinuousExposureGroupSettings(hierarchy="style")])
    matrix = ExposureMatrix("d", found.content, style)
    by_ticker, by_isin = matrix.get(found), matrix.get(found, id_type="isin")
    expected = by_ticker.with_columns(isin=change).sort("date", "isin")
    assert by_isin.equals(expected.select("date", "isin", "style.size"))


def test_assets_without_an_identifier_are_left_out_and_counted() -> None:
    found = universe(*ISINS)
    with pytest.warns(DataWarning, match="4 of 9 rows are left out: their assets have no isin"):
        rows = found.get(id_type="isin")
    assert rows["isin"].unique().sort().to_list() == ["NEW", "OLD"]
    with pytest.raises(SettingsError, match="possible: ticker, ticker_core, isin"):
        found.get(id_type="cusip")


def test_the_identifier_of_the_listing_comes_before_that_of_the_company() -> None:
    of_company = ("AAA", "A", FIRST, LAST, "isin", "ticker_core")
    assert universe(*ISINS, OF_B, of_company).coverage("isin") == ["NEW", "OLD", "US2"]


def test_an_identifier_of_two_companies_names_neither_while_it_does() -> None:
    """And of several identifiers of one asset the first by id counts."""
    both = ("TWO", "A", FIRST, LAST, "isin", "ticker"), ("TWO", "B", THU, THU, "isin", "ticker")
    found = universe(*both, ("ZZZ", "A", FIRST, LAST, "isin", "ticker"), OF_B)
    isins = found.get(id_type="isin")
    expected = {day: "ZZZ" if day == THU else "TWO" for day in found.dates()}
    assert dict(isins.filter(pl.col("isin") != "US2").iter_rows()) == expected


MODEL_UPLOADS = in_other_types()
DATA = dataset_of(MODEL_UPLOADS)
FRAMES = {
    "idio": lambda m, t: m.idio(id_type=t),
    "asset_returns": lambda m, t: m.asset_returns(id_type=t),
    "weights": lambda m, t: m.weights(id_type=t),
    "specific_volatility": lambda m, t: m.forecast().specific_volatility(id_type=t),
}


@cache
def model(id_type: str = "ticker") -> RiskModel:
    settings = model_settings(UniverseSettings(id_type=id_type))
    return RiskModel(DATA, settings, estimate(DATA, settings, "x"))


def identifier(id_type: str, ticker: str, date: dt.date) -> str:
    """A twin of the id map of `in_other_types`."""
    prefix = {"figi": "F", "vendor": "V", "isin": "OLD" if date <= MID else "NEW", "ticker_core": ""}
    return prefix[id_type] + ticker


def cells(frame: pl.DataFrame, id_type: str) -> dict:
    """(date, identifier) to the values that are there."""
    wide = frame.unpivot(index="date", variable_name=id_type).drop_nulls()
    return {(date, name): value for date, name, value in wide.iter_rows()}


@pytest.mark.parametrize("id_type", ["figi", "isin", "vendor", "ticker_core"])
@pytest.mark.parametrize("name", FRAMES)
def test_wide_frames_have_a_column_for_each_identifier(name: str, id_type: str) -> None:
    plain, shown = (FRAMES[name](model(), t) for t in ("ticker", id_type))
    expected = {(d, identifier(id_type, n, d)): x for (d, n), x in cells(plain, "ticker").items()}
    assert expected
    assert cells(shown, id_type) == expected
    names = {identifier(id_type, n, d) for n in plain.columns[1:] for d in DATA.days}
    assert shown.columns == ["date", *sorted(names)]


@pytest.mark.parametrize("id_type", ["figi", "isin", "vendor", "ticker_core"])
def test_long_frames_have_the_identifier_of_the_day(id_type: str) -> None:
    plain, shown = model().exposures(), model().exposures(id_type=id_type)
    named = plain.with_columns(
        pl.struct("date", "ticker")
        .map_elements(lambda r: identifier(id_type, r["ticker"], r["date"]), pl.String)
        .alias("ticker")
    ).rename({"ticker": id_type})
    assert shown.sort("date", id_type).equals(named.sort("date", id_type))
    forecast = model().forecast()
    for day in (MID, forecast.dates()[-1]):
        names = [identifier(id_type, n, day) for n in forecast.specific_risk(day)["ticker"]]
        assert forecast.specific_risk(day, id_type=id_type)[id_type].to_list() == sorted(names)


def test_a_universe_may_be_in_any_id_type() -> None:
    """What is estimated is the same; the menu has the types, and frames come in the universe's."""
    menu = DATA.properties.factor_risk_model_settings_menu.exposure_settings_menu.universe_settings_menu
    assert menu.id_types == ["ticker", "ticker_core", "figi", "isin", "vendor"]
    assert DATA.assets("figi") == sorted(f"F{n}" for n in DATA.assets())
    by_isin = model("isin")
    assert by_isin.fret().equals(model().fret())
    assert by_isin.idio().equals(model().idio(id_type="isin"))
    assert by_isin.exposures().columns[1] == "isin"
    everybody = Universe("d", DATA, UniverseSettings(id_type="isin"))
    assert (
        everybody.counts()["count"].to_list()
        == everybody.get(filter_tradedays=True).group_by("date", maintain_order=True).len()["len"].to_list()
    )
    assert everybody.id_types == menu.id_types
    mapping = everybody.input_id_mapping()
    one = mapping.filter(pl.col("input_id") == f"F{NAMES[0]}").sort("start_date")
    assert one.rows() == [
        ("figi", f"F{NAMES[0]}", FIRST, MID, f"OLD{NAMES[0]}"),
        ("figi", f"F{NAMES[0]}", NEXT, LAST, f"NEW{NAMES[0]}"),
    ]


@pytest.mark.filterwarnings("ignore::openfactor.errors.DataWarning")
def test_an_id_that_is_given_to_another_company_keeps_both_histories() -> None:
    """One column B, which has the first company's returns, then the second's."""
    idmap = mappings(("A", "A", FIRST, LAST), ("B", "B", FIRST, WED), ("B", "B2", THU, LAST))
    price = tables()["price"].vstack(
        tables()["price"].filter(pl.col("date") == FRI).with_columns(date=SAT, close=9.0).filter(
            pl.col("asset_id") == "B"
        ).with_columns(pl.lit(0.5).alias("return"))
    )  # fmt: skip
    exposures = pl.concat([tables()["exposures"], tables()["exposures"].with_columns(date=pl.lit(THU))])
    data = dataset_of(tables(idmap=idmap, price=price, exposures=exposures), **GROUPS)
    rows = [data.panel.rows_of(d) for d in range(len(data.days))]
    inside = np.ones(data.panel.n_rows, np.bool_)
    frame = by_asset(
        data, inside, list(zip(data.days, rows, strict=True)), lambda r: data.panel.local_return[r], "ticker"
    )
    assert frame.columns == ["date", "A", "B"]
    found = {d: x for d, x in frame.select("date", "B").iter_rows() if x is not None}
    assert found == {WED: pytest.approx(0.2), SAT: pytest.approx(0.5)}


def test_share_classes_of_one_isin_are_shown_once() -> None:
    """Of two listings with the ISIN of their company, the one that stands for it."""
    idmap = mappings(
        ("A", "B", FIRST, LAST), ("B", "B", FIRST, LAST), ("US2", "B", FIRST, LAST, "isin", "ticker_core")
    )
    data = dataset_of(tables(idmap=idmap), **GROUPS)
    shown = Universe("d", data, UniverseSettings(id_type="isin"))
    assert shown.coverage() == ["US2"]
    days = [date for date in data.days if MON <= date <= FRI]
    assert shown.get(start=MON, end=FRI).rows() == [(date, "US2") for date in days]
    rows = [data.panel.rows_of(d) for d in range(len(data.days))]
    inside = np.ones(data.panel.n_rows, np.bool_)
    frame = by_asset(
        data, inside, list(zip(data.days, rows, strict=True)), lambda r: data.panel.local_return[r], "isin"
    )
    # on Monday only A is listed, from Tuesday on B stands for the company
    expected = {WED: pytest.approx(0.2), FRI: pytest.approx(0.0)}
    assert {d: x for d, x in frame.iter_rows() if x is not None} == expected
