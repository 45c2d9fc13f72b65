"""Estimates in the store: one pack for each run, and a manifest.

A pack has the values by factor, (t, K) each, by date, (S, t) each, and by row, (rows,) each; the trading days
and one content hash per stored day of the dataset. The manifest has names and what the estimates were made
from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.dictionary import Dictionary
from openfactor.model.estimation.estimates import BLANK, BY_DATE, Estimates, EstimatesRun, Pairs
from openfactor.store import (
    ESTIMATES,
    Manifest,
    Objects,
    Pack,
    PackRef,
    read_manifest,
    write_manifest,
    write_pack,
)

_PART = "estimates"


def save(estimates: Estimates, objects: Objects, names: Sequence[str], made_from: Mapping[str, Any]) -> str:
    """Keep estimates; the hash of their manifest, which identifies their content.

    Runs that are stored already are not written again.

    Parameters
    ----------
    names
        (runs,) name of each run.
    made_from
        JSON that names the settings, the dataset and the version of every upload that was read; kept with the
        estimates.
    """
    runs = {
        name: {_PART: run.stored or _write_run(run, objects)}
        for name, run in zip(names, estimates.runs, strict=True)
    }
    meta = {
        "fingerprint": estimates.fingerprint,
        "made_from": made_from,
        "factors": estimates.pairs,
        "stage": estimates.stage.tolist(),
        "dictionary": estimates.dictionary.to_json(),
        "fewer_factors": {
            name: run.pairs
            for name, run in zip(names, estimates.runs, strict=True)
            if run.pairs != estimates.pairs
        },
    }
    return write_manifest(objects, Manifest(ESTIMATES, meta, runs))


def _write_run(run: EstimatesRun, objects: Objects) -> PackRef:
    arrays = {**run.by_factor, **run.by_date}
    arrays["dates"] = np.array(run.dates, "datetime64[D]")
    arrays["content_hashes"] = run.content_hashes
    arrays |= {f"row.{k}": values for k, values in enumerate(run.by_row)}
    return write_pack(objects, arrays)


def load(objects: Objects, content: str) -> Estimates:
    """Read stored estimates; values by row are mapped when they are read.

    Raises
    ------
    StorageError
        A part is missing or damaged, or of a newer release.
    """
    manifest = read_manifest(objects, content)
    meta, pairs = manifest.meta, _pairs(manifest.meta["factors"])
    runs = [
        _read_run(objects, parts[_PART], _pairs(meta["fewer_factors"].get(name, pairs)))
        for name, parts in manifest.runs.items()
    ]
    return Estimates(
        fingerprint=meta["fingerprint"],
        pairs=pairs,
        stage=np.array(meta["stage"], np.int64),
        runs=tuple(runs),
        dictionary=Dictionary.from_json(meta["dictionary"]),
    )


def _pairs(value: Any) -> Pairs:
    return tuple((group, factor) for group, factor in value)


def _read_run(objects: Objects, ref: PackRef, pairs: Pairs) -> EstimatesRun:
    pack = Pack(objects, ref)
    return EstimatesRun(
        pairs=pairs,
        dates=tuple(pack["dates"].tolist()),
        by_factor={name: pack[name] for name in BLANK},
        by_date={name: pack[name] for name in BY_DATE},
        by_row=_Lazily([partial(pack.__getitem__, name) for name in pack if name.startswith("row.")]),
        content_hashes=pack["content_hashes"],
        stored=ref,
    )


class _Lazily(Sequence[NDArray[Any]]):
    """Arrays that are read when they are first used."""

    def __init__(self, readers: Sequence[Callable[[], NDArray[Any]]]) -> None:
        self._readers = readers

    @overload
    def __getitem__(self, k: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[NDArray[Any]]: ...
    def __getitem__(self, k: int | slice) -> NDArray[Any] | Sequence[NDArray[Any]]:
        return self._readers[k]() if isinstance(k, int) else [read() for read in self._readers[k]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (read() for read in self._readers)

    def __len__(self) -> int:
        return len(self._readers)
