"""What a user types at a prompt: every object says what it is, data types explain themselves, and frames of a
model that are rarely asked for are what their docstrings say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor import Client
from openfactor.settings import (
    CalendarSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    InteractionExposureGroupSettings,
    UniverseSettings,
    legacy,
)
from openfactor.synthetic import simulate
from openfactor.uploads import DATA_TYPES
from tests.handles import dataset_of_name, engine_of
from tests.markets import SOURCES, dataset_settings, model_settings

MARKET = simulate(30, 30, industries=3, seed=5)
EVERYBODY = UniverseSettings(id_type="ticker")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder: Path = tmp_path_factory.mktemp("handles")
    client = Client.local(folder, progress=False)
    for name in SOURCES:
        client.equity.uploaders[name].create_dataset(name).fast_commit(MARKET.uploads[name], "overwrite")
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    client.equity.universes.settings.save("all", EVERYBODY.with_dataset("d"))
    return client


def test_every_handle_says_what_it_is(client: Client) -> None:
    equity = client.equity
    dates = MARKET.uploads["price"]["date"]
    first, last = dates.min(), dates.max()
    rows = ", ".join(f"{name} {len(frame):,}" for name, frame in MARKET.uploads.items())
    workspace = engine_of(client)
    data = dataset_of_name(client, "d")
    said = {
        f"<openfactor client of {client._workspace!r}>": client,
        f"<uploaders: {', '.join(sorted(DATA_TYPES))}>": equity.uploaders,
        "<price uploads: price>": equity.uploaders["price"],
        "<series uploads: none yet>": equity.uploaders["series"],
        "<price upload 'price', version 1>": equity.uploaders["price"]["price"],
        "<risk datasets: d>": equity.riskdatasets,
        f"<risk dataset 'd', ready: {first} to {last}, 30 days, 30 listings>": equity.riskdatasets.load("d"),
        "<universes; load(settings.with_dataset(name)), or the name of saved settings>": equity.universes,
        "<risk model on 'd'; get_model() fits it>": equity.riskmodels.load(
            model_settings().with_dataset("d")
        ),
        "<exposures on the dataset of a universe; get(universe)>": equity.exposures.load(
            legacy.ExposureSettings.default()
        ),
        "<identifiers; lookup(ids)>": equity.ids,
        "<saved UniverseSettings: all>": equity.universes.settings,
        "<saved ExposureSettings: none yet>": equity.exposures.settings,
        f"<saved settings: {', '.join(k.__name__ for k in client.settings_registry.get_settings_types())}>": (
            client.settings_registry
        ),
        f"<SyntheticUniverse 30 trading days; rows: {rows}>": MARKET,
        f"<RiskDataset {first} to {last}: 30 days, 30 listings, {len(dates)} rows>": data,
        "<Tree of 3 leaves on 1 levels>": data.trees["industry"],
    }
    for text, handle in said.items():
        assert repr(handle) == text
    snapshot = workspace.uploads._store.snapshot()  # type: ignore[attr-defined]
    assert repr(snapshot) == "<snapshot of no uploads>"
    snapshot("price", "price")
    assert repr(snapshot) == "<snapshot of price/price>"
    calendar = equity.calendars.load(CalendarSettings(filters=[["XNYS"]]).with_dataset("d"))
    assert repr(calendar).endswith(f"{first} to {last}, 30 trading days>")


@pytest.mark.parametrize("data_type", sorted(DATA_TYPES))
def test_a_data_type_explains_itself(client: Client, data_type: str) -> None:
    """The example goes in as it stands, and every column that is taken is described."""
    uploads = client.equity.uploaders[data_type]
    example, columns = uploads.example(), uploads.describe()
    assert set(example.columns) <= set(columns["column"])
    assert uploads.create_or_replace_dataset("example").fast_commit(example, "append").version == 1
    assert_frame_equal(
        uploads["example"].get_data().collect().select(example.columns), example, check_row_order=False
    )
    uploads["example"].destroy()


def test_freshness_is_the_latest_commit_of_a_type(client: Client) -> None:
    before = dt.datetime.now(dt.UTC)
    upload = client.equity.uploaders["market_cap"]["market_cap"]
    upload.fast_commit(MARKET.uploads["market_cap"].with_columns(pl.col("market_cap") * 2), "overwrite")
    fresh = {item.data_type: item.last_committed_at for item in client.equity.uploaders.get_freshness()}
    assert set(fresh) == set(SOURCES)  # types without data are left out
    assert fresh["market_cap"] == upload.last_committed_at()
    assert fresh["market_cap"] == max(fresh.values()) >= before - dt.timedelta(milliseconds=1)


def test_frames_of_statistics_are_what_they_are_called(client: Client) -> None:
    model = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    errors, t, f = (frame.tail(-1).drop("date").to_numpy() for frame in
                    (model.standard_errors(), model.t_stats(), model.fret()))  # fmt: skip
    there = np.isfinite(t)
    assert there.any()
    np.testing.assert_allclose((f / errors)[there], t[there], rtol=1e-4)
    day = model.dates()[20]
    before = model.dates()[19]
    weights = model.weights(start=day, end=day).drop("date").unpivot(variable_name="ticker", value_name="w")
    joined = model.exposures(start=before, end=before).join(weights.drop_nulls(), on="ticker")
    found = model.effective_names(start=day, end=day).row(0, named=True)
    for name in found:
        if name.startswith("industry."):
            wx = (joined["w"] * joined[name]).to_numpy().astype(float)
            assert found[name] == pytest.approx(wx.sum() ** 2 / (wx**2).sum(), rel=1e-5)
        elif name != "date":
            assert found[name] is None


@pytest.mark.parametrize("method", ["none", "equal_weighted"])
def test_products_of_continuous_groups(client: Client, method: str) -> None:
    """As they are, or standardised first: the product of what the two groups show by themselves."""
    size, value = (
        ContinuousExposureGroupSettings(
            hierarchy="style", include=[name], factor_group=name, standardize_method=method
        )
        for name in ("size", "value")
    )
    both = InteractionExposureGroupSettings(exposure_groups=[size, value])
    settings = ExposureSettings(exposures=[size, value, both])
    matrix = client.equity.exposures.load(settings.with_dataset("d"))
    found = matrix.get(EVERYBODY)
    product = found["size.size"].cast(pl.Float64) * found["value.value"].cast(pl.Float64)
    np.testing.assert_allclose(found["size:value.size:value"], product, rtol=1e-5, atol=1e-7)
    model = model_settings(estimation=False, zero_sum_constraints={}).model_copy(
        update={"exposures": [settings]}
    )
    fitted = client.equity.riskmodels.load(model.with_dataset("d")).get_model()
    shown = fitted.exposures().select("date", "ticker", "size:value.size:value")
    expected = found.select(shown.columns)
    assert_frame_equal(
        shown.join(
            expected, on=["date", "ticker"], suffix="_alone", how="inner", maintain_order="left"
        ).select(pl.col("size:value.size:value_alone").alias("x")),
        shown.select(pl.col("size:value.size:value").alias("x")),
        rel_tol=1e-5,
    )
