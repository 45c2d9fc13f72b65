"""Damage is noticed, says what it is and what to do, spares everything else, and can be repaired."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from openfactor.client.upload import Upload
from openfactor.errors import DataWarning, StorageError
from openfactor.uploads.storage import checkpoints, entries, listing, table
from tests.uploads.damaging import HARM, flip, forget
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read

VERSIONS = 4
"""Of the upload that is damaged: a day each."""


def day(number: int, rate: float = 0.9) -> pl.DataFrame:
    return rates((number, "EUR", rate), (number, "JPY", rate + 100))


def rows_at(version: int) -> pl.DataFrame:
    return pl.concat([rates(), *(day(number) for number in range(1, version + 1))])


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    made = UploadStore(tmp_path).create("exchange_rates", "fx")
    for number in range(1, VERSIONS + 1):
        made.fast_commit(day(number), "append")
    return made


@pytest.fixture
def folder(upload: Upload, tmp_path: Path) -> Path:
    return tmp_path / "exchange_rates" / "fx"


def file_of(folder: Path, number: int) -> Path:
    (path,) = (p for p in folder.glob("*.parquet") if pl.read_parquet(p)["date"][0].day == number)
    return path


def entry(folder: Path, version: int) -> Path:
    return listing.entry_path(folder, version)


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_file_of_rows(upload: Upload, folder: Path, harm: str) -> None:
    part = file_of(folder, 3)
    HARM[harm](part)
    forget()
    for attempt in (lambda: upload.get_data().collect(), upload.get_data_summary, lambda: upload.restore(3)):
        with pytest.raises(StorageError, match=r"exchange_rates upload 'fx'.* damaged") as caught:
            attempt()
        assert part.name in str(caught.value)
        assert "2 rows of 2024-01-03 to 2024-01-03" in str(caught.value)
        assert "mode='overwrite' and match_columns=['date']" in str(caught.value)
    for version in range(3):
        assert_frame_equal(read(upload, version), rows_at(version))
    assert upload.fast_commit(day(9), "append").version == VERSIONS + 1
    with pytest.raises(StorageError, match="damaged"):
        upload.fast_commit(rates((3, "CHF", 0.9)), "append")
    with pytest.raises(StorageError, match="damaged"):
        upload.fast_commit(rates((3, "EUR", 0.9)), "upsert")


REPAIRS: dict[str, Callable[[Upload], int]] = {
    "upsert of its rows": lambda upload: upload.fast_commit(day(3), "upsert").version,
    "overwrite of its day": lambda upload: (
        upload.fast_commit(day(3), "overwrite", match_columns=["date"]).version
    ),
    "overwrite of its key": lambda upload: (
        upload.fast_commit(day(3), "overwrite", match_columns=["date", "ccy"]).version
    ),
    "overwrite of everything": lambda upload: upload.fast_commit(rows_at(VERSIONS), "overwrite").version,
}
"""How the right rows are committed again."""


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("repair", REPAIRS)
def test_a_damaged_file_is_repaired_by_committing_its_rows_again(
    upload: Upload, folder: Path, harm: str, repair: str
) -> None:
    before = upload.content_id
    HARM[harm](file_of(folder, 3))
    assert REPAIRS[repair](upload) == VERSIONS + 1
    forget()
    assert_frame_equal(read(upload), rows_at(VERSIONS))
    if repair != "overwrite of everything":  # which makes one file of four
        assert upload.content_id == before


def test_overwriting_with_the_same_rows_repairs_what_was_sound_a_moment_ago(
    upload: Upload, folder: Path
) -> None:
    rows = rows_at(VERSIONS)
    assert upload.fast_commit(rows, "overwrite").version == VERSIONS + 1
    assert_frame_equal(read(upload), rows)
    assert upload.fast_commit(rows, "overwrite").version == VERSIONS + 1, "nothing changes"
    newest = max(folder.glob("*.parquet"), key=lambda path: path.stat().st_ctime_ns)
    status = newest.stat()
    flip(newest, 300)
    assert status.st_size == newest.stat().st_size
    assert upload.fast_commit(rows, "overwrite").version == VERSIONS + 2
    assert_frame_equal(read(upload), rows)


@pytest.mark.parametrize("mode", ["before", "after"])
def test_a_return_to_a_version_without_the_damage(upload: Upload, folder: Path, mode: str) -> None:
    HARM["flipped"](file_of(folder, 3))
    if mode == "after":
        forget()
    assert upload.restore(2).version == VERSIONS + 1
    assert_frame_equal(read(upload), rows_at(2))


def test_an_entry_that_lost_its_end_is_left_out(upload: Upload, folder: Path) -> None:
    """At every length, and with zeros in place of the end, as file systems leave it."""
    last = entry(folder, VERSIONS)
    whole, content = last.read_bytes(), upload.content_id
    kinds: Counter[str] = Counter()
    for length in range(len(whole) - 1):
        for zeros in (b"", b"\0" * (len(whole) - length)):
            last.write_bytes(whole[:length] + zeros)
            forget()
            with pytest.warns(DataWarning, match="version 4 .*was being written when the machine lost power"):
                assert upload.version == VERSIONS - 1
            kinds["zeros" if zeros else "cut"] += 1
    print(dict(kinds))
    forget()
    with pytest.warns(DataWarning, match="lost power"):
        assert_frame_equal(read(upload), rows_at(VERSIONS - 1))
    assert upload.fast_commit(day(4), "append").version == VERSIONS
    forget()
    assert_frame_equal(read(upload), rows_at(VERSIONS))
    assert upload.content_id == content


def test_every_flipped_byte_of_the_log_is_noticed(upload: Upload, folder: Path) -> None:
    told: Counter[str] = Counter()
    for version in (0, 2, VERSIONS):
        path = entry(folder, version)
        whole = path.read_bytes()
        for at in range(len(whole)):
            flip(path, at)
            forget()
            with pytest.raises(
                StorageError, match=f"{path.name} .*commit all rows again with mode='overwrite'"
            ):
                upload.get_data()
            told[path.name[-6]] += 1
            path.write_bytes(whole)
        forget()
        assert_frame_equal(read(upload), rows_at(VERSIONS))
    print(f"flipped bytes of entries that were noticed: {dict(told)}")


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("version", [0, 2, VERSIONS])
def test_a_damaged_entry_is_repaired_by_overwriting(
    upload: Upload, folder: Path, harm: str, version: int
) -> None:
    HARM[harm](entry(folder, version))
    forget()
    if version == VERSIONS and harm != "flipped":  # as after a loss of power, or before it was written
        return
    with pytest.raises(StorageError, match=entry(folder, version).name):
        read(upload)
    for earlier in range(version):
        assert_frame_equal(read(upload, earlier), rows_at(earlier))
    with pytest.raises(StorageError):
        upload.fast_commit(day(9), "append")
    rows = rows_at(2)
    assert upload.fast_commit(rows, "overwrite").version == VERSIONS + 1
    assert upload.fast_commit(day(3), "append").version == VERSIONS + 2
    forget()
    assert_frame_equal(read(upload), rows_at(3))
    assert_frame_equal(read(upload, VERSIONS + 1), rows)


def test_a_damaged_checkpoint_is_not_needed(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path).create("exchange_rates", "fx")
    for number in range(1, 2 * checkpoints.INTERVAL + 5):
        upload.fast_commit(rates((1 + number % 28, f"C{number}", 1.0)), "append")
    rows, folder = read(upload), tmp_path / "exchange_rates" / "fx"
    names = sorted((folder / "_delta_log").glob(f"*{listing.CHECKPOINT}"))
    assert [int(path.name[:20]) for path in names] == [checkpoints.INTERVAL, 2 * checkpoints.INTERVAL]
    for path in names:
        for at in range(0, path.stat().st_size, 97):
            flip(path, at)
            forget()
            assert_frame_equal(read(upload), rows)
            flip(path, at)
    for version in range(2 * checkpoints.INTERVAL):  # nor are the entries before a checkpoint
        entry(folder, version).unlink()
    forget()
    assert_frame_equal(read(upload), rows)


def test_readers_of_delta_lake_see_the_same(upload: Upload, folder: Path) -> None:
    upload.fast_commit(rates((2, "EUR", 5.0)), "upsert")
    upload.restore(2)
    upload.fast_commit(day(7), "overwrite")
    for number in range(8, 28):
        upload.fast_commit(day(number), "append")
    for version in range(upload.version + 1):
        delta = DeltaTable(str(folder), version=version)
        rows = pl.scan_delta(delta).collect().sort("date", "ccy")
        assert_frame_equal(rows, read(upload, version))
    entries = DeltaTable(str(folder)).history()
    times = {entry["version"]: round(entry["timestamp"]) for entry in entries}
    assert times == {v: round(time.timestamp() * 1000) for v, time in upload.version_history().items()}


def test_a_newer_format_is_refused_with_the_release_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = UploadStore(tmp_path)
    store.create("exchange_rates", "fx").fast_commit(day(1), "append")
    with monkeypatch.context() as patch:
        patch.setattr(
            table, "Metadata", partial(entries.Metadata, format=entries.FORMAT + 1, release="9.8.7")
        )
        patch.setattr(entries, "FORMAT", entries.FORMAT + 1)
        store.create("exchange_rates", "newer").fast_commit(day(1), "append")
    forget()
    for attempt in (lambda u: u.get_data(), lambda u: u.fast_commit(day(2), "append"), lambda u: u.version):
        with pytest.raises(StorageError, match=r"newer cannot be read: it has format 3.*openfactor 9\.8\.7"):
            attempt(store.open("exchange_rates", "newer"))
    assert_frame_equal(read(store.open("exchange_rates", "fx")), day(1))
    assert store.names("exchange_rates") == ["fx", "newer"]


def test_a_copy_is_as_good(upload: Upload, folder: Path, tmp_path: Path) -> None:
    """Content does not depend on the table's name, place or times."""
    shutil.copytree(folder, folder.with_name("copy"))
    copy = UploadStore(tmp_path).open("exchange_rates", "copy")
    assert copy.content_id == upload.content_id
    assert_frame_equal(read(copy), read(upload))
    upload.fast_commit(day(5), "append")
    copy.fast_commit(day(5, 7.0), "append")
    assert copy.version == upload.version
    assert copy.content_id != upload.content_id
    copy.restore(VERSIONS)
    upload.restore(VERSIONS)
    assert copy.content_id == upload.content_id
