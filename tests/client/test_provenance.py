"""What a client gives says which dataset and which data it stands on, also after there are newer ones."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openfactor import Client
from openfactor.results import DataVersion
from openfactor.settings import CalendarSettings, UniverseSettings
from openfactor.synthetic import simulate
from tests.markets import SOURCES, dataset_settings, model_settings, until

MARKET = simulate(40, 40, industries=3, seed=5).uploads
DAYS = MARKET["price"]["date"].unique().sort().to_list()
MODEL = model_settings()


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client.local(tmp_path, progress=False)
    commit(client, DAYS[-2])
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    return client


def commit(client: Client, day: dt.date) -> None:
    """What there is on the evening of a day."""
    for name, frame in until(MARKET, day).items():
        if name in SOURCES:
            client.equity.uploaders[name].get_or_create_dataset(name).fast_commit(frame, "overwrite")


def producers(client: Client, dataset: str) -> list[Any]:
    equity, universe = client.equity, UniverseSettings(id_type="ticker")
    model = equity.riskmodels.load(MODEL.with_dataset(dataset)).get_model()
    return [
        model, model.forecast(), model.diagnostics(burn_in=5, n_portfolios=2),
        equity.universes.load(universe.with_dataset(dataset)),
        equity.exposures.load(MODEL.exposures[0].with_dataset(dataset)),
        equity.calendars.load(CalendarSettings(filters=[["XNYS"]]).with_dataset(dataset)),
    ]  # fmt: skip


def test_every_producer_of_frames_says_what_it_stands_on(client: Client) -> None:
    (row,) = client.equity.riskdatasets.list_riskdatasets().to_dicts()
    assert client.equity.riskdatasets.load("d").data == DataVersion(
        dataset="d", fingerprint=row["cache_key"], first_date=DAYS[0], last_date=row["data_date"],
        uploads=dict.fromkeys((f"{name}/{name}" for name in SOURCES), 1),
    )  # fmt: skip
    said = f"'d' ({DAYS[0]} to {DAYS[-2]}, data {row['cache_key'][:8]})"
    for producer in producers(client, "d"):
        assert producer.data == client.equity.riskdatasets.load("d").data, producer
        assert f" on {said}" in repr(producer)


def test_newer_data_do_not_rename_what_was_made_from_older(client: Client) -> None:
    old, known = producers(client, "d"), client.equity.riskdatasets.load("d").data
    commit(client, DAYS[-1])
    client.equity.riskdatasets.load("d").update()
    now = client.equity.riskdatasets.load("d").data
    assert (known.last_date, now.last_date) == (DAYS[-2], DAYS[-1])
    assert (known.uploads["price/price"], now.uploads["price/price"]) == (1, 2)
    assert known.fingerprint != now.fingerprint
    assert [p.data for p in old] == [known] * len(old)
    assert [p.data for p in producers(client, "d")] == [now] * len(old)
    assert old[0].update().data == now
    assert str(DAYS[-2]) in repr(old[0])


def test_two_names_of_the_same_data_are_told_apart(client: Client) -> None:
    client.equity.riskdatasets.create_dataset("again", dataset_settings())
    one, other = (producers(client, name)[0] for name in ("d", "again"))
    assert one.data.fingerprint == other.data.fingerprint
    assert (one.data.dataset, other.data.dataset) == ("d", "again")
    assert "on 'again'" in repr(other)
    assert other.settings == MODEL.with_dataset("again")


def test_settings_of_a_model_are_bound_and_load_it_again(client: Client) -> None:
    model = client.equity.riskmodels.load(MODEL.with_dataset("d")).get_model()
    assert model.settings == MODEL.with_dataset("d")
    assert client.equity.riskmodels.load(model.settings).get_model() == model
    assert model.settings.universe == MODEL.universe  # fields can be read through the binding
    with pytest.raises(AttributeError, match="no_such"):
        _ = model.settings.no_such


def test_uploads_that_a_model_reads_itself_are_part_of_its_data(client: Client) -> None:
    scores = MARKET["exposures"].filter(
        pl.col("date") <= DAYS[-2], pl.col("factor_group") == "style", pl.col("factor") == "size"
    )
    upload = client.equity.uploaders["exposures"].create_dataset("mine")
    upload.fast_commit(scores.with_columns(factor_group=pl.lit("alpha")), "overwrite")
    inline = {"exposure_type": "inline_uploaded", "exposure_source": "mine", "factor_group": "alpha"}
    settings = MODEL.model_validate(MODEL.model_dump() | {"exposures": [{"exposures": [inline]}],
                                                          "modelconstruction": [{}]})  # fmt: skip
    model = client.equity.riskmodels.load(settings.with_dataset("d")).get_model()
    assert model.data.uploads == client.equity.riskdatasets.load("d").data.uploads | {"exposures/mine": 1}
