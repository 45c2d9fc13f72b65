"""A loss of power at every flush, and after a call has returned."""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest

from openfactor.uploads import UploadStore
from tests.uploads.killing import JOBS, KIND, NOW
from tests.uploads.power import Disk
from tests.uploads.states import State, between, state_of, write_template
from tests.uploads.tables import rates

DRAWS = 4
"""Of what is there of the changes since the last flush."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "uploads"
    write_template(folder)
    return folder


class Losses:
    """Loses power whenever something is to be flushed, and looks at what is left."""

    def __init__(self, disk: Disk, image: Path, rng: random.Random) -> None:
        self._disk, self._image, self._rng = disk, image, rng
        self.states: list[State] = []
        self._sync = os.fsync
        self._lock = threading.Lock()

    def __call__(self, handle: int) -> None:
        with self._lock:  # threads write the tables of an archive
            self.lose()
            self._sync(handle)
            self._disk.flushed(handle)

    def lose(self) -> None:
        for rng in (None, *[self._rng] * DRAWS):
            self._disk.image(self._image, rng)
            self.states.append(state_of(self._image))
            shutil.rmtree(self._image)


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_loss_of_power(template: Path, tmp_path: Path, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(template.with_name("three.zip"), tmp_path / "three.zip")
    folder = tmp_path / "uploads"
    shutil.copytree(template, folder)
    before, disk = state_of(folder), Disk(folder)
    losses = Losses(disk, tmp_path / "image", random.Random(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", losses)
        JOBS[job](folder)
    during, losses.states = losses.states, []
    losses.lose()
    after = state_of(folder)
    kinds: Counter[str] = Counter()
    for state in losses.states:
        assert state == after, "what a call has done stays done"
    allowed = [before, after, *between(job, before, after)]
    for state in during:
        assert state in allowed
        kinds["before" if state == before else "after" if state == after else "between"] += 1
    print(f"{job}: {len(during)} losses of power during the call, {dict(kinds)}; {DRAWS + 1} after it")
    disk.image(tmp_path / "image", None)
    disk.close()
    store = UploadStore(tmp_path / "image")
    store.upkeep.remove_leftovers(store.upkeep.leftovers(NOW))
    assert store.upkeep.check() == []
    if "fx" in store.names(KIND):
        version = store.open(KIND, "fx").queries.table().version
        committed = store.open(KIND, "fx").commits.commit_frame(rates((30, "CHF", 1.0)), "append")
        assert committed.version == version + 1
