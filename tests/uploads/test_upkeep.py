"""Checks of all uploads, leftovers of killed processes, and old versions."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.errors import NotFoundError, OpenfactorError
from openfactor.uploads import UploadStore
from openfactor.uploads.storage import log
from openfactor.uploads.storage.data_files import DataFile
from openfactor.uploads.storage.leftovers import Leftover
from tests.uploads.damaging import HARM, flip, forget
from tests.uploads.tables import rates

KIND = "exchange_rates"
NOW = dt.timedelta(seconds=-1)
"""A grace time that has passed for everything."""
DAY_2 = dt.date(2024, 1, 2)
LAST = {"fx": 5, "other": 5, "h": 1}
"""The last version of each upload."""


@pytest.fixture
def store(tmp_path: Path) -> UploadStore:
    """Two uploads of five versions, the last of which changes a day; a staged table; an upload of no days."""
    store = UploadStore(tmp_path / "uploads")
    for name in ("fx", "other"):
        upload = store.create(KIND, name)
        for number in range(1, 5):
            upload.commits.commit_frame(rates((number, "EUR", 1.0 * number)), "append")
        upload.commits.commit_frame(rates((2, "EUR", 9.0)), "upsert")
        upload.staging.stage_frame("later", rates((9, "EUR", 0.9)))
    kind = store.data_type("hierarchies")
    store.create("hierarchies", "h").commits.commit_frame(kind.example(), "append")
    return store


@pytest.fixture
def folder(store: UploadStore) -> Path:
    return store.folder / KIND / "fx"


def rows(store: UploadStore, name: str = "fx", version: int | None = None) -> pl.DataFrame:
    return store.open(KIND, name).queries.rows(version=version).collect().sort("date", "ccy")


def files_of(store: UploadStore, version: int) -> list[DataFile]:
    return store.open(KIND, "fx").queries.table(version).files()


# checks


def test_nothing_is_damaged(store: UploadStore) -> None:
    assert store.upkeep.check() == []


def test_a_damaged_file_is_told_with_its_versions_rows_and_days(store: UploadStore, folder: Path) -> None:
    (file,) = (
        f for f in store.open(KIND, "fx").queries.table(4).files() if f.first_day == dt.date(2024, 1, 2)
    )
    flip(file.path, 50)
    (found,) = store.upkeep.check()
    damage = found.damage
    assert (found.data_type, found.name, damage.file, damage.versions) == (
        KIND,
        "fx",
        file.path.name,
        (2, 3, 4),
    )
    assert (damage.n_rows, damage.first_day, damage.last_day) == (1, DAY_2, DAY_2)
    assert "later versions are whole" in damage.remedy


def test_damage_in_the_latest_version_says_how_to_repair_it(store: UploadStore) -> None:
    (file,) = store.open("hierarchies", "h").queries.table().files()
    file.path.unlink()
    (found,) = store.upkeep.check()
    assert (found.name, found.damage.versions, found.damage.fault) == ("h", (1,), "is missing")
    assert "commit all rows again with mode='overwrite'" in found.damage.remedy
    store.open("hierarchies", "h").commits.commit_frame(store.data_type("hierarchies").example(), "overwrite")
    assert [found.damage.versions for found in store.upkeep.check()] == [(1,)]


def test_a_flipped_byte_of_a_file_that_was_read_before_is_refused_after_the_check(
    store: UploadStore, folder: Path
) -> None:
    file = store.open(KIND, "fx").queries.table().files()[0].path
    rows(store)
    status = file.stat()
    flip(file, 50)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(store.upkeep.check()) == 1
    with pytest.raises(OpenfactorError, match="damaged"):
        rows(store)


@pytest.mark.filterwarnings("ignore:version . of the")  # a last entry without its end
@pytest.mark.parametrize("harm", HARM)
def test_every_damaged_file_is_found(store: UploadStore, harm: str) -> None:
    """Each file alone; what is reported is what cannot be read, and everything else reads as before."""
    counts: Counter[str] = Counter()
    expected = {(name, v): rows(store, name, v) for name in ("fx", "other") for v in range(6)}
    files = [p for p in store.folder.rglob("*") if p.is_file() and p.name != ".lock"]
    for path in files:
        whole = path.read_bytes()
        if len(whole) < 201 and harm == "flipped":
            continue
        HARM[harm](path)
        forget()
        name = path.relative_to(store.folder).as_posix()
        found = store.upkeep.check()
        if harm == "gone" and path.name == f"{LAST.get(path.parent.parent.name, 0):020}.json":
            assert found == [], "nothing refers to the last entry"
            counts["unnoticed"] += 1
            path.write_bytes(whole)
            continue
        places = [f"{f.data_type}/{f.name}/{f.damage.file}" for f in found]
        assert places == [name.removesuffix("/" + path.name) if "_staging" in name else name]
        counts["found"] += 1
        unreadable = {(f.name, version) for f in found for version in f.damage.versions}
        for (upload, version), before in expected.items():
            try:
                assert_frame_equal(rows(store, upload, version), before)
                assert (upload, version) not in unreadable
            except OpenfactorError:
                assert (upload, version) in unreadable
        path.write_bytes(whole)
    print(f"{harm}: {dict(counts)} of {len(files)} files")
    forget()
    assert store.upkeep.check() == []


@pytest.mark.slow
def test_flipped_bytes_everywhere(store: UploadStore) -> None:
    """Two hundred bytes in every file."""
    rng, counts = random.Random(3), Counter[str]()
    store.upkeep.remove_versions(dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    for path in sorted(p for p in store.folder.rglob("*") if p.is_file() and p.name != ".lock"):
        size = path.stat().st_size
        for at in rng.sample(range(size), min(size, 200)):
            flip(path, at)
            forget()
            assert len(store.upkeep.check()) == 1, (path, at)
            counts[path.suffix] += 1
            flip(path, at)
    print(f"flipped bytes that were noticed: {dict(counts)}")


# leftovers


def test_nothing_is_left_over(store: UploadStore) -> None:
    assert store.upkeep.leftovers(NOW) == []


def test_leftovers_are_found_and_nothing_else_is_removed(store: UploadStore, folder: Path) -> None:
    root, kind = store.folder, store.folder / KIND
    left = [
        kind / f".part-{'0' * 32}",
        kind / f".deleted-{'1' * 32}",
        kind / f".fx-{'2' * 32}",
        kind / "stump",
        folder / "_staging" / f".part-{'3' * 32}",
        folder / "_staging" / f".{'4' * 32}",
    ]
    for path in left:
        path.mkdir()
        (path / "x").write_bytes(b"123")
    orphan = folder / f"{'5' * 32}-{'6' * 32}.parquet"
    foreign = [
        folder / "notes.txt",
        kind / ".hidden",
        folder / "_delta_log" / "_last_checkpoint",
        root / "a.txt",
    ]
    for path in (orphan, folder / "_delta_log" / f".part-{'7' * 32}", *foreign):
        path.write_bytes(b"123")
    left += [orphan, folder / "_delta_log" / f".part-{'7' * 32}"]
    assert store.upkeep.leftovers(dt.timedelta(hours=1)) == []
    found = store.upkeep.leftovers(NOW)
    assert {leftover.path for leftover in found} - {kind / ".hidden"} == set(left)
    assert {leftover.size for leftover in found} == {3}
    before = {name: rows(store, name) for name in ("fx", "other")}
    assert store.upkeep.remove_leftovers(found) == found
    assert store.upkeep.leftovers(NOW) == []
    assert not any(path.exists() for path in left)
    forget()
    for name, frame in before.items():
        assert_frame_equal(rows(store, name), frame)
        assert list(store.open(KIND, name).staging.results()) == ["later"]
    assert store.upkeep.check() == []
    assert all(path.exists() for path in foreign if path.name != ".hidden")


def test_a_file_that_a_commit_uses_by_now_is_not_removed(
    store: UploadStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found between the linking of a file and the entry that makes it part of the table."""
    append = log.append
    seen: list[Leftover] = []

    def look_and_append(*arguments: object) -> object:
        seen.extend(store.upkeep.leftovers(NOW))
        return append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("openfactor.uploads.storage.table.append", look_and_append)
    store.open(KIND, "fx").commits.commit(mode="append")
    linked = [leftover for leftover in seen if leftover.path.suffix == ".parquet"]
    assert len(linked) == 1
    assert store.upkeep.remove_leftovers(linked) == []
    assert rows(store).height == 5


def test_a_stump_of_an_upload_keeps_no_name_taken(store: UploadStore) -> None:
    (store.folder / KIND / "stump" / "_staging").mkdir(parents=True)
    assert store.names(KIND) == ["fx", "other"]
    assert store.create(KIND, "stump").queries.table().version == 0
    store.delete(KIND, "stump")
    assert store.names(KIND) == ["fx", "other"]


# old versions


def test_old_versions_go_with_the_files_that_only_they_need(store: UploadStore, folder: Path) -> None:
    times = store.open(KIND, "fx").queries.history()
    time.sleep(0.01)
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    (replaced,) = (f for f in files_of(store, 4) if f.first_day == DAY_2)
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.parquet")}
    plan = store.upkeep.old_versions(now, {f"{KIND}/other": [2]})
    assert plan[f"{KIND}/fx"].versions == [0, 1, 2, 3, 4]
    assert plan[f"{KIND}/fx"].files == [replaced.path.name]
    assert plan[f"{KIND}/fx"].size == replaced.size
    assert plan[f"{KIND}/other"].versions == [0, 1, 3, 4]
    assert plan[f"{KIND}/other"].files == [], "the pinned version needs it"
    assert plan["hierarchies/h"].versions == [0]
    latest = rows(store)
    assert store.upkeep.remove_versions(now, {f"{KIND}/other": [2]}) == plan
    assert {path.name for path in folder.glob("*.parquet")} == set(sizes) - {replaced.path.name}
    forget()
    assert_frame_equal(rows(store), latest)
    for version in range(5):
        with pytest.raises(NotFoundError, match=f"version {version} .* was removed"):
            rows(store, version=version)
    assert rows(store, "other", 2).height == 2
    with pytest.raises(NotFoundError, match="was removed"):
        store.open(KIND, "fx").commits.restore(4)
    assert store.open(KIND, "fx").queries.history() == {5: times[5]}
    assert store.upkeep.check() == []
    changes = store.open(KIND, "fx").queries.table().changed_since(store.open(KIND, "fx").queries.table(4))
    assert changes is not None
    assert (changes.first_day, changes.last_day) == (DAY_2, DAY_2), "lists of files stay"
    assert store.upkeep.old_versions(now, {f"{KIND}/other": [2]}) == {}
    assert store.upkeep.leftovers(NOW) == []


def test_versions_are_kept_for_a_time(store: UploadStore) -> None:
    times = store.open(KIND, "fx").queries.history()
    plan = store.upkeep.old_versions(times[4], {})
    assert plan.get(f"{KIND}/fx") is not None
    assert plan[f"{KIND}/fx"].versions == [v for v in range(4) if times[v + 1] < times[4]]
    assert store.upkeep.old_versions(times[0]) == {}


def test_what_a_killed_removal_left_goes_the_next_time(store: UploadStore, folder: Path) -> None:
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    whole = store.folder.with_name("whole")
    shutil.copytree(folder, whole)
    store.upkeep.remove_versions(now)
    before, after = ({path.name for path in place.glob("*.parquet")} for place in (whole, folder))
    missing = before - after
    assert len(missing) == 1
    for name in missing:
        shutil.copy(whole / name, folder / name)
    assert store.upkeep.remove_versions(now)[f"{KIND}/fx"].files == sorted(missing)
