"""Many processes at once: nothing is destroyed, no name is lost, and only expected errors are told."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import threading
import time
from collections import Counter
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from openfactor.client.upload import Upload
from openfactor.errors import NotFoundError
from openfactor.uploads import UploadStore as EngineStore
from tests.uploads.crowd import KIND, NAMES, commit_staged, disturb
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read

PROCESSES, STEPS = 6, 150
COMMITTERS, TRIES = 4, 15


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.uploads.crowd"])
    return context


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 100])
def test_a_crowd_that_does_everything(tmp_path: Path, processes: ForkServerContext, seed: int) -> None:
    store = UploadStore(tmp_path)
    store.create(KIND, NAMES[0])
    pipes, children = [], []
    for number in range(PROCESSES):
        here, there = processes.Pipe()
        children.append(processes.Process(target=disturb, args=(tmp_path, seed + number, STEPS, there)))
        pipes.append(here)
        children[-1].start()
    told: Counter[str] = Counter()
    others: list[str] = []
    for pipe, child in zip(pipes, children, strict=True):
        counts, errors = pipe.recv()
        told += counts
        others += errors
        child.join()
    print(*others, sep="\n")
    print(f"{PROCESSES} processes, {STEPS} steps each: {dict(told)}")
    assert others == []
    assert told["done"] > PROCESSES * STEPS / 2
    engine = EngineStore(tmp_path)
    assert engine.upkeep.check() == []
    assert engine.upkeep.leftovers(dt.timedelta(seconds=-1)) == []
    for name in NAMES:
        if name in store.names(KIND):
            store.delete(KIND, name)
        upload = store.create(KIND, name)
        upload.fast_commit(rates((1, "EUR", 0.9)), "append")
        assert read(upload).height == 1


@pytest.mark.slow
def test_processes_that_commit_the_same_staged_table_destroy_nothing(
    tmp_path: Path, processes: ForkServerContext
) -> None:
    rows = rates((1, "EUR", 1.0), (2, "EUR", 2.0))
    for _ in range(TRIES):
        upload = UploadStore(tmp_path).create(KIND, "fx")
        upload.stage_df("rows", rows)
        pipes = []
        for _ in range(COMMITTERS):
            here, there = processes.Pipe()
            processes.Process(target=commit_staged, args=(tmp_path, there)).start()
            pipes.append(here)
        assert [pipe.recv() for pipe in pipes] == [0] * COMMITTERS
        for pipe in pipes:
            pipe.send("go")
        assert {pipe.recv() for pipe in pipes} == {1}
        assert_frame_equal(read(upload), rows)
        assert upload.get_staging_results() == {}
        upload.destroy()
    print(f"{TRIES} tables committed by {COMMITTERS} processes each")


@pytest.mark.slow
def test_handles_of_an_upload_that_is_deleted_and_created_leave_nothing_behind(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    stop = threading.Event()
    errors: list[BaseException] = []
    counts: Counter[str] = Counter()

    def use(upload: Upload, worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                if worker % 2:
                    upload.fast_commit(rates((1 + number % 28, f"W{worker}", float(number))), "upsert")
                else:
                    upload.stage_df("x", rates((1, "EUR", 1.0)), replace=True)
                counts["done"] += 1
            except NotFoundError:
                counts["gone"] += 1
            except BaseException as error:
                errors.append(error)

    upload = store.create(KIND, "fx")
    threads = [threading.Thread(target=use, args=(upload, worker)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        store.delete(KIND, "fx")
        assert store.names(KIND) == []
        store.create(KIND, "fx")
        time.sleep(0.02)
    store.delete(KIND, "fx")
    stop.set()
    for thread in threads:
        thread.join()
    print(f"60 deletions while handles were used: {dict(counts)}")
    assert errors == []
    assert [path.name for path in (tmp_path / KIND).iterdir()] == [".lock"]
    assert store.create(KIND, "fx").version == 0
