"""Killed, crowded, full, forbidden, damaged: an upload is at one version or at the next."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from openfactor.client.upload import Upload
from openfactor.errors import StorageError
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read
from tests.uploads.test_commits import Rows, frame, slow_commit
from tests.uploads.workers import Step, commit_many, commit_once, step, try_everything

KILLS, UNHARMED = 200, 8
PROCESSES, COMMITS = 8, 15
FREE_BYTES = [*range(0, 24_576, 1024), *range(24_576, 131_072, 8192)]


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.uploads.workers"])
    return context


def random_step(rng: random.Random, version: int) -> Step:
    mode = rng.choice(["append", "staged append", "upsert", "overwrite", "overwrite", "restore"])
    if mode == "restore":
        return mode, rng.randint(0, version), []
    match = rng.choice([None, ["date"], ["ccy"]]) if mode in ("append", "overwrite") else None
    keys = [(day, ccy) for day in range(1, 15) for ccy in ("EUR", "JPY", "CHF")]
    return mode, match, [(*key, rng.random() + 0.1) for key in rng.sample(keys, 12)]


def after(before: Rows, versions: list[Rows], todo: Step) -> Rows:
    mode, match, rows = todo
    if mode == "restore":
        return versions[match]
    incoming = {(day, ccy): rate for day, ccy, rate in rows}
    return slow_commit(before, incoming, "append" if mode == "staged append" else mode, match)


@pytest.mark.slow
def test_kill_9(tmp_path: Path, processes: ForkServerContext) -> None:
    """A process is killed at a random moment of its commit, 200 times."""
    rng = random.Random(5)
    upload = UploadStore(tmp_path).create("exchange_rates", "fx")
    versions: list[Rows] = [{}]
    left: Counter[str] = Counter()
    seconds: list[float] = []
    middle = 0.0
    while sum(left.values()) < KILLS:
        todo = random_step(rng, len(versions) - 1)
        expected = after(versions[-1], versions, todo)
        if expected == versions[-1]:
            continue
        here, there = processes.Pipe()
        child = processes.Process(target=commit_once, args=(tmp_path, todo, there))
        child.start()
        assert here.recv() == "begin"
        if len(seconds) < UNHARMED:
            seconds.append(here.recv())
            middle = sorted(seconds)[len(seconds) // 2]
            child.join()
            versions.append(expected)
            continue
        time.sleep(rng.uniform(0, 2 * middle))
        child.kill()
        child.join()
        assert upload.version in (len(versions) - 1, len(versions))
        if upload.version == len(versions):
            versions.append(expected)
            left["the version after"] += 1
            middle /= 1.05  # so that kills come about as often before the commit as after
        else:
            left["the version before"] += 1
            middle *= 1.05
        assert_frame_equal(read(upload), frame(versions[-1]).sort("date", "ccy"))
        assert all(result.success for result in upload.get_staging_results().values())
        upload.wipe_staging()
    print(f"{KILLS} kills left {dict(left)}")
    assert left["the version before"] > 20, "kills came too late to prove anything"
    assert left["the version after"] > 20, "kills came too early to prove anything"
    for number, rows in enumerate(versions):
        assert_frame_equal(read(upload, number), frame(rows).sort("date", "ccy"))
    assert upload.fast_commit(rates((30, "EUR", 1.0)), "append").version == len(versions)


@pytest.mark.slow
def test_processes_at_once_lose_nothing(tmp_path: Path, processes: ForkServerContext) -> None:
    upload = UploadStore(tmp_path).create("exchange_rates", "fx")
    workers = [processes.Process(target=commit_many, args=(tmp_path, w, COMMITS)) for w in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    expected = rates(*((i + 1, f"W{w}", w * 100.0 + i + 1) for w in range(PROCESSES) for i in range(COMMITS)))
    assert_frame_equal(read(upload), expected.sort("date", "ccy"))
    assert upload.version == PROCESSES * COMMITS
    assert upload.get_staging_results() == {}
    for version in range(upload.version + 1):
        assert read(upload, version).height == version
    print(f"{PROCESSES} processes made {upload.version} versions, one row each")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:nothing is staged")  # whoever comes last finds that
def test_threads_that_commit_the_same_staged_table_destroy_nothing(tmp_path: Path) -> None:
    """All of them link the same files, and all but the first take back what they linked."""
    tries, threads, lost = 30, 4, 0
    for number in range(tries):
        upload = UploadStore(tmp_path).create("exchange_rates", f"fx{number}")
        rows = rates((1, "EUR", 1.0), (2, "EUR", 2.0))
        upload.stage_df("rows", rows)
        barrier = threading.Barrier(threads)

        def commit(upload: Upload = upload, barrier: threading.Barrier = barrier) -> int:
            barrier.wait()
            return upload.commit("upsert").version

        with ThreadPoolExecutor(threads) as pool:
            found = [future.result() for future in [pool.submit(commit) for _ in range(threads)]]
        assert set(found) == {1}
        try:
            assert_frame_equal(read(upload), rows)
        except StorageError:
            lost += 1
        assert upload.get_staging_results() == {}
    print(f"{tries} tables committed by {threads} threads each, {lost} lost")
    assert lost == 0


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of two MiB."""
    folder = Path(tempfile.mkdtemp())
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
    )
    try:
        if not mounted:
            pytest.skip("only where a small file system can be mounted")
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.slow
def test_a_full_disk(small_disk: Path) -> None:
    """Every commit with too little space is refused or lands whole, whatever it is that does not fit."""
    upload = UploadStore(small_disk / "store").create("exchange_rates", "fx")
    rows = {(1, "EUR"): 0.9}
    upload.fast_commit(frame(rows), "append")
    ballast = small_disk / "ballast"
    told: Counter[str] = Counter()
    messages = set()
    for i, free in enumerate(FREE_BYTES):
        space = os.statvfs(small_disk)
        ballast.write_bytes(b"x" * max(0, space.f_bavail * space.f_frsize - free))
        new = {(day, f"C{i}"): 1.0 / (i + day) for day in range(1, 29)}
        before = upload.version
        try:
            version = upload.fast_commit(frame(new), "append").version
        except StorageError as error:
            messages.add(str(error).rpartition(";")[2])
            told["refused"] += 1
            version = before
        else:
            assert version == before + 1
            rows |= new
            told["stored"] += 1
        ballast.unlink()
        assert upload.version == version
        assert_frame_equal(read(upload), frame(rows).sort("date", "ccy"))
    print(f"{len(FREE_BYTES)} amounts of free space: {dict(told)}")
    assert messages == {" nothing was stored"}
    assert told["refused"] > 3
    assert told["stored"] > 3
    assert upload.stage_df("x", rates((29, "EUR", 1.0))).success
    assert upload.commit("append").version == version + 1


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def attempts(
    processes: ForkServerContext, folder: Path, uid: int | None, limit: int | None
) -> dict[str, tuple[str, str]]:
    source = folder / "x.csv"
    source.write_bytes(b"date,ccy,fx_rate\n2024-01-01,EUR,0.9\n")
    here, there = processes.Pipe()
    child = processes.Process(target=try_everything, args=(folder / "store", source, there, uid, limit))
    child.start()
    told: dict[str, tuple[str, str]] = here.recv()
    child.join()
    return told


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(shared_folder: Path, processes: ForkServerContext) -> None:
    upload = UploadStore(shared_folder / "store").create("exchange_rates", "fx")
    upload.fast_commit(rates((1, "EUR", 0.9)), "append")
    root = os.geteuid() == 0
    if not root:
        for path in (shared_folder / "store").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
    told = attempts(processes, shared_folder, 65534 if root else None, None)
    print({name: kind for name, (kind, _) in told.items()})
    assert told.pop("rows") == ("rows", "1")
    assert {kind for kind, _ in told.values()} == {"storage"}
    for name, (_, message) in told.items():
        assert "exchange_rates" in message, name
        assert "ermission denied" in message, message
    assert_frame_equal(read(upload), rates((1, "EUR", 0.9)))
    if not root:
        for path in (shared_folder / "store").rglob("*"):
            path.chmod(0o755)


def test_files_that_cannot_grow(shared_folder: Path, processes: ForkServerContext) -> None:
    """Every write beyond 3,000 bytes fails, as on a full disk or under a quota."""
    upload = UploadStore(shared_folder / "store").create("exchange_rates", "fx")
    upload.fast_commit(rates((1, "EUR", 0.9)), "append")
    told = attempts(processes, shared_folder, None, 3000)
    print({name: kind for name, (kind, _) in told.items()})
    assert told["stage_df"][0] == told["fast_commit"][0] == "storage"
    assert "oo large" in told["fast_commit"][1]
    assert told["delete"][0] == "done"


@pytest.mark.filterwarnings("ignore::openfactor.errors.DataWarning")  # rows that append leaves out
def test_steps_of_the_kill_test_are_right(tmp_path: Path) -> None:
    """Its model of the commits holds when nobody is killed."""
    rng = random.Random(6)
    upload = UploadStore(tmp_path).create("exchange_rates", "fx")
    versions: list[Rows] = [{}]
    for _ in range(20):
        todo = random_step(rng, len(versions) - 1)
        expected = after(versions[-1], versions, todo)
        if expected != versions[-1]:
            assert step(upload, todo) == len(versions)
            versions.append(expected)
        assert_frame_equal(read(upload), frame(versions[-1]).sort("date", "ccy"))
