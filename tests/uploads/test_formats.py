"""Tables of earlier releases open, with the rows, versions and times that they have, and go on."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import uuid
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, Schema, Transaction, write_deltalake
from deltalake.transaction import AddAction, CommitProperties
from polars.testing import assert_frame_equal

from openfactor.errors import DataWarning, StorageError
from openfactor.uploads import DATA_TYPES, UploadStore
from openfactor.uploads.storage.data_files import write_files
from openfactor.uploads.storage.listing import entry_path
from tests.uploads.damaging import cut, flip, forget
from tests.uploads.tables import rates

KIND = "exchange_rates"
FORMATS = Path(__file__).with_name("formats")
"""A folder per format, which the first release that wrote it has filled."""
FIRST = rates((1, "EUR", 0.9), (1, "JPY", 150.0))
ROWS = [
    rates(),
    FIRST,
    pl.concat([FIRST, rates((2, "EUR", 0.8))]),
    rates((1, "EUR", 0.95), (1, "JPY", 150.0), (2, "EUR", 0.8), (3, "EUR", 0.7)),
    FIRST,
]
"""Rows of each version."""


@pytest.fixture(params=sorted(path.name for path in FORMATS.iterdir()))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> UploadStore:
    shutil.copytree(FORMATS / request.param, tmp_path / "uploads")
    return UploadStore(tmp_path / "uploads")


def rows(store: UploadStore, version: int | None = None) -> pl.DataFrame:
    return store.open(KIND, "fx").queries.rows(version=version).collect().sort("date", "ccy")


def test_a_table_of_an_earlier_release_goes_on(store: UploadStore) -> None:
    upload = store.open(KIND, "fx")
    for version, expected in enumerate(ROWS):
        assert_frame_equal(rows(store, version), expected)
    times = list(upload.queries.history().values())
    assert times == sorted(times)
    assert all(time.year == 2026 for time in times)
    contents = [upload.queries.table(version).content_id for version in range(5)]
    assert len(set(contents)) == 4
    assert contents[1] == contents[4]
    assert store.upkeep.check() == []
    assert upload.commits.commit("append").version == 5
    assert_frame_equal(rows(store), pl.concat([FIRST, rates((4, "EUR", 0.6))]))
    assert upload.commits.restore(3).version == 6
    forget()
    for version, expected in enumerate(ROWS):
        assert_frame_equal(rows(store, version), expected)
    assert_frame_equal(rows(store), ROWS[3])
    assert store.upkeep.check() == []
    assert upload.staging.results() == {}
    frame = pl.read_delta(str(store.folder / KIND / "fx")).sort("date", "ccy")
    assert_frame_equal(frame, ROWS[3])


def test_damage_to_files_of_an_earlier_release_is_noticed(store: UploadStore) -> None:
    for file in store.open(KIND, "fx").queries.table(3).files():
        flip(file.path, 120)
        forget()
        with pytest.raises(StorageError, match="damaged"):
            rows(store, 3)
        flip(file.path, 120)


def test_entries_of_format_1_are_covered_from_the_first_commit_on(tmp_path: Path) -> None:
    shutil.copytree(FORMATS / "1", tmp_path / "uploads")
    store = UploadStore(tmp_path / "uploads")
    store.open(KIND, "fx").commits.commit("append")
    for version in range(5):
        path = entry_path(store.folder / KIND / "fx", version)
        for at in range(0, path.stat().st_size, 7):
            flip(path, at)
            forget()
            assert store.upkeep.check() != []
            with pytest.raises(StorageError, match="damaged"):
                rows(store)
            flip(path, at)
    forget()
    assert rows(store).height == 3


@pytest.mark.parametrize("length", [0, 1, 40, 300])
def test_a_last_entry_of_format_1_that_lost_its_end(tmp_path: Path, length: int) -> None:
    shutil.copytree(FORMATS / "1", tmp_path / "uploads")
    store = UploadStore(tmp_path / "uploads")
    cut(entry_path(store.folder / KIND / "fx", 4), length)
    forget()
    with pytest.warns(DataWarning, match="lost power"):
        assert_frame_equal(rows(store), ROWS[3])
    assert store.open(KIND, "fx").commits.restore(1).version == 4
    assert_frame_equal(rows(store), ROWS[4])


def write_format_1(folder: Path, days: int, times: list[int]) -> None:
    """As releases before checksums wrote: with deltalake's checkpoints, and its clock."""
    kind = DATA_TYPES[KIND]
    write_deltalake(
        str(folder), kind.empty(), name=uuid.uuid4().hex, configuration={"delta.checkpointInterval": "50"}
    )
    for number in range(days):
        frame = rates((1 + number % 28, f"C{number}", 1.0))
        (file,) = write_files(frame, folder, kind)
        day = str(file.first_day)
        statistics = {"numRecords": 1, "minValues": {"date": day}, "maxValues": {"date": day}}
        statistics["nullCount"] = {"date": 0}
        table = DeltaTable(str(folder))
        table.create_write_transaction(
            [AddAction(file.path.name, file.size, {}, times[number], True, json.dumps(statistics))],
            mode="append",
            schema=Schema.from_arrow(pl.Schema(kind.schema)),
            commit_properties=CommitProperties(
                custom_metadata={"openfactor": "append"}, app_transactions=[Transaction("openfactor", number)]
            ),
        )


def test_a_long_table_with_checkpoints_of_deltalake(tmp_path: Path) -> None:
    folder = tmp_path / KIND / "fx"
    write_format_1(folder, 120, [0] * 120)
    store = UploadStore(tmp_path)
    assert rows(store).height == 120
    assert rows(store, 57).height == 57
    store.open(KIND, "fx").commits.commit_frame(rates((30, "EUR", 1.0)), "append")
    forget()
    assert rows(store).height == 121
    assert store.upkeep.check() == []
    assert DeltaTable(str(folder)).version() == 121
    assert pl.read_delta(str(folder)).height == 121


def test_versions_by_time_follow_the_order_of_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the clock does: it jumps ahead by a year, and goes back."""
    from openfactor.uploads.storage import table

    store = UploadStore(tmp_path)
    monkeypatch.setattr(table, "_now", lambda: 1_000_000)
    commits = store.create(KIND, "fx").commits
    hours = [1, 2, 24 * 365, 3, 4, 24 * 366]
    for number, hour in enumerate(hours):
        monkeypatch.setattr(table, "_now", lambda hour=hour: hour * 3_600_000)
        commits.commit_frame(rates((number + 1, "EUR", 1.0)), "append")
    queries = store.open(KIND, "fx").queries
    times = queries.history()
    assert list(times) == list(range(7))
    assert list(times.values()) == sorted(times.values())
    for hour, version in [(1, 1), (2.5, 2), (3.5, 2), (24 * 365, 5), (24 * 365.5, 5), (24 * 366, 6)]:
        moment = dt.datetime.fromtimestamp(hour * 3600, dt.UTC)
        assert queries.table(moment).version == version
    assert queries.last_committed_at() == times[6]


def test_disorder_in_the_times_of_an_earlier_release(tmp_path: Path) -> None:
    shutil.copytree(FORMATS / "1", tmp_path / "uploads")
    store = UploadStore(tmp_path / "uploads")
    for version, hour in enumerate([10, 30, 20, 15, 40]):
        path = entry_path(store.folder / KIND / "fx", version)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        next(line for line in lines if "commitInfo" in line)["commitInfo"]["timestamp"] = hour * 3_600_000
        path.write_text("\n".join(map(json.dumps, lines)))
    queries = store.open(KIND, "fx").queries
    assert [time.timestamp() / 3600 for time in queries.history().values()] == [10, 30, 30, 30, 40]
    assert queries.table(dt.datetime.fromtimestamp(30 * 3600, dt.UTC)).version == 3
