"""The client on a folder: the whole path, kept across processes."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor import Client
from openfactor.client.riskmodel import RiskModel
from openfactor.errors import (
    ConflictError,
    DataError,
    DataWarning,
    NotFoundError,
    SettingsError,
    StorageError,
)
from openfactor.settings import (
    CategoricalFilterSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    UniverseSettings,
)
from openfactor.synthetic import simulate
from tests.markets import dataset_settings, model_settings

MARKET = simulate(50, 30, industries=4, seed=21)


def upload_all(client: Client) -> None:
    for name, frame in MARKET.uploads.items():
        uploads = client.equity.uploaders.get_data_type(name)
        uploads.create_or_replace_dataset(name).fast_commit(frame, mode="overwrite")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workspace")
    client = Client.local(path)
    upload_all(client)
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> RiskModel:
    settings = model_settings(thin_category_shrinkage={"industry": 12.0})
    return Client.local(folder).equity.riskmodels.load(settings.with_dataset("d")).get_model()


def test_everything_survives_closing_the_process(folder: Path, model: RiskModel) -> None:
    code = """
import sys, tests.markets as m
from openfactor import Client
from openfactor.client.riskmodel import RiskModel
client = Client.local(sys.argv[1], progress=False)
assert client.equity.riskdatasets.get_dataset_names() == ["d"]
assert client.equity.uploaders["price"]["price"].get_data().collect().height > 0
settings = m.model_settings(thin_category_shrinkage={"industry": 12.0})
model = client.equity.riskmodels.load(settings.with_dataset("d")).get_model()
model.fret().write_parquet(sys.argv[2])
"""
    out = folder / "fret.parquet"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(folder), str(out)], check=True, cwd=root, timeout=120)
    assert_frame_equal(pl.read_parquet(out), model.fret())


def test_a_model_is_estimated_once(folder: Path, model: RiskModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("estimated again")

    monkeypatch.setattr("openfactor.workspace.model_store.estimate", never)
    again = Client.local(folder).equity.riskmodels.load(model.settings.with_dataset("d")).get_model()
    assert again.fingerprint == model.fingerprint
    with pytest.raises(AssertionError, match="estimated again"):
        Client.local(folder).equity.riskmodels.load(
            model_settings(weights="Cap").with_dataset("d")
        ).get_model()


def test_frames(model: RiskModel) -> None:
    fret = model.fret()
    assert fret.shape == (30, 1 + 1 + 4 + 4)
    assert fret.columns[1:] == sorted(fret.columns[1:])
    assert set(fret.dtypes[1:]) == {pl.Float32}
    assert list(model.factors()) == ["industry", "market", "style"]
    assert model.dates() == fret["date"].to_list()
    assert model.r2().shape == (29, 2)
    assert model.r2()["r2"].is_between(0, 1).all()
    assert model.t_stats().columns == model.p_values().columns == fret.columns
    assert model.t_stats()["market.market"].null_count() == 1  # the first day
    status = model.status()
    assert status["status"].to_list() == ["first_day"] + ["ok"] * 29
    assert set(status["solver"]) == {"none", "normal_equations"}
    assert status["thin_categories"].list.len().max() > 0
    start, end = fret["date"][3], fret["date"][5]
    for frame in (model.fret, model.t_stats, model.p_values, model.r2, model.status, model.market_caps,
                  model.exposures, model.idio, model.weights, model.asset_returns):  # fmt: skip
        assert frame(start=start, end=end)["date"].unique().sort().to_list() == fret["date"][3:6].to_list()


def test_frames_add_up(model: RiskModel) -> None:
    """exposures of a day times factor returns of the next plus specific returns: the asset returns."""
    names, fret, idio = model.fret().columns[1:], model.fret(), model.idio()
    total = model.asset_returns()
    for p, t in zip(model.dates()[:-1], model.dates()[1:], strict=True):
        x = model.exposures(start=p, end=p)
        f = np.array(fret.filter(pl.col("date") == t).select(names).row(0))
        explained = x.select(names).to_numpy() @ f
        for name, part in zip(x["ticker"], explained, strict=True):
            e = idio.filter(pl.col("date") == t)[name][0]
            r = total.filter(pl.col("date") == t)[name][0]
            assert (e is None) == (r is None)
            if r is not None:
                assert part + e == pytest.approx(r, abs=1e-7)  # frames are in single precision


def test_weights_and_caps(model: RiskModel) -> None:
    weights = model.weights().drop("date")
    np.testing.assert_allclose(weights[1:].sum_horizontal(), 1, atol=1e-6)
    caps, fret = model.market_caps(), model.fret()
    industry = [c for c in fret.columns if c.startswith("industry.")]
    c, f = caps[1:].select(industry).to_numpy(), fret[1:].select(industry).to_numpy()
    assert np.abs((c * f).sum(axis=1) / np.abs(c).sum(axis=1)).max() < 1e-9
    np.testing.assert_allclose(c.sum(axis=1), caps["market.market"][1:], rtol=1e-6)


def test_p_values_are_those_of_student(model: RiskModel) -> None:
    from scipy.stats import t

    row = model.status().row(5, named=True)
    expected = 2 * t.sf(abs(model.t_stats()["style.size"][5]), row["n"] - row["rank"])
    assert model.p_values()["style.size"][5] == pytest.approx(expected, rel=1e-5)


def test_assets_by_entity(model: RiskModel) -> None:
    assert model.idio(id_type="ticker_core").columns == model.idio().columns
    with pytest.raises(SettingsError, match="possible: ticker, ticker_core"):
        model.idio(id_type="isin")


def test_reprs_help(folder: Path, model: RiskModel) -> None:
    client = Client.local(folder)
    assert str(folder) in repr(client)
    assert "price" in repr(client.equity.uploaders)
    assert "version 1" in repr(client.equity.uploaders["price"]["price"])
    assert "50 listings" in repr(client.equity.riskdatasets.load("d"))
    assert "mean R2" in repr(model)
    assert "29 regressions" in repr(model)


def test_names_that_are_not_there(folder: Path) -> None:
    equity = Client.local(folder).equity
    with pytest.raises(NotFoundError, match="no data type named 'prices'; known: daily_bars"):
        equity.uploaders.get_data_type("prices")
    with pytest.raises(NotFoundError, match="known: price"):
        equity.uploaders["price"].get_dataset("x")
    with pytest.raises(NotFoundError, match="known: d"):
        equity.riskdatasets.load("x")
    with pytest.raises(NotFoundError, match="known: d"):
        equity.riskmodels.load(model_settings().with_dataset("x"))
    with pytest.raises(TypeError, match="with_dataset"):
        equity.riskmodels.load(model_settings())  # type: ignore[arg-type]


def test_dataset_life(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    upload_all(client)
    datasets = client.equity.riskdatasets
    made = datasets.create_dataset("d", dataset_settings())
    assert made.settings == dataset_settings()
    with pytest.raises(ConflictError, match="delete it first"):
        datasets.create_dataset("d", dataset_settings())
    datasets.create_dataset("twin", dataset_settings())
    client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    datasets.delete_dataset("d")
    assert datasets.load("twin").describe().build_report.n_listings == 50  # shares the data of d
    datasets.delete_dataset("twin")
    datasets.delete_dataset_if_exists("twin")
    with pytest.raises(NotFoundError):
        datasets.delete_dataset("twin")


def test_new_uploads_make_another_dataset(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    upload_all(client)
    settings = dataset_settings()
    client.equity.riskdatasets.create_dataset("d", settings)
    before = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    days = MARKET.factor_returns["date"]
    client.equity.uploaders["price"]["price"].fast_commit(
        MARKET.uploads["price"].filter(pl.col("date") < days[20]), mode="overwrite"
    )
    same = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    assert same.fingerprint == before.fingerprint  # a dataset is what it was built from
    client.equity.riskdatasets.create_or_replace_dataset("d", settings)
    after = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    assert after.fingerprint != before.fingerprint
    assert after.status()["status"].to_list()[20:] == ["no_returns"] * 10


def test_a_dataset_that_fails_leaves_nothing(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    upload_all(client)
    with pytest.raises(DataError, match="missing_group"):
        client.equity.riskdatasets.create_dataset(
            "d", dataset_settings(sparse_factor_groups={"country": None})
        )
    assert client.equity.riskdatasets.get_dataset_names() == []
    assert not (tmp_path / "store").exists()
    with pytest.raises(NotFoundError, match="upload of type price: there is no 'other'; possible: price"):
        client.equity.riskdatasets.create_dataset("d", dataset_settings(price_source="other"))


def test_a_traded_weekend_warns(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    upload_all(client)
    price = MARKET.uploads["price"]
    friday = price.filter(pl.col("date").dt.weekday() == 5)["date"][0]
    saturday = price.filter(pl.col("date") == friday).with_columns(
        pl.col("date") + pl.duration(days=1), pl.col("close") * 1.001, pl.lit(0.001).alias("return")
    )
    client.equity.uploaders["price"]["price"].fast_commit(pl.concat([price, saturday]), mode="overwrite")
    closed = MARKET.uploads["exchange_dates"].filter(pl.col("date").dt.weekday() < 6)
    client.equity.uploaders["exchange_dates"]["exchange_dates"].fast_commit(closed, mode="overwrite")
    with pytest.warns(DataWarning, match="XNYS has prices on 1 weekend day"):
        client.equity.riskdatasets.create_dataset("d", dataset_settings())


def test_frames_of_other_libraries(tmp_path: Path) -> None:
    upload = Client.local(tmp_path).equity.uploaders["exchange_rates"].get_or_create_dataset("fx")
    rates = MARKET.uploads["exchange_rates"]
    for frame in (rates.to_arrow(), rates.to_pandas(), rates.lazy()):
        upload.fast_commit(rates.head(1), mode="overwrite")
        upload.fast_commit(frame, mode="overwrite")
        assert_frame_equal(upload.get_data().collect().sort("date", "ccy"), rates.sort("date", "ccy"))
    assert upload.get_data(columns=["ccy"], unique=True).collect().rows() == [("USD",)]
    assert upload.get_data(head=2).collect().height == 2
    upload.destroy()
    assert "fx" not in Client.local(tmp_path).equity.uploaders["exchange_rates"]


def test_pandas_holds_an_empty_return_as_nan(tmp_path: Path) -> None:
    upload = Client.local(tmp_path).equity.uploaders["price"].create_dataset("p")
    price = MARKET.uploads["price"].sort("date", "asset_id")
    upload.fast_commit(price.to_pandas().astype({"delisted": bool}), mode="overwrite")
    back = upload.get_data().collect().sort("date", "asset_id")
    assert back["return"].null_count() == price["return"].null_count() > 0


def test_a_model_without_factors_leaves_the_returns(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    upload_all(client)
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    settings = FactorRiskModelSettings(
        universe=UniverseSettings(id_type="ticker"), exposures=ExposureSettings()
    )
    model = client.equity.riskmodels.load(settings.with_dataset("d")).get_model()
    assert model.factors() == {}
    assert model.fret().columns == ["date"]
    assert_frame_equal(model.idio(), model.asset_returns())
    assert model.exposures().columns == ["date", "ticker"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot open a workspace"):
        Client.local(tmp_path / "file")


def test_importing_the_client_loads_no_engine() -> None:
    code = (
        "import sys, openfactor; "
        "bad = [m for m in ('numba', 'scipy', 'deltalake', 'sqlalchemy', 'openfactor.workspace', "
        "'openfactor.dataset', 'openfactor.model', 'openfactor.numerics') if m in sys.modules]; "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_warning_on_an_ordinary_path(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    upload_all(client)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.equity.riskdatasets.create_dataset("d", dataset_settings())
        client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()


def test_universes(folder: Path) -> None:
    equity = Client.local(folder).equity
    member = CategoricalFilterSettings(hierarchy="estimation_universe")
    settings = UniverseSettings(id_type="ticker", categorical_filters=[member])
    universe = equity.universes.load(settings.with_dataset("d"))
    assert set(universe.coverage()) <= set(MARKET.uploads["idmap"]["from_id"])
    assert 0 < universe.counts(dates=False)["max"].item() <= 45
    with pytest.raises(TypeError, match="with_dataset"):
        equity.universes.load(settings)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"universe.id_type: there is no 'tickr'; did you mean 'ticker'"):
        equity.universes.load(UniverseSettings(id_type="tickr").with_dataset("d"))
    with pytest.raises(NotFoundError, match="known: d"):
        equity.universes.load(settings.with_dataset("e"))


def test_exposures_are_those_of_the_model(folder: Path, model: RiskModel) -> None:
    """On trading days, one row a company; this market has one listing each."""
    equity = Client.local(folder).equity
    settings = model.settings.exposures[0]
    found = equity.exposures.load(settings.with_dataset("d")).get(
        model.settings.universe[0], filter_tradedays=True
    )
    of_model = model.exposures().sort("date", "ticker")
    assert_frame_equal(found, of_model.filter(~pl.all_horizontal(pl.exclude("date", "ticker").is_null())))
    assert found.height > 0
    with pytest.raises(TypeError, match="with_dataset"):
        equity.exposures.load(settings)  # type: ignore[arg-type]
