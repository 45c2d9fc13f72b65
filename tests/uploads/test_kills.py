"""A kill before every call that writes: all or nothing, names that work, and leftovers that are found."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from openfactor.uploads import UploadStore
from tests.uploads.killing import JOBS, KIND, NOW, Killer, compiled
from tests.uploads.states import State, Upload, between, state_of, write_template
from tests.uploads.tables import rates


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    library = compiled(tmp_path_factory.mktemp("shim"))
    if library is None:
        pytest.skip("only where a library can be compiled and loaded")
    killer = Killer(library)
    yield killer
    killer.stop()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "uploads"
    write_template(folder)
    return folder


def inspect(folder: Path, allowed: list[State], counts: Counter[str]) -> None:
    """Look before anything is tidied; then use it, tidy it, and look again."""
    state = state_of(folder)
    assert state in allowed
    counts["after" if state == allowed[1] else "before" if state == allowed[0] else "between"] += 1
    store = UploadStore(folder)
    left = store.upkeep.leftovers(NOW)
    counts["leftovers"] += len(left)
    assert store.upkeep.remove_leftovers(left) == left
    assert store.upkeep.leftovers(NOW) == []
    assert state_of(folder) == state
    assert store.upkeep.check() == []
    for key in state:
        path = folder / key
        files = {
            uri.rpartition("/")[2]
            for v in kept(state[key])
            for uri in DeltaTable(str(path), version=v).file_uris()
        }
        assert {p.name for p in path.glob("*.parquet")} == files, "nothing but the files of versions"
    for name in ("fx", "new", "stump"):
        if f"{KIND}/{name}" in state:
            upload = store.open(KIND, name)
            version = upload.queries.table().version
            assert upload.commits.commit_frame(rates((30, "CHF", 1.0)), "append").version == version + 1
            store.delete(KIND, name)
        assert store.create(KIND, name).queries.table().version == 0


def kept(upload: Upload) -> list[int]:
    return [version for version, rows in upload[0].items() if rows != "removed"]


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_kill_before_every_call_that_writes(
    killer: Killer, template: Path, tmp_path: Path, job: str
) -> None:
    shutil.copy(template.with_name("three.zip"), tmp_path / "three.zip")
    whole = tmp_path / "whole"
    shutil.copytree(template, whole)
    before = state_of(whole)
    killed, calls = killer.do(job, whole, 1_000_000)
    assert not killed
    assert calls > 0
    after = state_of(whole)
    if job != "remove leftovers":
        assert after != before
    allowed = [before, after, *between(job, before, after)]
    counts: Counter[str] = Counter()
    for n in range(1, calls + 1):
        folder = tmp_path / "uploads"
        shutil.copytree(template, folder)
        assert killer.do(job, folder, n)[0]
        inspect(folder, allowed, counts)
        shutil.rmtree(folder)
    print(f"{job}: {calls} kills, {dict(counts)}")
