"""What other processes do in the tests of safety. They are forked from a server that has imported this."""

from __future__ import annotations

import os
import resource
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from openfactor.client.upload import Upload
from openfactor.errors import OpenfactorError
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates

Step = tuple[str, Any, list[tuple[int, str, float]]]


def step(upload: Upload, todo: Step) -> int:
    """One commit, from the staging area if the name of the mode says so; or one return to a version."""
    mode, match, rows = todo
    if mode == "restore":
        return upload.restore(match).version
    if mode == "staged append":
        upload.stage_df("one", rates(*rows[::2]), replace=True)
        upload.stage_df("two", rates(*rows[1::2]), replace=True)
        return upload.commit("append").version
    return upload.fast_commit(rates(*rows), mode, match_columns=match).version  # type: ignore[arg-type]


def commit_once(folder: Path, todo: Step, parent: Connection) -> None:
    """Tell the parent when the commit begins and how long it took; it may not let us finish."""
    upload = UploadStore(folder).open("exchange_rates", "fx")
    assert upload.version >= 0  # everything is loaded
    parent.send("begin")
    start = time.perf_counter()
    step(upload, todo)
    parent.send(time.perf_counter() - start)


def commit_many(folder: Path, worker: int, commits: int) -> None:
    """Add one row a commit, in turn directly, by `upsert` and from the staging area."""
    upload = UploadStore(folder).open("exchange_rates", "fx")
    for i in range(commits):
        rows = rates((i + 1, f"W{worker}", float(worker * 100 + i + 1)))
        if i % 3 == 2:
            name = f"worker {worker}"
            assert upload.stage_df(name, rows).success
            upload.commit("append", [name])
        else:
            upload.fast_commit(rows, ("append", "upsert")[i % 3])


def try_everything(
    folder: Path, source: Path, parent: Connection, uid: int | None, limit: int | None
) -> None:
    """What each way to write says, as another user or where files cannot grow; then what can be read."""
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if uid is not None:
        os.setuid(uid)
    store = UploadStore(folder)
    upload = store.open("exchange_rates", "fx")
    rows = rates(*((day, f"C{i}", 1.0 / (i + 1)) for day in range(1, 29) for i in range(300)))
    told = {}
    for name, attempt in {
        "create": lambda: store.create("exchange_rates", "other"),
        "stage_df": lambda: upload.stage_df("x", rows),
        "stage_file": lambda: upload.stage_file(source),
        "fast_commit": lambda: upload.fast_commit(rows, "append"),
        "restore": lambda: upload.restore(0),
        "delete": lambda: store.delete("exchange_rates", "fx"),
    }.items():
        try:
            told[name] = ("done", str(attempt()))
        except OpenfactorError as error:
            told[name] = (error.kind, str(error))
        except BaseException as error:
            told[name] = (type(error).__name__, str(error))
        if name == "restore":
            told["rows"] = ("rows", str(upload.get_data().collect().height))
    parent.send(told)
