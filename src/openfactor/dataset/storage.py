"""A risk dataset on disk: arrays that are mapped into memory, Arrow tables, and one JSON file.

listing.npy, local_return.npy, ...   the columns of the panel, one array (rows,) each
delisted.npy                         indices of the rows with which a listing ends
dense.<number>.npy                   a continuous group: (factors, rows)
codes.<number>.npy, loadings.<number>.npy   a categorical group: (slots, rows)
content_hashes.npy                   one content hash per stored day
days.arrow, listings.arrow, spans.arrow, aliases.arrow, carriers.arrow, closures.arrow, series.arrow,
coverage.arrow
dataset.json                         settings, report, names
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import TypeAdapter

from openfactor.context import Context, Step
from openfactor.dataset.columns import Exposure, SparseGroup
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel, PanelRun
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.runs import months
from openfactor.errors import StorageError
from openfactor.folders import write_whole
from openfactor.results import BuildReport
from openfactor.settings.hierarchies import Tree
from openfactor.settings.riskdataset import AnyRiskDatasetSettings

_ROWS = ("listing", "local_return", "currency", "priced", "is_main_listing", "market_cap", "idio_vol")
_SETTINGS: TypeAdapter[AnyRiskDatasetSettings] = TypeAdapter(AnyRiskDatasetSettings)


def save(dataset: RiskDataset, folder: Path, context: Context | None = None) -> None:
    """Write to `folder`, which appears complete or not at all; an existing one is kept."""
    n_groups = len(dataset.panel.dense) + len(dataset.panel.sparse)
    with (context or Context()).step("writing a risk dataset", n_groups, unit="factor groups") as advance:
        write_whole(folder, "the risk dataset", lambda part: _write(dataset, part, advance))


def _write(dataset: RiskDataset, folder: Path, advance: Step) -> None:
    panel = dataset.panel
    for name in (*_ROWS, "delisted"):
        np.save(folder / f"{name}.npy", getattr(panel, name))
    for number, factors in enumerate(panel.dense.values()):
        save_rows(
            folder / f"dense.{number}.npy",
            [np.asarray(values) for values in factors.values()],
            panel.n_rows,
            dataset.exposure_dtype,
        )
        advance()
    for number, group in enumerate(panel.sparse.values()):
        save_rows(folder / f"codes.{number}.npy", group.codes, panel.n_rows, "int16")
        if group.loadings is not None:
            save_rows(folder / f"loadings.{number}.npy", group.loadings, panel.n_rows, dataset.exposure_dtype)
        advance()
    np.save(folder / "content_hashes.npy", dataset.content_hashes)
    for name, table in _tables(dataset).items():
        table.write_ipc(folder / f"{name}.arrow")
    (folder / "dataset.json").write_text(json.dumps(_meta(dataset), indent=1))


def _tables(dataset: RiskDataset) -> dict[str, pl.DataFrame]:
    """File stem to table."""
    identifiers = dataset.identifiers
    rates = {f"usd.{name}": dataset.usd_per_unit[:, i] for i, name in enumerate(dataset.currencies)}
    days = {"date": dataset.days, "first_row": dataset.panel.offsets[:-1], **rates}
    return {
        "days": pl.DataFrame(days),
        "listings": identifiers.table,
        "spans": identifiers.spans,
        "aliases": identifiers.aliases,
        "carriers": identifiers.carriers,
        "closures": dataset.closures,
        "series": dataset.series,
        "coverage": dataset.coverage,
    }


def _meta(dataset: RiskDataset) -> dict[str, Any]:
    """Settings, report and names, as JSON values."""
    panel = dataset.panel
    return {
        "recipe": dataset.recipe,
        "settings": dataset.settings.model_dump(mode="json"),
        "exposure_dtype": dataset.exposure_dtype,
        "report": dataset.report.model_dump(mode="json"),
        "group_recipes": dataset.group_recipes,
        "upload_versions": dataset.upload_versions,
        "id_types": dataset.identifiers.id_types,
        "dense": {group: list(factors) for group, factors in panel.dense.items()},
        "sparse": {
            name: {"categories": group.categories, "loadings": group.loadings is not None}
            for name, group in panel.sparse.items()
        },
        "trees": {n: {"hierarchy": t.hierarchy, "labels": t.labels} for n, t in dataset.trees.items()},
    }


def save_rows(path: Path, columns: Sequence[Exposure], n_rows: int, dtype: str) -> None:
    """Write one array (columns, rows), column by column."""
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    header = {"descr": descr, "fortran_order": False, "shape": (len(columns), n_rows)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for column in columns:
            column.astype(dtype, copy=False).tofile(file)


def map_rows(path: Path) -> NDArray[Any]:
    """The array in a file, mapped into memory."""
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except ValueError:  # an empty array cannot be mapped
        array: NDArray[Any] = np.load(path)
        if array.size:
            raise
        return array


def load(folder: Path) -> RiskDataset:
    """Open a stored dataset; the panel is mapped, not read.

    Raises
    ------
    StorageError: a file is missing or damaged.
    """
    try:
        meta = json.loads((folder / "dataset.json").read_text())
        days, listings, spans, aliases, carriers, closures, series, coverage = (
            pl.read_ipc(folder / f"{name}.arrow")
            for name in ("days", "listings", "spans", "aliases", "carriers", "closures", "series", "coverage")
        )
        settings = _SETTINGS.validate_python(meta["settings"])
        content_hashes = np.load(folder / "content_hashes.npy")
        panel = _panel(folder, days["date"].to_list(), days["first_row"].to_numpy(), meta)
    except (OSError, EOFError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise StorageError(
            f"the dataset in {folder} cannot be read ({error}); delete it and create it again"
        ) from error
    currencies = tuple(c.removeprefix("usd.") for c in days.columns if c.startswith("usd."))
    return RiskDataset(
        recipe=meta["recipe"],
        settings=settings,
        exposure_dtype=meta["exposure_dtype"],
        days=tuple(days["date"]),
        identifiers=Identifiers(listings, spans, aliases, tuple(meta["id_types"]), carriers),
        currencies=currencies,
        usd_per_unit=days.select([f"usd.{c}" for c in currencies])
        .to_numpy()
        .reshape(len(days), len(currencies)),
        closures=closures,
        panel=panel,
        trees={name: Tree(tree["hierarchy"], tree["labels"]) for name, tree in meta["trees"].items()},
        series=series,
        coverage=coverage,
        report=BuildReport.model_validate(meta["report"]),
        group_recipes=meta["group_recipes"],
        upload_versions=meta.get("upload_versions", {}),
        stored_content_hashes=content_hashes,
    )


def _panel(folder: Path, dates: Sequence[dt.date], first_row: NDArray[Any], meta: dict[str, Any]) -> Panel:
    columns = {name: map_rows(folder / f"{name}.npy") for name in (*_ROWS, "delisted")}
    dense = {
        group: dict(zip(factors, map_rows(folder / f"dense.{number}.npy"), strict=True))
        for number, (group, factors) in enumerate(meta["dense"].items())
    }
    sparse = {
        name: SparseGroup(
            tuple(group["categories"]),
            tuple(map_rows(folder / f"codes.{number}.npy")),
            tuple(map_rows(folder / f"loadings.{number}.npy")) if group["loadings"] else None,
        )
        for number, (name, group) in enumerate(meta["sparse"].items())
    }
    n_rows = len(columns["listing"])
    offsets = np.append(first_row, n_rows).astype(np.int64)
    run = PanelRun(offsets=offsets, dense=dense, sparse=sparse, **columns)
    return Panel([run.slice_days(days.first, days.stop) for days in months(dates)])
