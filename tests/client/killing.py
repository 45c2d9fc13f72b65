"""What a process that is killed was doing in a workspace; see `tests/uploads/killing.py`."""

from __future__ import annotations

import ctypes
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from openfactor import Client
from openfactor.settings import (
    ColumnMapping,
    ContinuousExposureGroupSettings,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    RiskDatasetUnitExposureSettings,
    UniverseSettings,
)
from tests.dataset.test_build import GROUPS, tables
from tests.markets import dataset_settings
from tests.uploads.killing import Jobs, serve
from tests.uploads.power import Disk

PAGE = 4096
"""Bytes that are written to a disk at once."""

ROOT = dataset_settings(**GROUPS)
UNIVERSE = UniverseSettings(id_type="ticker").with_dataset("root")
MODEL = FactorRiskModelSettings(
    universe=UNIVERSE.setting,
    exposures=ExposureSettings(exposures=ContinuousExposureGroupSettings(hierarchy="style")),
).with_dataset("root")


def on(reference: str, group: str = "market") -> DerivedRiskDatasetSettings:
    unit = RiskDatasetUnitExposureSettings(factor_group=group, factor="m")
    return DerivedRiskDatasetSettings(reference_dataset=reference, exposures=[unit])


def caps(factor: float) -> pl.DataFrame:
    return tables()["market_cap"].with_columns(pl.col("market_cap") * factor)


def write_template(folder: Path) -> None:
    """A workspace with two datasets, of which one has newer data to be updated to, and saved settings."""
    with Client.local(folder / "w", progress=False, threads=1) as client:
        for name, frame in tables().items():
            client.equity.uploaders[name].create_dataset(name).fast_commit(frame, "overwrite")
        client.equity.riskdatasets.create_dataset("root", ROOT)
        client.equity.riskdatasets.create_dataset("top", on("root"))
        client.equity.universes.settings.save("u", UNIVERSE)
        client.equity.uploaders["market_cap"]["market_cap"].fast_commit(caps(2.0), "overwrite")


def _in(job: Callable[[Client], Any]) -> Callable[[Path], Any]:
    def run(folder: Path) -> None:
        with Client.local(folder / "w", progress=False, threads=1) as client:
            job(client)

    return run


_CALLS: dict[str, Callable[[Client], Any]] = {
    "create": lambda c: c.equity.riskdatasets.create_dataset("new", on("root")),
    "replace": lambda c: c.equity.riskdatasets.create_or_replace_dataset("top", on("root", "x")),
    "update": lambda c: c.equity.riskdatasets.load("root").update(),
    "update by force": lambda c: c.equity.riskdatasets.load("top").update(force=True),
    "delete": lambda c: c.equity.riskdatasets.delete_dataset("top"),
    "save": lambda c: c.equity.universes.settings.save("new", UNIVERSE),
    "overwrite": lambda c: c.equity.universes.settings.save("u", UNIVERSE, overwrite=True, description="x"),
    "describe": lambda c: c.equity.universes.settings.update_description("u", "words"),
    "delete settings": lambda c: c.equity.universes.settings.delete("u"),
    "save a mapping": lambda c: c.equity.uploaders.mappings.save("m", ColumnMapping(columns={"a": "b"})),
    "fit": lambda c: c.equity.riskmodels.load(MODEL).get_model(),
}
JOBS: Jobs = {
    **{name: _in(call) for name, call in _CALLS.items()},
    "open": lambda folder: Client.local(folder / "new", progress=False).close(),
    "backup": _in(lambda c: c.backup(Path(str(c).split("workspace ")[1].rstrip(">")).with_name("copy"))),
}
"""What is done in a folder with a workspace."""


class TornDisk(Disk):
    """Of a file that was changed since it was flushed, any of the pages may have been written."""

    def _content(self, number: int, path: Path | None, rng: random.Random | None) -> bytes:
        before = self._files.get(number, b"")
        if path is None or rng is None:
            return before
        now = path.read_bytes()
        longest = rng.choice([len(before), len(now), max(len(before), len(now))])
        pages = range(0, longest, PAGE)
        old, new = (data.ljust(longest, b"\0") for data in (before, now))
        return b"".join(rng.choice([old, new])[at : at + PAGE] for at in pages)[:longest]


def _losing_power(job: str) -> Callable[[Path], None]:
    """Write images of the workspace: one per flush in `during`, and `after` the call has returned."""

    def run(folder: Path) -> None:
        disk, images = TornDisk(folder / "w"), [0]

        def flushed(handle: int) -> None:
            disk.flushed(handle)
            images[0] += 1
            disk.image(folder / f"during-{images[0]}", random.Random(images[0]))

        shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
        listener = ctypes.CFUNCTYPE(None, ctypes.c_int)(flushed)
        shim.shim_on_flush(listener)
        with Client.local(folder / "w", progress=False, threads=1) as client:
            _CALLS[job](client)
            shim.shim_on_flush(None)
            disk.image(folder / "after-0", None)
            for number in range(1, 6):
                disk.image(folder / f"after-{number}", random.Random(number))
        disk.close()

    return run


POWER: Jobs = {f"lose power: {job}": _losing_power(job) for job in _CALLS}
"""The same on a disk that loses power."""


if __name__ == "__main__":
    serve(JOBS | POWER)
