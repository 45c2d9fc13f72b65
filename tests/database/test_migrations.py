"""Older databases are brought to the present format, newer ones refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from openfactor.database import RISK_DATASET, migrations
from openfactor.database.tables import METADATA
from openfactor.errors import StorageError
from openfactor.settings import UniverseSettings
from tests.database.raw import VERSION_1, execute, file_of, opened, script


def columns_of(folder: Path) -> dict[str, set[str]]:
    tables = execute(
        folder, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    return {table: {row[1] for row in execute(folder, f"PRAGMA table_info({table})")} for (table,) in tables}


def test_a_database_without_a_number_is_brought_to_the_present_format(tmp_path: Path) -> None:
    script(tmp_path, VERSION_1)
    old = opened(tmp_path, release="7.1")
    small = old.get("UniverseSettings", "small")
    assert (small.id, small.dataset, small.description, small.damage) == (3, "d", "tiny", None)
    assert small.settings == UniverseSettings(id_type="ticker")
    assert small.created_on.isoformat() == "2024-01-02T03:04:05.000006"
    assert old.get(RISK_DATASET, 4).fingerprint == "abc"
    with old.changing() as entries:
        assert entries.add("UniverseSettings", "more", UniverseSettings(id_type="ticker")) == 5
    assert execute(tmp_path, "SELECT format, release FROM workspace") == [(migrations.FORMAT, "7.1")]


def test_old_and_new_databases_have_the_tables_that_are_read(tmp_path: Path) -> None:
    read = {table.name: {column.name for column in table.columns} for table in METADATA.tables.values()}
    for folder, statements in ((tmp_path / "old", VERSION_1), (tmp_path / "new", "")):
        folder.mkdir()
        script(folder, statements)
        opened(folder)
        assert columns_of(folder) == read


def test_contents_keep_their_order(tmp_path: Path) -> None:
    script(tmp_path, VERSION_1)
    script(
        tmp_path,
        "CREATE TABLE contents (recipe VARCHAR PRIMARY KEY, kind VARCHAR, content VARCHAR, dataset VARCHAR,"
        " settings VARCHAR, made_on DATETIME);"
        "INSERT INTO contents VALUES ('b', 'dataset', 'B', NULL, 's', '2024-01-03 00:00:00.000000'),"
        " ('a', 'dataset', 'A', NULL, 's', '2024-01-05 00:00:00.000000'),"
        " ('c', 'dataset', 'C', NULL, 's', '2024-01-02 00:00:00.000000');",
    )
    contents = opened(tmp_path).contents
    contents.put("d", "dataset", "D", settings="s")
    assert [made.recipe for made in contents.list()] == ["d", "a", "b", "c"]


def test_many_open_an_old_database_at_once(tmp_path: Path) -> None:
    script(tmp_path, VERSION_1)
    ids, start = [], threading.Barrier(8)

    def run() -> None:
        start.wait()
        ids.append(opened(tmp_path).workspace_id)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    assert len(execute(tmp_path, "SELECT * FROM workspace")) == 1


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, VERSION_1)
    before = execute(tmp_path, "SELECT * FROM sqlite_master"), execute(tmp_path, "SELECT * FROM entries")

    def fail(connection: sa.Connection) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(migrations, "_MIGRATIONS", (*migrations._MIGRATIONS, fail))
    monkeypatch.setattr(migrations, "FORMAT", 3)
    with pytest.raises(KeyboardInterrupt):
        opened(tmp_path)
    assert before == (
        execute(tmp_path, "SELECT * FROM sqlite_master"), execute(tmp_path, "SELECT * FROM entries"),
    )  # fmt: skip


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    execute(tmp_path, "UPDATE workspace SET format = 99, release = '9.5'")
    with pytest.raises(StorageError, match=r"format 99, of openfactor 9\.5.* install openfactor 9\.5"):
        opened(tmp_path)
    execute(tmp_path, "DELETE FROM workspace")
    with pytest.raises(StorageError, match="does not say which format"):
        opened(tmp_path)


def test_an_empty_database_is_refused_where_one_was(tmp_path: Path) -> None:
    file_of(tmp_path).touch()
    with pytest.raises(StorageError, match="is empty"):
        opened(tmp_path, may_create=False)
    opened(tmp_path)
