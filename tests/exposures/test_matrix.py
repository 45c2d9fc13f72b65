"""Exposures as frames, on a market that can be counted by hand (see `tests.dataset.test_build`)."""

from __future__ import annotations

import polars as pl
import pytest

from openfactor.errors import SettingsError
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    CategoricalFilterSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    UniverseSettings,
)
from tests.dataset.test_build import FRI, GROUPS, MON, THU, TUE, WED, exposure_rows, tables
from tests.exposures.test_universe import two_listings
from tests.handles import ExposureMatrix, Universe
from tests.markets import dataset_of

ROWS = [
    (MON, "A", "style", "size", 1.5), (MON, "B", "style", "size", -0.5), (MON, "B", "style", "value", 2.0),
    (MON, "A", "industry", "X", 1.0), (THU, "A", "industry", "X", 0.25), (THU, "A", "industry", "Y", 0.75),
]  # fmt: skip
BOTH = ExposureSettings(
    exposures=[
        CategoricalExposureGroupSettings(hierarchy="industry", factor_group="sector"),
        ContinuousExposureGroupSettings(hierarchy="style"),
    ]
)
LISTINGS, COMPANIES = UniverseSettings(id_type="ticker"), UniverseSettings(id_type="ticker_core")


def matrix(settings: ExposureSettings = BOTH, **changes: pl.DataFrame) -> ExposureMatrix:
    uploads = tables(**({"exposures": exposure_rows(ROWS)} | changes))
    return ExposureMatrix("d", dataset_of(uploads, **GROUPS), settings)


def test_one_row_a_day_and_asset() -> None:
    frame = matrix().get(LISTINGS)
    assert frame.schema == {
        "date": pl.Date, "ticker": pl.String, "sector.X": pl.Float32, "sector.Y": pl.Float32,
        "style.size": pl.Float32, "style.value": pl.Float32,
    }  # fmt: skip
    assert frame.rows() == [
        (MON, "A", 1.0, 0.0, 1.5, None),
        (TUE, "A", 1.0, 0.0, 1.5, None),
        (TUE, "B", 0.0, 0.0, -0.5, 2.0),
        (WED, "A", 1.0, 0.0, 1.5, None),
        (WED, "B", 0.0, 0.0, -0.5, 2.0),
        (THU, "A", 0.25, 0.75, 1.5, None),
        (THU, "B", 0.0, 0.0, -0.5, 2.0),
        (FRI, "A", 0.25, 0.75, 1.5, None),
        (FRI, "B", 0.0, 0.0, -0.5, 2.0),
    ]
    assert matrix().factors() == {"sector": ["X", "Y"], "style": ["size", "value"]}
    dotted = ExposureSettings(
        exposures=[ContinuousExposureGroupSettings(hierarchy="style", factor_group="a.b")]
    )
    assert matrix(dotted).factors() == {"a.b": ["size", "value"]}
    assert repr(matrix()) == "<exposures on 'd' (2024-01-08 to 2024-01-12, data test): sector, style>"


def test_days_and_members_that_are_asked_for() -> None:
    some = matrix().get(LISTINGS, start=TUE, end=WED)
    assert some.select("date", "ticker").rows() == [(TUE, "A"), (TUE, "B"), (WED, "A"), (WED, "B")]
    closed = pl.DataFrame({"date": [TUE, WED, THU], "exchange": ["XNYS"] * 3})
    trading = matrix(exchange_dates=closed).get(LISTINGS, filter_tradedays=True)
    assert trading["date"].unique().sort().to_list() == [MON, FRI]
    in_x = UniverseSettings(
        id_type="ticker", categorical_filters=[CategoricalFilterSettings(hierarchy="industry", include=["X"])]
    )
    assert matrix().get(in_x)["ticker"].unique().to_list() == ["A"]
    assert matrix().dates(LISTINGS, range_only=True) == [MON, FRI]
    nobody = matrix().get(LISTINGS, start=FRI, end=MON)
    assert nobody.is_empty()
    assert nobody.columns == matrix().get(LISTINGS).columns


def test_one_row_a_company() -> None:
    both = matrix(**two_listings())
    assert both.get(LISTINGS, start=WED, end=WED)["ticker"].to_list() == ["A", "B"], "A2 is A's company"
    assert both.get(COMPANIES, start=WED, end=WED).columns[1] == "ticker_core"
    assert both.get(COMPANIES, start=WED, end=WED)["ticker_core"].to_list() == ["A", "B"]
    assert both.get(COMPANIES, id_type="ticker").equals(both.get(LISTINGS))
    with pytest.raises(SettingsError, match="no id type 'isin'"):
        both.get(LISTINGS, id_type="isin")


def test_assets_without_any_exposure_are_left_out() -> None:
    only_industry = ExposureSettings(exposures=[CategoricalExposureGroupSettings(hierarchy="industry")])
    assert matrix(only_industry).get(LISTINGS)["ticker"].unique().to_list() == ["A"]
    only_value = ExposureSettings(
        exposures=[ContinuousExposureGroupSettings(hierarchy="style", include=["value"])]
    )
    assert matrix(only_value).get(LISTINGS)["ticker"].unique().to_list() == ["B"]
    assert matrix(ExposureSettings()).get(LISTINGS).is_empty()


def test_a_universe_that_is_loaded_and_one_of_another_dataset() -> None:
    here = matrix()
    loaded = Universe("d", dataset_of(tables(exposures=exposure_rows(ROWS)), **GROUPS), LISTINGS)
    assert here.get(loaded).equals(here.get(LISTINGS))
    smaller = Universe("e", dataset_of(tables(), **GROUPS), LISTINGS)
    assert here.get(smaller).equals(here.get(LISTINGS)), "only its settings count"


def test_what_the_dataset_does_not_have() -> None:
    wrong = ExposureSettings(
        exposures=[
            ContinuousExposureGroupSettings(hierarchy="styl"),
            CategoricalExposureGroupSettings(hierarchy="industry", include=["Z"]),
        ]
    )
    with pytest.raises(SettingsError, match="did you mean 'style'") as caught:
        matrix(wrong)
    assert len(caught.value.problems) == 2
    with pytest.raises(SettingsError, match=r"universe\.id_type"):
        matrix().get(UniverseSettings(id_type="isin"))


def test_coverage_lists_the_assets_that_have_exposures() -> None:
    """As `get` shows them; of a dataset and a universe those that have rows."""
    exposures = matrix()
    assert (
        exposures.coverage(LISTINGS)
        == exposures.get(LISTINGS)["ticker"].unique().sort().to_list()
        == ["A", "B"]
    )
    sectors = matrix(ExposureSettings(exposures=[CategoricalExposureGroupSettings(hierarchy="industry")]))
    assert sectors.coverage(LISTINGS) == sectors.get(LISTINGS)["ticker"].unique().to_list() == ["A"]
    assert matrix(ExposureSettings()).coverage(LISTINGS) == []
    with pytest.raises(SettingsError, match="cusip"):
        exposures.coverage(LISTINGS, "cusip")
