"""What a cancelled request leaves behind, at whichever point it is cancelled: nothing."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from openfactor import uploads
from openfactor.context import Context
from openfactor.database import Registry
from openfactor.settings import (
    AnyRiskDatasetSettings,
    DerivedRiskDatasetSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUploadedExposureSettings,
)
from openfactor.store import Leases, LocalObjects
from openfactor.workspace.riskdatasets import RiskDatasets
from tests.cancelling import cancel_everywhere
from tests.dataset.test_build import FRI, GROUPS, MON, THU, exposure_rows, tables
from tests.markets import dataset_settings
from tests.stored import files_of
from tests.uploads.stores import UploadStore

ROOT = dataset_settings(**GROUPS)
DERIVED = DerivedRiskDatasetSettings(
    reference_dataset="root",
    exposures=[
        RiskDatasetReferencedExposureSettings(),
        RiskDatasetUploadedExposureSettings(exposure_source="scores", continuous_factor_groups=["alpha"]),
        RiskDatasetHuberRegressionExposureSettings(
            tsfactors_source="oil", factor_group="oil", currency="USD", window=3
        ),
    ],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with uploads."""
    handles = UploadStore(tmp_path / "uploads")
    for name, frame in tables().items():
        handles.create(name, name).fast_commit(frame, "append")
    scores = exposure_rows([(MON, "A", "alpha", "one", 1.0), (MON, "B", "alpha", "one", 2.0)])
    handles.create("exposures", "scores").fast_commit(scores, "append")
    oil = pl.DataFrame({"date": [MON, THU, FRI], "factor": "oil", "value": [0.01, -0.02, 0.01]})
    handles.create("tsfactors", "oil").fast_commit(oil, "append")
    return tmp_path


def store(folder: Path, context: Context | None = None) -> RiskDatasets:
    registry = Registry(sa.URL.create("sqlite", database=str(folder / "openfactor.sqlite")))
    objects = LocalObjects(folder / "store")
    return RiskDatasets(
        objects,
        Leases(folder / "store"),
        uploads.UploadStore(folder / "uploads"),
        registry,
        context or Context(),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings", "least"), [("root", ROOT, 15), ("top", DERIVED, 20)])
def test_a_cancelled_build_leaves_nothing(
    folder: Path, name: str, settings: AnyRiskDatasetSettings, least: int
) -> None:
    if name == "top":
        store(folder).create("root", ROOT)
    files, names = files_of(folder, "manifests"), store(folder).names()

    def check() -> None:
        assert files_of(folder, "manifests") == files
        assert store(folder).names() == names

    tries = cancel_everywhere(lambda context: store(folder, context).create(name, settings), check)
    assert tries >= least
    assert store(folder).status(name) == "ready"


@pytest.mark.slow
@pytest.mark.parametrize("force", [False, True])
def test_a_cancelled_update_keeps_the_dataset(folder: Path, force: bool) -> None:
    store(folder).create("d", ROOT)
    if not force:
        doubled = tables()["market_cap"].with_columns(pl.col("market_cap") * 2)
        UploadStore(folder / "uploads").open("market_cap", "market_cap").fast_commit(doubled, "overwrite")
    before, files = store(folder).open("d"), files_of(folder, "manifests")

    def check() -> None:
        assert files_of(folder, "manifests") == files
        assert store(folder).open("d").recipe == before.recipe

    assert cancel_everywhere(lambda context: store(folder, context).update("d", force=force), check) >= 15
    assert (store(folder).open("d").recipe == before.recipe) == force
