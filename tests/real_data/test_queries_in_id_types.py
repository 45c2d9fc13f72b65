"""Universes and exposures asked for in an id type that changes over time: an ISIN is replaced, or missing."""

from __future__ import annotations

import polars as pl
import pytest

from openfactor.errors import DataWarning, SettingsError
from openfactor.exposures.matrix import ExposureMatrix
from openfactor.exposures.universe import Universe
from openfactor.settings import ContinuousExposureGroupSettings, ExposureSettings, UniverseSettings
from tests.dataset.test_build import GROUPS, THU, WED, tables
from tests.markets import dataset_of
from tests.real_data.test_ambiguous_ids import FIRST, LAST, mappings

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
    matrix = ExposureMatrix("d", found._data, style)
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
