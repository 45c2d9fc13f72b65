"""A risk dataset on disk: Arrow files that are mapped into memory, and one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel, RiskDataset, SparseGroup
from openfactor.errors import StorageError
from openfactor.folders import write_whole
from openfactor.settings.menus import BuildReport
from openfactor.settings.riskdataset import RootRiskDatasetSettings


def save(dataset: RiskDataset, folder: Path) -> None:
    """Write to `folder`, which appears complete or not at all; one that is there stays."""
    write_whole(folder, "the risk dataset", lambda part: _write(dataset, part))


def _write(dataset: RiskDataset, folder: Path) -> None:
    # one record batch: each column is contiguous, so that it can be used where it is mapped
    _panel_frame(dataset.panel).write_ipc(
        folder / "panel.arrow", record_batch_size=max(dataset.panel.n_rows, 1)
    )
    dataset.identifiers.table.write_ipc(folder / "listings.arrow")
    closed = {f"closed.{name}": mask for name, mask in dataset.closed.items()}
    usd = {f"usd.{name}": dataset.usd[:, i] for i, name in enumerate(dataset.currencies)}
    days = {"date": dataset.days, "first_row": dataset.panel.offsets[:-1], **closed, **usd}
    pl.DataFrame(days).write_ipc(folder / "days.arrow")
    meta = {
        "fingerprint": dataset.fingerprint,
        "settings": dataset.settings.model_dump(mode="json"),
        "report": dataset.report.model_dump(mode="json"),
        "id_types": dataset.identifiers.id_types,
        "currency": dataset.currency.tolist(),
        "dense": {group: list(factors) for group, factors in dataset.panel.dense.items()},
        "sparse": {
            name: {"categories": g.categories, "slots": len(g.codes), "loads": g.loads is not None}
            for name, g in dataset.panel.sparse.items()
        },
    }
    (folder / "dataset.json").write_text(json.dumps(meta, indent=1))


def load(folder: Path) -> RiskDataset:
    """Open a stored dataset; the panel is mapped, not read.

    Raises
    ------
    StorageError: a file is missing or damaged.
    """
    try:
        meta = json.loads((folder / "dataset.json").read_text())
        rows = pl.read_ipc(folder / "panel.arrow")
        days = pl.read_ipc(folder / "days.arrow")
        listings = pl.read_ipc(folder / "listings.arrow")
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise StorageError(
            f"the dataset in {folder} cannot be read ({error}); delete it and create it again"
        ) from error
    currencies = tuple(c.removeprefix("usd.") for c in days.columns if c.startswith("usd."))
    return RiskDataset(
        fingerprint=meta["fingerprint"],
        settings=RootRiskDatasetSettings.model_validate(meta["settings"]),
        days=tuple(days["date"]),
        identifiers=Identifiers(listings, tuple(meta["id_types"])),
        currencies=currencies,
        currency=np.array(meta["currency"], np.int32),
        usd=days.select([f"usd.{c}" for c in currencies]).to_numpy().reshape(len(days), len(currencies)),
        closed={
            c.removeprefix("closed."): days[c].to_numpy() for c in days.columns if c.startswith("closed.")
        },
        panel=_panel(rows, days["first_row"].to_numpy(), meta),
        report=BuildReport.model_validate(meta["report"]),
    )


def _panel_frame(panel: Panel) -> pl.DataFrame:
    columns: dict[str, Any] = {
        name: getattr(panel, name) for name in ("listing", "local_return", "priced", "cap", "idio_vol")
    }
    for group, factors in panel.dense.items():
        columns |= {f"dense.{group}.{factor}": values for factor, values in factors.items()}
    for name, group_ in panel.sparse.items():
        columns |= {f"code.{name}.{i}": codes for i, codes in enumerate(group_.codes)}
        columns |= {f"load.{name}.{i}": loads for i, loads in enumerate(group_.loads or ())}
    return pl.DataFrame(columns)


def _panel(rows: pl.DataFrame, first_row: np.ndarray[Any, Any], meta: dict[str, Any]) -> Panel:
    def column(name: str) -> np.ndarray[Any, Any]:
        return rows[name].to_numpy()

    sparse = {
        name: SparseGroup(
            tuple(group["categories"]),
            tuple(column(f"code.{name}.{i}") for i in range(group["slots"])),
            tuple(column(f"load.{name}.{i}") for i in range(group["slots"])) if group["loads"] else None,
        )
        for name, group in meta["sparse"].items()
    }
    return Panel(
        offsets=np.append(first_row, len(rows)).astype(np.int64),
        listing=column("listing"),
        local_return=column("local_return"),
        priced=column("priced"),
        cap=column("cap"),
        idio_vol=column("idio_vol"),
        dense={
            group: {factor: column(f"dense.{group}.{factor}") for factor in factors}
            for group, factors in meta["dense"].items()
        },
        sparse=sparse,
    )
