"""Frames through the one table: dates that line up, long and wide, and what a query may ask for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.contract.refs import FrameQuery
from openfactor.errors import NotFoundError, SettingsError
from openfactor.model import estimate
from openfactor.model.frames import FRAMES, frame
from openfactor.settings import ExposureSettings, RiskForecastSettings
from openfactor.synthetic import simulate
from tests.handles import RiskModel, fitted_of
from tests.markets import dataset_of, model_settings

MARKET = simulate(60, 30, industries=3, seed=4)
DAYS = MARKET.factor_returns["date"].to_list()
HOLIDAYS = [DAYS[7], DAYS[15], DAYS[16]]
CLOSED = pl.DataFrame({"date": HOLIDAYS, "exchange": ["XNYS"] * 3})
DATA = dataset_of(MARKET.uploads | {"exchange_dates": CLOSED})
KEYS = {"date", "factor", "ticker", "factor_2"}
TABLES = ("r2", "status", "specific_risk", "forecast_status")


@pytest.fixture(scope="module")
def model() -> RiskModel:
    settings = model_settings()
    return RiskModel(DATA, settings, estimate(DATA, settings, "x"))


def test_stored_days_that_are_holidays_are_no_trading_days(model: RiskModel) -> None:
    assert set(HOLIDAYS) <= set(DATA.days)
    assert model.dates() == [day for day in DAYS if day not in HOLIDAYS]


@pytest.mark.parametrize("dated", ["exposures", "returns"])
def test_exposures_times_factor_returns_and_specific_is_the_asset_return_of_the_row(
    model: RiskModel, dated: str
) -> None:
    """On equal dates, whichever day all of them carry."""

    def long(name: str) -> pl.DataFrame:
        return frame(fitted_of(model), FrameQuery(frame=name, dated=dated, layout="long"))

    explained = (
        long("exposures")
        .join(long("factor_returns"), on=["date", "factor"])
        .group_by("date", "ticker")
        .agg(explained=(pl.col("exposure").cast(float) * pl.col("factor_return")).sum())
    )
    parts = long("asset_returns").join(explained, on=["date", "ticker"])
    parts = parts.join(long("specific_returns"), on=["date", "ticker"])
    days = model.dates()
    assert parts["date"].unique().sort().to_list() == (days[:-1] if dated == "exposures" else days[1:])
    assert len(parts) > 55 * (len(days) - 1)
    total = parts["explained"] + parts["specific_return"]
    np.testing.assert_allclose(total, parts["asset_return"], atol=1e-6)


def test_rows_dated_the_other_way_are_the_same_rows(model: RiskModel) -> None:
    days = model.dates()
    for name in ("factor_returns", "t_stats", "weights", "specific_returns", "market_caps"):
        returns, exposures = (
            frame(fitted_of(model), FrameQuery(frame=name, dated=dated)) for dated in ("returns", "exposures")
        )
        assert returns["date"].to_list() == exposures["date"].to_list() == days
        assert returns.columns == exposures.columns
        assert_frame_equal(returns.drop("date")[1:], exposures.drop("date")[:-1])
        assert exposures.drop("date").tail(1).select(pl.all_horizontal(pl.all().is_null())).item()
    for name in ("r2", "status"):
        returns, exposures = (
            frame(fitted_of(model), FrameQuery(frame=name, dated=dated)) for dated in ("returns", "exposures")
        )
        regressed = returns.filter(pl.col("date") > days[0])
        assert exposures["date"].to_list() == [days[days.index(day) - 1] for day in regressed["date"]]
        assert_frame_equal(regressed.drop("date"), exposures.drop("date"))


def test_future_returns_are_those_of_the_next_trading_day(model: RiskModel) -> None:
    days = model.dates()
    future, returns = model.future_asset_returns(), model.asset_returns()
    assert future["date"].to_list() == days
    for day, following in [(days[6], days[7]), (days[0], days[1])]:
        assert future.filter(date=day).drop("date").equals(returns.filter(date=following).drop("date"))
    assert future.tail(1).drop("date").null_count().sum_horizontal().item() == future.width - 1
    assert model.future_asset_returns(dated="returns").equals(returns)


def test_memberships_are_those_of_the_day(model: RiskModel) -> None:
    universe, estimation = model.universe(), model.estimation_universe()
    assert universe.schema == {"date": pl.Date} | dict.fromkeys(universe.columns[1:], pl.Boolean)
    assert universe.columns == estimation.columns == model.idio().columns
    exposures = model.exposures().select("date", "ticker")
    assert model.universe(layout="long").equals(exposures.sort("date", "ticker"))
    used = model.weights(layout="long", dated="exposures").select("date", "ticker")
    candidates = model.estimation_universe(layout="long")
    assert used.join(candidates, on=["date", "ticker"], how="anti").is_empty()
    assert 0 < len(candidates) < len(exposures)
    shifted = model.universe(dated="returns")
    assert not shifted.drop("date").head(1).select(pl.any_horizontal(pl.all())).item()
    assert shifted.drop("date")[1:].equals(universe.drop("date")[:-1])


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_long_has_each_value_of_wide_once(model: RiskModel, name: str) -> None:
    wide, long = (
        frame(fitted_of(model), FrameQuery(frame=name, layout=layout)) for layout in ("wide", "long")
    )
    if name in TABLES:
        assert wide.equals(long)
        return
    keys = [column for column in long.columns if column in KEYS]
    assert long.height == long.select(keys).n_unique()
    assert long["date"].is_sorted()
    values = wide.drop([column for column in keys if column in wide.columns])
    if name in ("universe", "estimation_universe"):
        assert long.columns == ["date", "ticker"]
        assert long.height == sum(values.sum().row(0))
        return
    (value,) = set(long.columns) - KEYS
    assert long[value].null_count() == 0
    assert long.height == values.height * values.width - sum(values.null_count().row(0))
    names = keys[-1]
    pivoted = long.pivot(names, index=keys[:-1], values=value)
    assert_frame_equal(
        pivoted, wide.select(pivoted.columns).join(pivoted.select(keys[:-1]), on=keys[:-1], how="semi")
    )


def test_the_page_on_models_has_the_columns_of_each_frame(model: RiskModel) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `[\w().]+` \| (.*?) \| .* \| (\w*) ?\|$", page, flags=re.MULTILINE)
    assert [name for name, *_ in rows] == sorted(FRAMES, key=[name for name, *_ in rows].index)
    for name, columns, dated in rows:
        long = frame(fitted_of(model), FrameQuery(frame=name, layout="long"))
        if not columns.startswith("("):
            assert long.columns == columns.replace("*id type*", "ticker").split(", "), name
        assert dated == (FRAMES[name].dated if "dated" in FRAMES[name].options else ""), name


def test_start_and_end_are_dates_of_rows(model: RiskModel) -> None:
    days = model.dates()
    for name in sorted(FRAMES.keys() - {"specific_risk"}):
        part = frame(fitted_of(model), FrameQuery(frame=name, start=days[5], end=days[8]))
        whole = frame(fitted_of(model), FrameQuery(frame=name))
        expected = whole.filter(pl.col("date").is_between(days[5], days[8]))
        assert part["date"].unique().sort().to_list() == days[5:9]
        assert_frame_equal(part, expected, rel_tol=1e-5)
    late = frame(fitted_of(model), FrameQuery(frame="exposures", dated="returns", start=days[5], end=days[5]))
    early = frame(fitted_of(model), FrameQuery(frame="exposures", start=days[4], end=days[4]))
    assert late.drop("date").equals(early.drop("date"))
    assert late["date"].unique().to_list() == [days[5]]


def test_options_that_a_frame_does_not_have(model: RiskModel) -> None:
    with pytest.raises(SettingsError, match="frames of a model are asset_returns, effective_names"):
        frame(fitted_of(model), FrameQuery(frame="factor_return"))
    for name, option in [
        ("factor_returns", {"stage": 2}),
        ("factor_returns", {"id_type": "ticker"}),
        ("factor_covariance", {"dated": "returns"}),
        ("t_stats", {"forecast": RiskForecastSettings()}),
    ]:
        with pytest.raises(SettingsError, match=f"{name}' does not take"):
            frame(fitted_of(model), FrameQuery(frame=name, **option))
    with pytest.raises(SettingsError, match="no stage 2"):
        frame(fitted_of(model), FrameQuery(frame="weights", stage=2))
    with pytest.raises(SettingsError, match="one date"):
        frame(fitted_of(model), FrameQuery(frame="specific_risk", start=DAYS[3], end=DAYS[4]))
    with pytest.raises(NotFoundError, match=str(HOLIDAYS[0])):
        frame(fitted_of(model), FrameQuery(frame="specific_risk", end=HOLIDAYS[0]))


def test_frames_of_a_model_without_factors() -> None:
    settings = model_settings(zero_sum_constraints={}).model_copy(update={"exposures": [ExposureSettings()]})
    fitted = fitted_of(RiskModel(DATA, settings, estimate(DATA, settings, "x")))
    for name in ("factor_returns", "exposures", "factor_covariance", "factor_volatility"):
        assert frame(fitted, FrameQuery(frame=name, layout="long")).is_empty()
    specific = frame(fitted, FrameQuery(frame="specific_returns", layout="long"))
    returns = frame(fitted, FrameQuery(frame="asset_returns", layout="long"))
    assert specific["specific_return"].equals(returns["asset_return"].alias("specific_return"))


def test_exposures_are_sorted_by_name_however_listings_are_numbered() -> None:
    """A name that comes first in the alphabet, and is listed last, has the highest code."""
    frames = dict(simulate(20, 10, industries=2, seed=4).uploads)
    days = frames["price"]["date"].unique().sort()
    late = pl.col("asset_id") == "A00000"
    price = frames["price"].filter(~late | (pl.col("date") >= days[5]))
    first = late & (pl.col("date") == days[5])
    frames["price"] = price.with_columns(pl.when(~first).then("return"))
    data = dataset_of(frames)
    assert data.identifiers.table["id"][-1] == "A00000"
    shown = RiskModel(data, model_settings(), estimate(data, model_settings(), "x")).exposures()
    keys = shown.select("date", "ticker")
    assert keys.equals(keys.sort("date", "ticker"))
