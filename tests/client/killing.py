"""What a process that is killed was doing in a workspace; see `tests/uploads/killing.py`."""

from __future__ import annotations

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


JOBS: Jobs = {
    "open": lambda folder: Client.local(folder / "new", progress=False).close(),
    "create": _in(lambda c: c.equity.riskdatasets.create_dataset("new", on("root"))),
    "replace": _in(lambda c: c.equity.riskdatasets.create_or_replace_dataset("top", on("root", "x"))),
    "update": _in(lambda c: c.equity.riskdatasets.load("root").update()),
    "update by force": _in(lambda c: c.equity.riskdatasets.load("top").update(force=True)),
    "delete": _in(lambda c: c.equity.riskdatasets.delete_dataset("top")),
    "save": _in(lambda c: c.equity.universes.settings.save("new", UNIVERSE)),
    "overwrite": _in(
        lambda c: c.equity.universes.settings.save("u", UNIVERSE, overwrite=True, description="x")
    ),
    "describe": _in(lambda c: c.equity.universes.settings.update_description("u", "words")),
    "delete settings": _in(lambda c: c.equity.universes.settings.delete("u")),
    "save a mapping": _in(lambda c: c.equity.uploaders.mappings.save("m", ColumnMapping(columns={"a": "b"}))),
    "fit": _in(lambda c: c.equity.riskmodels.load(MODEL).get_model()),
    "backup": _in(lambda c: c.backup(Path(str(c).split("workspace ")[1].rstrip(">")).with_name("copy"))),
}  # fmt: skip
"""What is done in a folder with a workspace."""


if __name__ == "__main__":
    serve(JOBS)
