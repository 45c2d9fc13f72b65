"""Writes a small workspace of the present release, which every later one must open.

`python -m tests.workspaces.make` adds `<release>.zip` to this folder. Run it once per release that changes a
format, and keep the file as it is.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openfactor
from openfactor import Client
from openfactor.settings import ColumnMapping
from tests.client.killing import MODEL, ROOT, UNIVERSE, caps, on
from tests.dataset.test_build import tables

HERE = Path(__file__).parent
CONTENT = "content.json"
"""What users see of the workspace."""


def make(folder: Path) -> None:
    """Fill a folder with a workspace and with what users see of it."""
    with Client.local(folder / "workspace", progress=False, threads=1) as client:
        for name, frame in tables().items():
            client.equity.uploaders[name].create_dataset(name).fast_commit(frame, "overwrite")
        client.equity.uploaders["market_cap"]["market_cap"].fast_commit(caps(2.0), "overwrite")
        client.equity.riskdatasets.create_dataset("root", ROOT)
        client.equity.riskdatasets.create_dataset("top", on("root"))
        client.equity.universes.settings.save("all", UNIVERSE, description="all assets")
        client.equity.riskmodels.settings.save("model", MODEL)
        client.equity.uploaders.mappings.save("ours", ColumnMapping(columns={"px": "close"}))
        client.equity.riskmodels.load("model").get_model()
        content = content_of(client)
    (folder / CONTENT).write_text(json.dumps(content, indent=1))


def content_of(client: Client) -> dict[str, Any]:
    """Uploads, settings, and the numbers of datasets and of a model, as JSON values."""
    equity = client.equity
    rows = {
        f"{name} {version}": _rows(equity.uploaders[name][name].get_data(version=version).collect())
        for name in tables()
        for version in equity.uploaders[name][name].version_history()
    }
    model = equity.riskmodels.load("model").get_model()
    return {
        "rows": rows,
        "datasets": {
            name: {
                "settings": json.loads(equity.riskdatasets.load(name).settings.model_dump_json()),
                "counts": _rows(equity.riskdatasets.load(name).counts()),
            }
            for name in equity.riskdatasets.get_dataset_names()
        },
        "universe": json.loads(equity.universes.settings.get("all").model_dump_json()),
        "description": equity.universes.settings.read("all").description,
        "mapping": equity.uploaders.mappings.get("ours").columns,
        "factor returns": _rows(model.fret()),
    }


def _rows(frame: Any) -> list[dict[str, Any]]:
    return json.loads(json.dumps(frame.sort(frame.columns).to_dicts(), default=str))


def write(path: Path) -> None:
    """Make a workspace and pack it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file() and "kernels" not in file.parts:
                    archive.write(file, file.relative_to(folder))


if __name__ == "__main__":
    write(HERE / f"{openfactor.__version__}.zip")
