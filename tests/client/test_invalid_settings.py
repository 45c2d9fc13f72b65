"""Stored settings that are not valid any more, as after a downgrade: told, never fatal for anything else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from openfactor import Client
from openfactor.database.tables import digest
from openfactor.errors import SettingsError
from openfactor.settings import ColumnMapping, UniverseSettings
from openfactor.synthetic import simulate
from tests.client.test_riskmodels import commit
from tests.markets import dataset_settings

MARKET = simulate(12, 10, industries=2, styles=("size",), seed=3)
ALL = UniverseSettings(id_type="ticker").with_dataset("d")


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client.local(tmp_path, progress=False)
    commit(client, MARKET.uploads)
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    client.equity.universes.settings.save("good", ALL)
    client.equity.universes.settings.save("bad", ALL)
    return client


def spoil(workspace: Path, name: str) -> None:
    """Give a stored value a field that no version has heard of."""
    with closing(sqlite3.connect(workspace / "openfactor.sqlite")) as database, database:
        ((value,),) = database.execute("select value from entries where name = ?", [name]).fetchall()
        changed = json.dumps(json.loads(value) | {"from_the_future": 1})
        database.execute("update entries set value = ? where name = ?", [changed, name])
        database.row_factory = sqlite3.Row
        (row,) = database.execute("select * from entries where name = ?", [name]).fetchall()
        database.execute("update entries set digest = ? where name = ?", [digest(dict(row)), name])


def test_a_saved_universe(client: Client, tmp_path: Path) -> None:
    spoil(tmp_path, "bad")
    universes = client.equity.universes.settings
    saved = universes.read("bad")
    assert saved.value is None
    assert "from_the_future" in saved.issues[0]
    assert saved.raw_json["from_the_future"] == 1
    assert dict(universes.list().select("name", "valid").rows()) == {"good": True, "bad": False}
    with pytest.raises(SettingsError, match="from_the_future"):
        client.equity.universes.load("bad")
    assert client.equity.universes.load("good").counts().height > 0
    universes.save("bad", ALL, overwrite=True)
    assert universes.read("bad").value == ALL
    spoil(tmp_path, "bad")
    universes.delete("bad")
    assert list(universes.get_identifiers()) == ["good"]


def test_a_dataset(client: Client, tmp_path: Path) -> None:
    client.equity.riskdatasets.create_dataset("other", dataset_settings())
    spoil(tmp_path, "d")
    datasets = Client.local(tmp_path, progress=False).equity.riskdatasets
    assert datasets.get_dataset_status("d") == "corrupt"
    assert datasets.get_dataset_status("other") == "ready"
    assert datasets.list_riskdatasets()["name"].to_list() == ["d", "other"]
    with pytest.raises(
        SettingsError, match="the saved risk dataset 'd' is not valid in this version"
    ) as caught:
        datasets.load("d").update()
    assert caught.value.problems == ("root.from_the_future: Extra inputs are not permitted",)
    datasets.create_or_replace_dataset("d", dataset_settings())
    assert datasets.get_dataset_status("d") == "ready"


def test_mappings_are_values_of_their_class(client: Client) -> None:
    mappings = client.equity.uploaders.mappings
    assert repr(mappings) == "<saved mappings: none yet>"
    with pytest.raises(TypeError, match="give a ColumnMapping"):
        mappings.save("m", {"close": "Close"})  # type: ignore[arg-type]
    key = mappings.save("m", ColumnMapping(columns={"close": "Close"}))
    assert mappings.save(key, ColumnMapping(columns={"close": "Last"}), overwrite=True) == key
    assert mappings.get("m").columns == {"close": "Last"}
    assert repr(mappings) == "<saved mappings: m>"


def test_the_picture_of_a_dataset_without_findings(client: Client) -> None:
    dataset = client.equity.riskdatasets.load("d")
    assert dataset.quality().is_empty()
    figure = dataset.plot_quality()
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    plt.close(figure)
    assert "nothing found" in texts
