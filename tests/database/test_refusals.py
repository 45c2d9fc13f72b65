"""What SQLite refuses is told as what it is."""

from __future__ import annotations

import resource
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from openfactor.database import connections
from openfactor.database.refusals import refusals
from openfactor.errors import StorageError
from openfactor.settings import UniverseSettings
from tests.database.raw import execute, file_of, opened

ONE = UniverseSettings(id_type="ticker")


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = opened(tmp_path)
    monkeypatch.setattr(connections, "WAIT", 0.1)
    other = sqlite3.connect(file_of(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="others have kept it locked"), registry.changing():
        pass
    assert registry.entries() == []  # reading goes on
    assert opened(tmp_path).entries() == []
    other.execute("ROLLBACK")
    other.close()


def test_a_transaction_is_flushed_when_it_ends(tmp_path: Path) -> None:
    with opened(tmp_path)._database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000


def test_a_disk_without_room(tmp_path: Path) -> None:
    registry = opened(tmp_path)
    with registry.changing() as entries:
        entries.add("UniverseSettings", "before", ONE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(StorageError, match="the disk") as caught, registry.changing() as entries:
            entries.add("UniverseSettings", "large", ONE, description="x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "SQLITE" in str(caught.value)
    assert [entry.name for entry in registry.entries()] == ["before"]
    with registry.changing() as entries:
        entries.add("UniverseSettings", "large", ONE, description="x" * 1_000_000)
    assert [entry.name for entry in opened(tmp_path).entries()] == ["before", "large"]


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    registry = opened(tmp_path)

    def add(name: str) -> None:
        for number in range(10):
            with registry.changing() as entries:
                entries.add("UniverseSettings", f"{name}{number}", ONE)

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.entries()) == 40
    assert execute(tmp_path, "PRAGMA journal_mode") == [("wal",)]


def test_no_database(tmp_path: Path) -> None:
    file_of(tmp_path).write_bytes(b"these are no pages" * 100)
    with pytest.raises(StorageError, match="the file is no database; restore it from a backup"):
        opened(tmp_path)
    with pytest.raises(StorageError, match="it cannot be opened"):
        opened(tmp_path / "no such folder")


def test_every_flipped_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    """Either an error of ours, or the entry is damaged, or what is read is what was written."""
    registry = opened(tmp_path)
    with registry.changing() as entries:
        for number in range(30):
            entries.add("UniverseSettings", f"name{number}", ONE, description="words " * 20)
    written = {e.name: (e.settings, e.description) for e in registry.entries()}
    execute(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    data, outcomes = file_of(tmp_path).read_bytes(), {"refused": 0, "damaged": 0, "harmless": 0}
    for place in range(40, len(data), 331):
        file_of(tmp_path).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        outcomes[outcome(tmp_path, written)] += 1
    print(outcomes)
    assert outcomes["refused"] > 0
    assert outcomes["damaged"] > 0


def outcome(folder: Path, written: dict) -> str:
    try:
        read = opened(folder).entries()
    except StorageError:
        return "refused"
    whole = [entry for entry in read if entry.damage is None]
    for entry in whole:
        assert written[entry.name] == (entry.settings, entry.description)
    return "harmless" if len(whole) == len(written) else "damaged"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (sqlite3.SQLITE_READONLY, "permissions"),
        (sqlite3.SQLITE_FULL, "free some space"),
        (sqlite3.SQLITE_IOERR_WRITE, "look at the disk"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "restore it from a backup"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "wait for them"),
    ],
)
def test_each_class_of_errors_has_a_remedy(code: int, remedy: str) -> None:
    error = sqlite3.OperationalError("words of SQLite")
    error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_NAME"
    url, told = sa.URL.create("sqlite", database="folder/db"), rf"folder/db: .*{remedy}.* \(SQLITE_NAME\)"
    with pytest.raises(StorageError, match=told), refusals(url):
        raise sa.exc.OperationalError("SELECT", {}, error)
