"""A kill, or a loss of power, in a workspace: all or nothing, and every name can be used afterwards.

The folder is inspected with SQL and JSON before a client opens it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openfactor import Client
from tests.client.killing import JOBS, POWER, UNIVERSE, on, write_template
from tests.uploads.killing import Killer, compiled

MOST = 30
"""Number of kills per job: before calls that are spread evenly, and the last ones."""


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    library = compiled(tmp_path_factory.mktemp("shim"))
    if library is None:
        pytest.skip("only where a library can be compiled and loaded")
    killer = Killer(library, "tests.client.killing")
    yield killer
    killer.stop()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "folder"
    write_template(folder)
    return folder


def rows_of(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the database of a copy, which it may have to restore itself."""
    copy = folder.with_name("inspected")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in folder.glob("openfactor.sqlite*"):
        shutil.copy(path, copy / path.name)
    if not (copy / "openfactor.sqlite").exists():
        return []
    with closing(sqlite3.connect(copy / "openfactor.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute(query).fetchall()


def state_of(workspace: Path) -> list[tuple[Any, ...]]:
    """What has a name. What it refers to must be there."""
    if not rows_of(workspace, "SELECT * FROM sqlite_master"):
        return []
    contents = dict(rows_of(workspace, "SELECT recipe, content FROM contents"))
    for content in contents.values():
        manifest = json.loads((workspace / "store" / "manifests" / content[:2] / content).read_bytes())
        packs = [*manifest["parts"].values(), *(p for run in manifest["runs"].values() for p in run.values())]
        for name, size in (pack[:2] for pack in packs):
            assert (workspace / "store" / "packs" / name[:2] / name).stat().st_size == size
    entries = rows_of(
        workspace,
        "SELECT kind, name, dataset, value, fingerprint, description FROM entries ORDER BY kind, name",
    )
    assert all(fingerprint is None or fingerprint in contents for *_, fingerprint, _ in entries)
    return entries


def use(workspace: Path) -> None:
    """Every name can be made, changed and deleted."""
    with Client.local(workspace, progress=False, threads=1) as client:
        datasets, universes = client.equity.riskdatasets, client.equity.universes.settings
        assert client.check().ok
        for name in ("top", "new"):
            datasets.create_or_replace_dataset(name, on("root"))
            datasets.load(name).update(force=True)
        datasets.load("root").update()
        for name in ("u", "new"):
            universes.save(name, UNIVERSE, overwrite=True)
            universes.delete(name)
        assert set(datasets.list_riskdatasets()["status"]) <= {"ready", "data_stale"}
        for name in ("new", "top", "root"):
            datasets.delete_dataset(name)
    with Client.local(workspace, progress=False, threads=1) as client:  # the other had them open
        client.prune(keep=0, grace_hours=0)
        assert client.check().n_contents == 0
    assert not [path for path in (workspace / "store" / "packs").rglob("*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_kill_before_calls_that_write(killer: Killer, template: Path, tmp_path: Path, job: str) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(template, folder)
    before = state_of(folder / "w")
    killed, calls = killer.do(job, folder, 1_000_000)
    assert not killed
    after = state_of(folder / "w")
    chosen = sorted({*range(1, calls + 1, max(1, calls // MOST)), *range(max(1, calls - 12), calls + 1)})
    counts: Counter[str] = Counter()
    for turn, number in enumerate(chosen):
        shutil.rmtree(folder)
        shutil.copytree(template, folder)
        assert killer.do(job, folder, number)[0]
        state = state_of(folder / "w")
        assert state in (before, after)
        counts["after" if state == after else "before"] += 1
        if job == "open":
            Client.local(folder / "new", progress=False).close()
            assert json.loads((folder / "new" / "workspace.json").read_bytes())["format"] > 0
        elif job == "backup" and (folder / "copy").exists():
            assert state_of(folder / "copy") == before
            use(folder / "copy")
        elif turn % 4 == 0:
            use(folder / "w")
    print(f"{job}: {len(chosen)} kills before {calls} calls, {dict(counts)}")


@pytest.mark.slow
@pytest.mark.parametrize("job", POWER)
def test_a_loss_of_power(killer: Killer, template: Path, tmp_path: Path, job: str) -> None:
    """Nothing is torn at any flush; what a call has reported is there when it has returned."""
    folder = tmp_path / "folder"
    shutil.copytree(template, folder)
    before = state_of(folder / "w")
    assert not killer.do(job, folder, 10_000_000)[0]
    after, counts = state_of(folder / "w"), Counter[str]()
    for image in sorted(folder.glob("during-*")):
        state = state_of(image)
        assert state in (before, after)
        counts["after" if state == after else "before"] += 1
    for image in sorted(folder.glob("after-*")):
        assert state_of(image) == after
        with Client.local(image, progress=False, threads=1) as client:
            assert client.check().ok
    print(f"{job}: {dict(counts)}")
