"""A risk dataset on disk: Arrow files that are mapped into memory, and one JSON file.

panel.arrow            the rows; group.<number>.arrow  the columns of one factor group
days.arrow, listings.arrow, spans.arrow, aliases.arrow, closures.arrow, series.arrow,
coverage.arrow, dataset.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Exposure, Panel, RiskDataset, SparseGroup
from openfactor.errors import StorageError
from openfactor.folders import write_whole
from openfactor.settings.hierarchies import Tree
from openfactor.settings.menus import BuildReport
from openfactor.settings.riskdataset import AnyRiskDatasetSettings

_ROWS = ("listing", "local_return", "priced", "main", "cap", "idio_vol")
_SETTINGS: TypeAdapter[AnyRiskDatasetSettings] = TypeAdapter(AnyRiskDatasetSettings)


def save(dataset: RiskDataset, folder: Path) -> None:
    """Write to `folder`, which appears complete or not at all; one that is there stays."""
    write_whole(folder, "the risk dataset", lambda part: _write(dataset, part))


def _write(dataset: RiskDataset, folder: Path) -> None:
    panel, identifiers = dataset.panel, dataset.identifiers
    _write_columns({name: getattr(panel, name) for name in _ROWS}, folder / "panel.arrow")
    for number, name in enumerate([*panel.dense, *panel.sparse]):
        _write_columns(_columns(panel, name), folder / f"group.{number}.arrow")
    usd = {f"usd.{name}": dataset.usd[:, i] for i, name in enumerate(dataset.currencies)}
    days = {"date": dataset.days, "first_row": panel.offsets[:-1], **usd}
    pl.DataFrame(days).write_ipc(folder / "days.arrow")
    identifiers.table.write_ipc(folder / "listings.arrow")
    identifiers.spans.write_ipc(folder / "spans.arrow")
    identifiers.aliases.write_ipc(folder / "aliases.arrow")
    dataset.closures.write_ipc(folder / "closures.arrow")
    dataset.series.write_ipc(folder / "series.arrow")
    dataset.coverage.write_ipc(folder / "coverage.arrow")
    meta = {
        "fingerprint": dataset.fingerprint,
        "settings": dataset.settings.model_dump(mode="json"),
        "exposure_dtype": dataset.exposure_dtype,
        "report": dataset.report.model_dump(mode="json"),
        "parts": dataset.parts,
        "id_types": identifiers.id_types,
        "currency": dataset.currency.tolist(),
        "dense": {group: list(factors) for group, factors in panel.dense.items()},
        "sparse": {
            name: {"categories": g.categories, "slots": len(g.codes), "loads": g.loads is not None}
            for name, g in panel.sparse.items()
        },
        "trees": {n: {"hierarchy": t.hierarchy, "labels": t.labels} for n, t in dataset.trees.items()},
    }
    (folder / "dataset.json").write_text(json.dumps(meta, indent=1))


def _columns(panel: Panel, name: str) -> dict[str, Exposure]:
    if name in panel.dense:
        return {f"{i}": values for i, values in enumerate(panel.dense[name].values())}
    group = panel.sparse[name]
    codes = {f"code.{i}": codes for i, codes in enumerate(group.codes)}
    return codes | {f"load.{i}": loads for i, loads in enumerate(group.loads or ())}


def _write_columns(columns: dict[str, Any], path: Path) -> None:
    # one record batch: each column is contiguous, so that it can be used where it is mapped
    frame = pl.DataFrame(columns)
    frame.write_ipc(path, record_batch_size=max(len(frame), 1))


def load(folder: Path) -> RiskDataset:
    """Open a stored dataset; the panel is mapped, not read.

    Raises
    ------
    StorageError: a file is missing or damaged.
    """
    try:
        meta = json.loads((folder / "dataset.json").read_text())
        n_groups = len(meta["dense"]) + len(meta["sparse"])
        rows, *groups = (
            pl.read_ipc(folder / f"{name}.arrow")
            for name in ("panel", *(f"group.{number}" for number in range(n_groups)))
        )
        days, listings, spans, aliases, closures, series, coverage = (
            pl.read_ipc(folder / f"{name}.arrow")
            for name in ("days", "listings", "spans", "aliases", "closures", "series", "coverage")
        )
        settings = _SETTINGS.validate_python(meta["settings"])
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise StorageError(
            f"the dataset in {folder} cannot be read ({error}); delete it and create it again"
        ) from error
    currencies = tuple(c.removeprefix("usd.") for c in days.columns if c.startswith("usd."))
    return RiskDataset(
        fingerprint=meta["fingerprint"],
        settings=settings,
        exposure_dtype=meta["exposure_dtype"],
        days=tuple(days["date"]),
        identifiers=Identifiers(listings, spans, aliases, tuple(meta["id_types"])),
        currencies=currencies,
        currency=np.array(meta["currency"], np.int32),
        usd=days.select([f"usd.{c}" for c in currencies]).to_numpy().reshape(len(days), len(currencies)),
        closures=closures,
        panel=_panel(rows, groups, days["first_row"].to_numpy(), meta),
        trees={name: Tree(tree["hierarchy"], tree["labels"]) for name, tree in meta["trees"].items()},
        series=series,
        coverage=coverage,
        report=BuildReport.model_validate(meta["report"]),
        parts=meta["parts"],
    )


def _panel(
    rows: pl.DataFrame, groups: list[pl.DataFrame], first_row: np.ndarray[Any, Any], meta: dict[str, Any]
) -> Panel:
    dense: dict[str, dict[str, Exposure]] = {}
    sparse: dict[str, SparseGroup] = {}
    for frame, name in zip(groups, [*meta["dense"], *meta["sparse"]], strict=True):
        if name in meta["dense"]:
            dense[name] = {factor: frame[f"{i}"].to_numpy() for i, factor in enumerate(meta["dense"][name])}
        else:
            group = meta["sparse"][name]
            slots = range(group["slots"])
            loads = tuple(frame[f"load.{i}"].to_numpy() for i in slots) if group["loads"] else None
            codes = tuple(frame[f"code.{i}"].to_numpy() for i in slots)
            sparse[name] = SparseGroup(tuple(group["categories"]), codes, loads)
    columns = {name: rows[name].to_numpy() for name in _ROWS}
    return Panel(
        offsets=np.append(first_row, len(rows)).astype(np.int64), dense=dense, sparse=sparse, **columns
    )
