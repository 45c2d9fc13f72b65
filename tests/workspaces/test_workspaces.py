"""Workspaces of this and of earlier releases open, show what they showed, and go on."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor import Client
from tests.client.killing import caps
from tests.workspaces.make import CONTENT, HERE, content_of, write

PRESENT = "of this release"


@pytest.fixture(scope="module", params=[PRESENT, *sorted(path.name for path in HERE.glob("*.zip"))])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    path = HERE / request.param
    if request.param == PRESENT:
        path = folder / "present.zip"
        write(path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def test_a_kept_workspace_opens_and_goes_on(folder: Path) -> None:
    with Client.local(folder / "workspace", progress=False, threads=1) as client:
        datasets = client.equity.riskdatasets
        table = datasets.list_riskdatasets()
        assert set(table["status"]) <= {"ready", "data_stale", "needs_update", "not_ready"}, table
        for name in ("root", "top"):
            datasets.load(name).update()
        kept: dict[str, Any] = json.loads((folder / CONTENT).read_text())
        now = content_of(client)
        returns = now.pop("factor returns"), kept.pop("factor returns")
        assert now == kept
        assert_frame_equal(*map(pl.DataFrame, returns), rel_tol=1e-9)
        assert client.check().ok
        client.equity.uploaders["market_cap"]["market_cap"].fast_commit(caps(3.0), "overwrite")
        assert datasets.load("root").update()
        assert datasets.load("top").update()
        assert set(datasets.list_riskdatasets()["status"]) == {"ready"}
