"""Models asked for by many at once, by several names, and after what was stored has gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from openfactor import Client
from openfactor.errors import CancelledError
from openfactor.model import estimate
from openfactor.settings import FactorRiskModelSettings, RiskForecastSettings, RootRiskDatasetSettings
from openfactor.synthetic import simulate
from openfactor.workspace import model_store
from tests.client.test_riskmodels import commit, fitted
from tests.markets import dataset_settings, model_settings, until
from tests.stored import contents_of

MARKET = simulate(30, 40, industries=3, seed=11)
DAYS = MARKET.factor_returns["date"].to_list()


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client.local(tmp_path, progress=False, threads=2)
    commit(client, until(MARKET.uploads, DAYS[30]))
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    return client


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[FactorRiskModelSettings]:
    """The settings of each fit from scratch, in the order in which they began."""
    begun: list[FactorRiskModelSettings] = []

    def count(dataset, settings, *args, **kwargs):
        begun.append(settings)
        return estimate(dataset, settings, *args, **kwargs)

    monkeypatch.setattr(model_store, "estimate", count)
    return begun


def at_once(work: Callable[[int], object], n: int) -> list[object]:
    """Results of n threads that begin together."""
    barrier = threading.Barrier(n)

    def begin(i: int) -> object:
        barrier.wait()
        return work(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(begin, range(n)))


def test_each_model_is_fitted_once_however_many_ask(client: Client, fits: list) -> None:
    settings = [model_settings(thin_category_shrinkage={"industry": float(m)}) for m in range(1, 13)]
    found = at_once(lambda i: [fitted(client, s).fret() for s in settings[i:] + settings[:i]], 8)
    assert len(fits) == len(settings)
    for i, frames in enumerate(found):
        for frame, again in zip(frames, [*found[0][i:], *found[0][:i]], strict=True):
            assert frame.equals(again)


def test_forecasts_are_shared_by_threads(client: Client) -> None:
    model = fitted(client)
    settings = [RiskForecastSettings(factor_cov={"halflife_vol": n}) for n in range(10, 20)]
    expected = [model.forecast(s).factor_volatility() for s in settings]
    found = at_once(lambda i: [model.forecast(s).factor_volatility() for s in settings[i:]], 8)
    for i, frames in enumerate(found):
        for frame, right in zip(frames, expected[i:], strict=True):
            assert frame.equals(right)


def test_who_waits_for_another_ones_fit_can_be_cancelled(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*args, **kwargs):
        begun.set()
        assert go_on.wait(30)
        return estimate(*args, **kwargs)

    monkeypatch.setattr(model_store, "estimate", slow)
    engine = client.equity.riskmodels.load(model_settings().with_dataset("d"))
    first = engine.get_model_as_task()
    assert begun.wait(30)
    second = engine.get_model_as_task()
    second.cancel()
    with pytest.raises(CancelledError):
        second.result(30)
    go_on.set()
    assert first.result(60).fret().height == 31


def test_what_was_deleted_is_stored_again(client: Client, tmp_path: Path) -> None:
    first = fitted(client)
    (made,) = contents_of(tmp_path).list("estimates")
    contents_of(tmp_path).remove(made)
    again = fitted(client)
    assert again.fret().equals(first.fret())
    other = Client.local(tmp_path, progress=False).equity.riskmodels
    stored = other.load(model_settings(thin_category_shrinkage={"industry": 9.0}).with_dataset("d"))
    assert stored.get_model("get-or-fail").fret().equals(first.fret())


def test_two_names_of_the_same_data_are_updated_each_for_itself(client: Client) -> None:
    datasets = client.equity.riskdatasets
    datasets.create_dataset("twin", RootRiskDatasetSettings.model_validate(datasets.load("d").settings))
    settings = model_settings()
    mine, theirs = (
        client.equity.riskmodels.load(settings.with_dataset(name)).get_model() for name in ("d", "twin")
    )
    assert mine.fret().equals(theirs.fret())
    commit_price(client)
    assert theirs.update().dates()[-1] == DAYS[31]
    assert datasets.load("twin").status == "ready"
    assert datasets.load("d").status == "data_stale"


def commit_price(client: Client) -> None:
    """One more day of everything."""
    for name, frame in until(MARKET.uploads, DAYS[31]).items():
        if "date" in frame.columns:
            newest = frame.filter(pl.col("date") == DAYS[31])
            if len(newest):
                client.equity.uploaders[name][name].fast_commit(newest, mode="append")
