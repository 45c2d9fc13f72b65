"""Processes that are killed before their n-th call that writes below a folder.

A server, which has imported everything and the library that kills, forks a process for each job.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openfactor.uploads import UploadStore
from tests.uploads.tables import rates

KIND = "exchange_rates"
NOW = dt.timedelta(seconds=-1)
LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
Jobs = dict[str, Callable[[Path], Any]]
_SOURCE = Path(__file__).with_name("kill_shim.c")


def compiled(folder: Path) -> Path | None:
    """The library that kills; None where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "kill_shim.so"
    command = [compiler, "-shared", "-fPIC", "-w", "-o", str(library), str(_SOURCE), "-ldl"]
    return None if subprocess.run(command, check=False, capture_output=True).returncode else library


class Killer:
    """Does jobs in processes of their own.

    Parameters
    ----------
    module
        Serves the jobs when it is run.
    """

    def __init__(self, library: Path, module: str = "tests.uploads.killing") -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", module, str(library)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(library)},
        )

    def do(self, job: str, folder: Path, n: int) -> tuple[bool, int]:
        """Whether a job was killed before its n-th call; and how many calls there were, if not."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps([job, str(folder), n]), file=self._server.stdin, flush=True)
        killed, count = json.loads(self._server.stdout.readline())
        return killed, count

    def stop(self) -> None:
        self._server.communicate()


def _upload(folder: Path) -> Any:
    return UploadStore(folder).open(KIND, "fx")


def write_archive(folder: Path) -> Path:
    path = folder / "three.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a", "b", "c"):
            archive.writestr(f"{name}.csv", f"date,ccy,fx_rate\n2024-01-0{ord(name) - 90},EUR,0.5\n")
    return path


def _recreate(folder: Path) -> None:
    store = UploadStore(folder)
    store.delete(KIND, "fx")
    store.create(KIND, "fx")


def _remove_leftovers(folder: Path) -> None:
    upkeep = UploadStore(folder).upkeep
    upkeep.remove_leftovers(upkeep.leftovers(NOW))


JOBS: Jobs = {
    "create": lambda folder: UploadStore(folder).create(KIND, "new"),
    "create the first": lambda folder: UploadStore(folder).create("price", "p"),
    "create over a stump": lambda folder: UploadStore(folder).create(KIND, "stump"),
    "delete": lambda folder: UploadStore(folder).delete(KIND, "fx"),
    "delete and create": _recreate,
    "fast commit": lambda folder: _upload(folder).commits.commit_frame(rates((9, "EUR", 0.5)), "append"),
    "upsert": lambda folder: _upload(folder).commits.commit_frame(
        rates((1, "EUR", 0.5), (3, "EUR", 0.5)), "upsert"
    ),
    "overwrite": lambda folder: _upload(folder).commits.commit_frame(rates((9, "EUR", 0.5)), "overwrite"),
    "commit of what is staged": lambda folder: _upload(folder).commits.commit("append"),
    "restore": lambda folder: _upload(folder).commits.restore(2),
    "stage": lambda folder: _upload(folder).staging.stage_frame("new", rates((9, "EUR", 0.5))),
    "stage again": lambda folder: _upload(folder).staging.stage_frame(
        "one", rates((9, "EUR", 0.5)), replace=True
    ),
    "stage an archive": lambda folder: _upload(folder).staging.stage_path(folder.with_name("three.zip")),
    "wipe one": lambda folder: _upload(folder).staging.wipe(["one"]),
    "wipe all": lambda folder: _upload(folder).staging.wipe(),
    "remove versions": lambda folder: UploadStore(folder).upkeep.remove_versions(LATER),
    "remove leftovers": _remove_leftovers,
}
"""What is done in a folder of uploads."""


def _child(jobs: Jobs, library: Path, job: str, folder: str, n: int, answer: int) -> None:
    status = 1
    try:
        shim = ctypes.CDLL(str(library))
        shim.shim_arm(folder.encode(), n)
        jobs[job](Path(folder))
        count = shim.shim_count()
        shim.shim_arm(b"/", 0)
        os.write(answer, str(count).encode())
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def serve(jobs: Jobs) -> None:
    """Do jobs as the process that started this one asks for them."""
    library = Path(sys.argv[1])
    for line in sys.stdin:
        job, folder, n = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _child(jobs, library, job, folder, n, write)
        os.close(write)
        answer = os.read(read, 100)
        os.close(read)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or status == 0, f"{job} failed"
        print(json.dumps([os.WIFSIGNALED(status), int(answer or 0)]), flush=True)


if __name__ == "__main__":
    serve(JOBS)
