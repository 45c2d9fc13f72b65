"""A workspace knows its database: one that is gone is not replaced by an empty one without a word."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from openfactor import Client
from openfactor.errors import StorageError
from tests.client.test_races import ROOT, caps, put
from tests.database.raw import VERSION_1, execute, file_of, script
from tests.dataset.test_build import tables


def workspace(folder: Path) -> Path:
    """One with uploads and a dataset, that nobody has open."""
    with Client.local(folder, progress=False) as client:
        for name, frame in tables().items():
            put(client, name, frame)
        client.equity.riskdatasets.create_dataset("root", ROOT)
    return folder


def names(folder: Path, **options: bool) -> list[str]:
    with Client.local(folder, progress=False, **options) as client:
        return client.equity.riskdatasets.get_dataset_names()


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def lose(folder: Path) -> None:
    file_of(folder).unlink()


def empty(folder: Path) -> None:
    file_of(folder).write_bytes(b"")


def overwrite(folder: Path) -> None:
    file_of(folder).write_bytes(b"not pages of a database " * 400)


def exchange(folder: Path) -> None:
    with Client.local(folder.parent / "another", progress=False):
        pass
    shutil.copy(file_of(folder.parent / "another"), file_of(folder))


def lose_both(folder: Path) -> None:
    file_of(folder).unlink()
    (folder / "workspace.json").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lose, "has data, but its registry openfactor.sqlite is missing"),
        (lose_both, "has data, but its registry openfactor.sqlite is missing"),
        (empty, "is empty"),
        (overwrite, "the file is no database"),
        (exchange, "is the registry of another workspace"),
    ],
)
def test_a_registry_that_is_lost_is_told(tmp_path: Path, damage, message: str) -> None:
    folder = workspace(tmp_path / "w")
    with Client.local(folder, progress=False) as client:
        described = client.equity.riskdatasets.load("root").describe()
    damage(folder)
    before = files(folder)
    for _ in range(2):
        with pytest.raises(StorageError, match=rf"{message}.*backup.*new_registry"):
            names(folder)
    after = files(folder)
    assert {name: after.get(name) for name in before if "openfactor.sqlite" not in name} == {
        name: data for name, data in before.items() if "openfactor.sqlite" not in name
    }
    assert names(folder, new_registry=True) == []
    assert len(list(folder.glob("lost-*.sqlite"))) == ("lose" not in damage.__name__)
    with Client.local(folder, progress=False, new_registry=True) as client:  # has nothing to do any more
        client.equity.riskdatasets.create_dataset("root", ROOT)
        assert client.equity.riskdatasets.load("root").describe() == described
    assert names(folder, new_registry=True) == names(folder) == ["root"]


def test_a_restored_registry_serves(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "w")
    kept = file_of(folder).read_bytes()
    lose(folder)
    with pytest.raises(StorageError):
        names(folder)
    file_of(folder).write_bytes(kept)
    assert names(folder) == ["root"]


def test_a_workspace_of_a_release_without_identity_gets_one(tmp_path: Path) -> None:
    (tmp_path / "datasets" / "abc").mkdir(parents=True)
    script(tmp_path, VERSION_1)
    assert names(tmp_path) == ["top"]
    identity = json.loads((tmp_path / "workspace.json").read_text())
    assert execute(tmp_path, "SELECT id FROM workspace") == [(identity["id"],)]
    with Client.local(tmp_path, progress=False) as client:
        listed = client.equity.riskdatasets.list_riskdatasets()
        assert listed.select("status", "reference_dataset").row(0) == ("not_ready", "d")


def test_the_identity_itself(tmp_path: Path) -> None:
    folder, path = workspace(tmp_path / "w"), tmp_path / "w" / "workspace.json"
    content = json.loads(path.read_text())
    for damaged in (b"", b"[]", b"{}", b'{"format": "x", "id": 3}'):
        path.write_bytes(damaged)
        with pytest.raises(StorageError, match=r"workspace\.json is damaged; delete it"):
            names(folder)
    path.unlink()
    assert names(folder) == ["root"]
    assert json.loads(path.read_text()) == content
    path.write_text(json.dumps(content | {"format": 99}))
    with pytest.raises(StorageError, match=r"has format 99.*install a later release"):
        names(folder)


def test_many_open_a_new_folder_at_once(tmp_path: Path) -> None:
    start, outcomes = threading.Barrier(8), list[object]()

    def run(number: int) -> None:
        start.wait()
        try:
            with Client.local(tmp_path / "w", progress=False) as client:
                put(client, "market_cap", caps(number + 1.0))
            outcomes.append("ok")
        except StorageError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["ok"] * 8
    assert names(tmp_path / "w") == []
