"""A copy of a workspace beside others who write to it is a workspace, at one moment."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openfactor import Client
from openfactor.errors import ConflictError, DataWarning
from openfactor.synthetic import simulate
from openfactor.uploads.storage import copying
from openfactor.workspace import backup
from tests.database.raw import execute
from tests.markets import dataset_settings, model_settings, until
from tests.stored import files_of

MARKET = simulate(20, 60, industries=3, seed=3)
DAYS = MARKET.factor_returns["date"].to_list()
MODEL = model_settings().with_dataset("d")


def commit(client: Client, day: int) -> None:
    for name, frame in until(MARKET.uploads, DAYS[day]).items():
        client.equity.uploaders[name].get_or_create_dataset(name).fast_commit(frame, "overwrite")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client.local(tmp_path / "w", progress=False) as client:
        commit(client, 20)
        client.equity.riskdatasets.create_dataset("d", dataset_settings())
        client.equity.riskmodels.load(MODEL).get_model()
        client.equity.riskmodels.settings.save("m", MODEL)
        yield client


def returns(folder: Path) -> pl.DataFrame:
    """Of the saved model, from what is stored alone."""
    with Client.local(folder, progress=False) as client:
        return client.equity.riskmodels.load("m").get_model("get-or-fail").fret()


def test_a_copy_is_a_workspace(client: Client, tmp_path: Path) -> None:
    before = client.equity.riskmodels.load("m").get_model().fret()
    report = client.backup(tmp_path / "backups" / "monday")
    assert report.ok
    assert report.check.n_contents == 2
    copy = tmp_path / "backups" / "monday"
    assert [path.name for path in copy.parent.iterdir()] == ["monday"]
    assert (copy / "workspace.json").read_text() == (tmp_path / "w" / "workspace.json").read_text()
    client.close()
    shutil.rmtree(tmp_path / "w")
    assert returns(copy).equals(before)
    copy.rename(tmp_path / "w")  # as docs/operations.md restores it
    with Client.local(tmp_path / "w", progress=False) as restored:
        assert restored.equity.riskdatasets.get_dataset_status("d") == "ready"
        commit(restored, 30)
        assert restored.equity.riskdatasets.load("d").update()
        assert restored.equity.riskmodels.load("m").get_model().dates()[-1] == DAYS[30]


def test_the_code_on_operations_runs(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    first, second = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {"client": client, "Client": Client}
    exec(compile(first, "operations.md", "exec"), scope)
    assert scope["report"].ok
    copy = tmp_path / "backups" / "2024-03-01"
    assert returns(copy).height > 0
    copy.rename(tmp_path / "my-workspace")
    (tmp_path / "my-workspace" / "openfactor.sqlite").unlink()
    exec(compile(second, "operations.md", "exec"), scope)
    assert scope["client"].equity.riskdatasets.get_dataset_names() == []


def test_where_a_copy_cannot_be(client: Client, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "taken", tmp_path / "w" / "copy"):
        with pytest.raises(ConflictError, match="choose another folder"):
            client.backup(path)


def test_a_copy_that_fails_leaves_nothing(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(copying, "copy_table", fail)
    monkeypatch.setattr("openfactor.uploads.upkeep.copy_table", fail)
    with pytest.raises(KeyboardInterrupt):
        client.backup(tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w"]


def test_damage_is_told_and_the_rest_is_copied(client: Client, tmp_path: Path) -> None:
    pack = max(files_of(tmp_path / "w", "packs"), key=lambda path: path.stat().st_size)
    pack.unlink()
    with pytest.warns(DataWarning, match=f"{pack.name} is missing"):
        report = client.backup(tmp_path / "copy")
    assert not report.ok
    assert pack.name in str(report.left_out)
    with Client.local(tmp_path / "copy", progress=False) as copy:
        assert copy.equity.riskdatasets.load("d").update(force=True)
        assert copy.check().damage == [] or "model" in str(copy.check())


def test_damaged_uploads_and_entries_are_told(client: Client, tmp_path: Path) -> None:
    table = tmp_path / "w" / "uploads" / "price" / "price"
    file = next(path for path in table.iterdir() if path.suffix == ".parquet")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.unlink()
    file.write_bytes(data)
    execute(tmp_path / "w", "UPDATE entries SET description = 'flipped' WHERE name = 'm'")
    with pytest.warns(DataWarning, match="has what was damaged before"):
        report = client.backup(tmp_path / "copy")
    assert report.check.damage == client.check().damage
    entry, upload = report.check.damage
    assert entry.problem == "FactorRiskModelSettings 'm': its bytes are not those that were written"
    assert upload.problem.startswith(f"price/{table.name}/{file.name} ")
    assert upload.serves == [f"price upload {table.name!r}, version 1"]


def test_what_is_pruned_meanwhile_is_kept_until_it_is_copied(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_store = backup.Backup._copy_store

    def prune_first(self, *arguments: object):
        with Client.local(tmp_path / "w", progress=False) as other:
            commit(other, 25)
            assert other.equity.riskdatasets.load("d").update()
            other.prune(keep=0, grace_hours=0)
        return copy_store(self, *arguments)

    client.close()  # whose leases would keep them, too
    client = Client.local(tmp_path / "w", progress=False)
    monkeypatch.setattr(backup.Backup, "_copy_store", prune_first)
    assert client.backup(tmp_path / "copy").ok


def writing(folder: Path, stop: threading.Event, errors: list[Exception], turn: int) -> None:
    """Commit, update, fit, save and delete until told to stop."""
    try:
        with Client.local(folder, progress=False, threads=1) as client:
            day = 21 + turn
            while not stop.is_set():
                commit(client, day % 50)
                client.equity.riskdatasets.load("d").update()
                client.equity.riskmodels.load(MODEL).get_model()
                client.equity.riskmodels.settings.save(f"m{turn}", MODEL, overwrite=True)
                client.equity.riskdatasets.create_or_replace_dataset(f"d{turn}", dataset_settings())
                client.equity.riskdatasets.delete_dataset(f"d{turn}")
                client.prune(keep=1, grace_hours=0.05)
                day += 3
    except Exception as error:
        errors.append(error)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::openfactor.errors.DataWarning")  # uploads are of several days
def test_copies_beside_writers_are_whole(client: Client, tmp_path: Path) -> None:
    stop, errors = threading.Event(), list[Exception]()
    writers = [
        threading.Thread(target=writing, args=(tmp_path / "w", stop, errors, turn)) for turn in range(3)
    ]
    for writer in writers:
        writer.start()
    for number in range(8):
        copy = tmp_path / f"copy{number}"
        report = client.backup(copy)
        assert report.ok, str(report)
        with Client.local(copy, progress=False) as opened:
            assert opened.equity.riskdatasets.get_dataset_status("d") in ("ready", "data_stale")
            opened.equity.riskdatasets.load("d").update()
            assert opened.equity.riskmodels.load("m").get_model().fret().height > 0
        ((state,),) = execute(copy, "PRAGMA integrity_check")
        assert state == "ok"
        shutil.rmtree(copy)
    stop.set()
    for writer in writers:
        writer.join()
    assert not errors, errors
