"""A risk dataset in the store: packs for each run of its days, and a manifest.

Parts of a run, one pack each:

rows            columns of the panel, dates, rates, content hashes, and the coverage
caps            market_cap and idio_vol
dense/<group>   one array per factor
sparse/<group>  codes.<slot> and loadings.<slot>
state           of a few runs, what a build carries on from them

One more pack has the tables that belong to no run: identifiers, closures and series. The manifest has
settings, report and names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import TypeAdapter

from openfactor.context import Context
from openfactor.dataset.columns import SparseGroup
from openfactor.dataset.coverage import whole_coverage
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel, PanelNames, PanelRun
from openfactor.dataset.riskdataset import RiskDataset, State
from openfactor.dataset.runs import month
from openfactor.results import BuildReport
from openfactor.settings.hierarchies import Tree
from openfactor.settings.riskdataset import AnyRiskDatasetSettings
from openfactor.store import (
    DATASET,
    Manifest,
    Objects,
    Pack,
    PackRef,
    read_manifest,
    write_manifest,
    write_pack,
)

STATE = "state"
"""Part of a run that has what a build carries on from it."""
STATES_KEPT = 3
_ROWS = ("offsets", "listing", "local_return", "currency", "priced", "delisted", "is_main_listing")
_CAPS = ("market_cap", "idio_vol")
_SETTINGS: TypeAdapter[AnyRiskDatasetSettings] = TypeAdapter(AnyRiskDatasetSettings)
T = TypeVar("T")


def save(dataset: RiskDataset, objects: Objects, context: Context | None = None) -> str:
    """Keep a dataset; the hash of its manifest, which identifies its content.

    Runs that are stored already are not written again.
    """
    panel, runs, kept = dataset.panel, {}, _kept_states(dataset.run_names)
    with (context or Context()).step("writing a risk dataset", len(panel.runs), unit="months") as advance:
        for run, first in zip(panel.runs, panel.first_days.tolist(), strict=False):
            name = month(dataset.days[first])
            parts = dict(run.stored or _write_run(dataset, run, first, objects))
            if name not in kept:
                parts.pop(STATE, None)
            elif name in dataset.states and STATE not in parts:
                parts[STATE] = write_pack(objects, {}, dataset.states[name])
            runs[name] = parts
            advance()
        names = write_pack(objects, {}, _tables(dataset))
        return write_manifest(objects, Manifest(DATASET, _meta(dataset), runs, {"names": names}))


def _kept_states(months: Sequence[str]) -> set[str]:
    """The months after which a build can go on: the last ones, and one of each year for old corrections."""
    return {*months[-STATES_KEPT:], *(name for name in months if name.endswith("-12"))}


def _write_run(dataset: RiskDataset, run: PanelRun, first: int, objects: Objects) -> dict[str, PackRef]:
    """Write the packs of a run, whose first day is the stored day `first`."""
    days = slice(first, first + run.n_days)
    rows = {name: getattr(run, name) for name in _ROWS} | {
        "dates": np.array(dataset.days[days], "datetime64[D]"),
        "usd_per_unit": dataset.usd_per_unit[days],
        "content_hashes": dataset.content_hashes[days],
    }
    parts = {
        "rows": write_pack(objects, rows, {"coverage": dataset.coverage[days]}),
        "caps": write_pack(objects, {name: getattr(run, name) for name in _CAPS}),
    }
    dtype = np.dtype(dataset.exposure_dtype)
    for group, factors in run.dense.items():
        arrays = {factor: values.astype(dtype, copy=False) for factor, values in factors.items()}
        parts[f"dense/{group}"] = write_pack(objects, arrays)
    for name, categories in run.sparse.items():
        slots = {f"codes.{k}": codes for k, codes in enumerate(categories.codes)}
        for k, values in enumerate(categories.loadings or ()):
            slots[f"loadings.{k}"] = values.astype(dtype, copy=False)
        parts[f"sparse/{name}"] = write_pack(objects, slots)
    return parts


def _tables(dataset: RiskDataset) -> dict[str, pl.DataFrame]:
    identifiers = dataset.identifiers
    return {
        "listings": identifiers.table,
        "spans": identifiers.spans,
        "mapped": identifiers.mapped,
        "aliases": identifiers.aliases,
        "carriers": identifiers.carriers,
        "closures": dataset.closures,
        "series": dataset.series,
    }


def _meta(dataset: RiskDataset) -> dict[str, Any]:
    """Settings, report and names, as JSON values."""
    names = dataset.panel.names
    return {
        "recipe": dataset.recipe,
        "settings": dataset.settings.model_dump(mode="json"),
        "exposure_dtype": dataset.exposure_dtype,
        "currencies": dataset.currencies,
        "report": dataset.report.model_dump(mode="json"),
        "group_recipes": dataset.group_recipes,
        "upload_versions": dataset.upload_versions,
        "upload_contents": dataset.upload_contents,
        "id_types": dataset.identifiers.id_types,
        "dense": names.dense,
        "sparse": names.sparse,
        "trees": {n: {"hierarchy": t.hierarchy, "labels": t.labels} for n, t in dataset.trees.items()},
    }


def load(objects: Objects, content: str) -> RiskDataset:
    """Open a stored dataset; the panel is mapped when it is read.

    Raises
    ------
    StorageError: a part is missing or damaged, or of a newer release.
    """
    manifest = read_manifest(objects, content)
    meta, names = manifest.meta, Pack(objects, manifest.parts["names"])
    tables = ("listings", "spans", "mapped", "aliases", "carriers", "closures", "series")
    listings, spans, mapped, aliases, carriers, closures, series = map(names.table, tables)
    rows = [Pack(objects, parts["rows"]) for parts in manifest.runs.values()]
    panel_names = PanelNames(_tuples(meta["dense"]), _tuples(meta["sparse"]))
    panel = Panel(
        [
            _MappedRun(objects, pack, parts, panel_names)
            for pack, parts in zip(rows, manifest.runs.values(), strict=True)
        ],
        panel_names,
    )
    currencies = tuple(meta["currencies"])
    return RiskDataset(
        recipe=meta["recipe"],
        settings=_SETTINGS.validate_python(meta["settings"]),
        exposure_dtype=meta["exposure_dtype"],
        days=tuple(day for pack in rows for day in pack["dates"].tolist()),
        identifiers=Identifiers(listings, spans, mapped, aliases, tuple(meta["id_types"]), carriers),
        currencies=currencies,
        usd_per_unit=np.concatenate([_widened(pack["usd_per_unit"], len(currencies)) for pack in rows]),
        closures=closures,
        panel=panel,
        trees={name: Tree(tree["hierarchy"], tree["labels"]) for name, tree in meta["trees"].items()},
        series=series,
        coverage=whole_coverage([pack.table("coverage") for pack in rows], panel),
        report=BuildReport.model_validate(meta["report"]),
        group_recipes=meta["group_recipes"],
        upload_versions=meta["upload_versions"],
        upload_contents=meta["upload_contents"],
        states=_Lazily(
            {name: _state_of(objects, p[STATE]) for name, p in manifest.runs.items() if STATE in p}
        ),
        stored_content_hashes=np.concatenate([pack["content_hashes"] for pack in rows]),
    )


def _state_of(objects: Objects, ref: PackRef) -> Callable[[], State]:
    return lambda: Pack(objects, ref).tables()


def _tuples(names: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(items) for name, items in names.items()}


def _widened(rates: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """(days, n) rates with columns for currencies that came later."""
    missing = np.full((len(rates), n - rates.shape[1]), np.nan)
    return np.concatenate([rates, missing], axis=1)


class _MappedRun(PanelRun):
    """A stored run whose columns are mapped when they are first used."""

    def __init__(self, objects: Objects, rows: Pack, parts: Mapping[str, PackRef], names: PanelNames) -> None:
        vars(self).update(_objects=objects, _rows=rows, _names=names, _parts=parts, stored=parts)
        vars(self)["content_hashes"] = rows["content_hashes"]

    def __getattr__(self, name: str) -> Any:
        """A column that was not used before."""
        if name in _ROWS:
            value: Any = self._rows[name]
        elif name in _CAPS:
            value = self._pack("caps")[name]
        elif name == "dense":
            value = _Lazily({group: self._factors(group) for group in self._groups("dense")})
        elif name == "sparse":
            value = _Lazily({group: self._categories(group) for group in self._groups("sparse")})
        else:
            raise AttributeError(name)
        vars(self)[name] = value
        return value

    def _pack(self, part: str) -> Pack:
        return Pack(self._objects, self._parts[part])

    def _groups(self, kind: str) -> list[str]:
        return [part.partition("/")[2] for part in self._parts if part.startswith(f"{kind}/")]

    def _factors(self, group: str) -> Callable[[], Mapping[str, NDArray[Any]]]:
        return lambda: self._pack(f"dense/{group}")

    def _categories(self, group: str) -> Callable[[], SparseGroup]:
        def read() -> SparseGroup:
            pack = self._pack(f"sparse/{group}")
            codes = tuple(pack[name] for name in pack if name.startswith("codes."))
            loadings = tuple(pack[name] for name in pack if name.startswith("loadings."))
            return SparseGroup(self._names.sparse[group], codes, loadings or None)

        return read


class _Lazily(Mapping[str, T]):
    """Values that are made when they are first read."""

    def __init__(self, makers: Mapping[str, Callable[[], T]]) -> None:
        self._makers = makers
        self._made: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        if key not in self._made:
            self._made[key] = self._makers[key]()
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
