"""Daily life with a model: new days, corrections, caches, background work."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openfactor import Client
from openfactor.client.riskmodel import RiskModel
from openfactor.errors import CancelledError, DataError, DataWarning, NotFoundError
from openfactor.model import Estimates, estimate, forecast_of
from openfactor.model.estimation.estimates import BLANK, BY_DATE
from openfactor.numerics import normal_equations
from openfactor.settings import FactorCovarianceSettings, FactorRiskModelSettings, RiskForecastSettings
from openfactor.synthetic import simulate
from tests.handles import arrays_of, fitted_of
from tests.markets import dataset_of, dataset_settings, model_settings, until

MARKET = simulate(40, 60, industries=4, seed=33)
SETTINGS = model_settings(thin_category_shrinkage={"industry": 9.0})


def commit(client: Client, uploads: dict[str, pl.DataFrame]) -> None:
    for name, frame in uploads.items():
        client.equity.uploaders[name].create_or_replace_dataset(name).fast_commit(frame, mode="overwrite")


def client_with(folder: Path, uploads: dict[str, pl.DataFrame]) -> Client:
    client = Client.local(folder, progress=False)
    commit(client, uploads)
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    return client


def fitted(client: Client, settings: FactorRiskModelSettings = SETTINGS) -> RiskModel:
    return client.equity.riskmodels.load(settings.with_dataset("d")).get_model()


def assert_same(found: Estimates, uploads: dict[str, pl.DataFrame], settings=SETTINGS) -> None:
    """To the last bit what a full fit on the uploads gives."""
    full = estimate(dataset_of(uploads), settings, "full")
    assert found.pairs == full.pairs
    assert found.dates == full.dates
    for name in (*BLANK, *BY_DATE):
        np.testing.assert_array_equal(getattr(found, name), getattr(full, name), name)
    for run, other in zip(found.runs, full.runs, strict=True):
        for ours, theirs in zip(run.by_row, other.by_row, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many days each call of the kernels regresses."""
    days: list[int] = []
    kernel = normal_equations.solve_days

    def count(*args):
        days.append(len(args[4]))
        return kernel(*args)

    monkeypatch.setattr(normal_equations, "solve_days", count)
    return days


DAYS = MARKET.factor_returns["date"].to_list()


def test_new_days_are_taken_in_and_nothing_else_is_done_again(tmp_path: Path, counted: list[int]) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[56]))
    model = fitted(client)
    assert sum(counted) == 56
    for day in DAYS[57:]:
        counted.clear()
        commit(client, until(MARKET.uploads, day))
        model = model.update()
        assert sum(counted) == 1
        assert model.dates()[-1] == day
        assert_same(arrays_of(model), until(MARKET.uploads, day))
    # another process reads what was put together
    again = fitted(Client.local(tmp_path, progress=False))
    assert_same(arrays_of(again), MARKET.uploads)
    assert again.forecast().factor_volatility().equals(model.forecast().factor_volatility())
    assert again.idio().equals(model.idio())
    assert model.update() == model  # there is nothing new
    assert not list((tmp_path / "store" / "drafts").iterdir())


def test_several_days_at_once_and_a_dataset_that_was_updated_before(tmp_path: Path) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[40]))
    model = fitted(client)
    commit(client, until(MARKET.uploads, DAYS[50]))
    assert client.equity.riskdatasets.load("d").update()
    assert_same(arrays_of(model.update()), until(MARKET.uploads, DAYS[50]))


def test_a_corrected_price_does_the_days_after_it_again(tmp_path: Path, counted: list[int]) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[50]))
    model = fitted(client)
    counted.clear()
    name = MARKET.uploads["price"].filter(date=DAYS[45])["asset_id"][3]
    corrected = until(MARKET.uploads, DAYS[52])
    wrong = (pl.col("date") == DAYS[45]) & (pl.col("asset_id") == name)
    corrected["price"] = corrected["price"].with_columns(
        pl.when(wrong).then(pl.col("return") + 0.01).otherwise("return").alias("return")
    )
    commit(client, corrected)
    updated = arrays_of(model.update())
    assert sum(counted) == 52 - 44  # from the corrected day on
    assert_same(updated, corrected)


def test_a_day_without_trading_and_days_that_are_taken_back(tmp_path: Path, counted: list[int]) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[40]))
    model = fitted(client)
    saturday = next(d for d in (DAYS[40] + dt.timedelta(n) for n in range(1, 9)) if d.weekday() == 5)
    counted.clear()
    weekend = until(MARKET.uploads, saturday)
    last = weekend["exposures"]["date"].max()
    on_saturday = weekend["exposures"].filter(date=last).with_columns(date=pl.lit(saturday))
    weekend["exposures"] = pl.concat([weekend["exposures"], on_saturday])
    commit(client, weekend)
    model = model.update()
    new = sum(DAYS[40] < day <= saturday for day in DAYS)
    assert sum(counted) == new
    assert_same(arrays_of(model), weekend)
    commit(client, until(MARKET.uploads, DAYS[30]))
    counted.clear()
    model = model.update()
    assert sum(counted) == 0
    assert model.dates()[-1] == DAYS[30]
    assert_same(arrays_of(model), until(MARKET.uploads, DAYS[30]))


def renamed(uploads: dict[str, pl.DataFrame], old: str, new: str) -> dict[str, pl.DataFrame]:
    out = {}
    for name, frame in uploads.items():
        ids = [c for c in ("asset_id", "from_id", "to_id") if c in frame.columns]
        out[name] = frame.with_columns(pl.col(c).replace({old: new}) for c in ids)
    return out


def test_a_new_listing_that_sorts_before_the_others(tmp_path: Path, counted: list[int]) -> None:
    """The numbers of all listings change, what they stand for does not."""
    market = renamed(MARKET.uploads, "A00030", "0NEW")
    start = DAYS[48]
    for name in ("price", "market_cap", "exposures"):
        late = (pl.col("asset_id") == "0NEW") & (pl.col("date") < start)
        market[name] = market[name].filter(~late)
    first = (pl.col("asset_id") == "0NEW") & (pl.col("date") == start)
    market["price"] = market["price"].with_columns(pl.when(~first).then("return"))
    before = until(market, DAYS[46])
    before["idmap"] = before["idmap"].filter(pl.col("from_id") != "0NEW")
    client = client_with(tmp_path, before)
    model = fitted(client)
    counted.clear()
    commit(client, market)
    updated = arrays_of(model.update())
    assert sum(counted) == 59 - 46
    assert_same(updated, market)


def test_a_new_industry_is_a_factor_from_its_day_on(tmp_path: Path, counted: list[int]) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[50]))
    model = fitted(client)
    counted.clear()
    changed = until(MARKET.uploads, DAYS[51])
    last = (pl.col("date") == DAYS[51]) & (pl.col("factor") == "I03")
    changed["exposures"] = changed["exposures"].with_columns(
        pl.when(last).then(pl.lit("I99")).otherwise("factor").alias("factor")
    )
    commit(client, changed)
    with pytest.warns(DataWarning, match=r"industry.I03 has \d+ listings on .* and none on"):
        updated = arrays_of(model.update())
    assert sum(counted) == 1
    assert_same(updated, changed)


def test_two_stages_are_extended_too(tmp_path: Path, counted: list[int]) -> None:
    first = SETTINGS.stages[0].exposures
    one, rest = (
        first.model_copy(update={"exposures": part}) for part in (first.exposures[:2], first.exposures[2:])
    )
    staged = SETTINGS.model_copy(update={"exposures": [one]}).add_stage(exposures=rest)
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[50]))
    model = fitted(client, staged)
    counted.clear()
    commit(client, until(MARKET.uploads, DAYS[51]))
    updated = arrays_of(model.update())
    assert sum(counted) == 2
    assert_same(updated, until(MARKET.uploads, DAYS[51]), staged)


def test_the_second_request_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_with(tmp_path, MARKET.uploads)
    model = fitted(client)
    monkeypatch.setattr(
        "openfactor.workspace.model_store.estimate", lambda *a, **k: pytest.fail("estimated again")
    )
    assert fitted(client) == model
    forecast = RiskForecastSettings(factor_cov=FactorCovarianceSettings(halflife_vol=20))
    assert model.forecast(forecast) == fitted(client).forecast(forecast)
    one, other = (forecast_of(fitted_of(which), forecast) for which in (model, fitted(client)))
    assert one.covariances() is other.covariances()
    regime = fitted(client, SETTINGS.model_copy(update={"halflife_idio_vra": 10}))
    assert regime != model
    assert regime.fingerprint == model.fingerprint
    assert regime.forecast().status()["specific_regime"][-1] != 1
    assert fitted(Client.local(tmp_path, progress=False)).fret().equals(model.fret())


def test_modes(tmp_path: Path) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[20]))
    engine = client.equity.riskmodels.load(SETTINGS.with_dataset("d"))
    with pytest.raises(NotFoundError, match="was not fitted yet"):
        engine.get_model("get-or-fail")
    loose = engine.get_model("get-or-compute")
    with pytest.raises(NotFoundError):
        engine.get_model("get-or-fail")
    kept = engine.get_model("compute-and-persist")
    assert kept.fret().equals(loose.fret())
    assert engine.get_model("get-or-fail") == kept
    stored = arrays_of(kept)
    assert engine.get_model("compute") == kept  # the same content, computed once more
    assert arrays_of(kept) is stored


def test_a_model_in_the_background(tmp_path: Path) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[20]))
    engine = client.equity.riskmodels.load(SETTINGS.with_dataset("d"))
    task = engine.get_model_as_task()
    model = task.result(60)
    assert task.done
    assert task.units_done == 20
    assert repr(task) == "<task risk model on 'd': done, 20 of 20 days>"
    assert engine.get_model() == model


def test_a_cancelled_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[20]))
    engine = client.equity.riskmodels.load(SETTINGS.with_dataset("d"))
    begun, go_on = threading.Event(), threading.Event()
    kernel = normal_equations.solve_days

    def wait(*args):
        begun.set()
        assert go_on.wait(30)
        return kernel(*args)

    monkeypatch.setattr(normal_equations, "solve_days", wait)
    task = engine.get_model_as_task()
    assert begun.wait(30)
    with pytest.raises(TimeoutError, match="it goes on"):
        task.result(0.01)
    assert "running" in repr(task)
    task.cancel()
    assert "cancelling" in repr(task)
    go_on.set()
    with pytest.raises(CancelledError):
        task.result(30)
    with pytest.raises(NotFoundError):
        engine.get_model("get-or-fail")
    assert "cancelled" in repr(task)


def test_a_task_hands_on_what_went_wrong(tmp_path: Path) -> None:
    caps = MARKET.uploads["market_cap"].filter(pl.col("date") == DAYS[-1])
    client = client_with(tmp_path, MARKET.uploads | {"market_cap": caps})
    engine = client.equity.riskmodels.load(SETTINGS.with_dataset("d"))
    with pytest.raises(DataError) as expected:
        engine.get_model()
    task = engine.get_model_as_task()
    with pytest.raises(DataError) as error:
        task.result(30)
    assert (str(error.value), error.value.faults) == (str(expected.value), expected.value.faults)
    assert task.status.state == "failed"
    assert [status.id for status in client.tasks.list()] == [task.id]
