"""Estimates on disk: NumPy arrays for each run, mapped into memory, and one JSON file.

<run>.factor_returns.npy, ...   (t, K) and (S, t) arrays
<run>.dates.npy                 trading days
<run>.content_hashes.npy        one hash per stored day of the dataset
<run>.rows.npy                  (arrays, rows) values beside the panel's rows
<run>.covered.npy               (1, rows) trading days that the returns cover
estimates.json                  names
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from openfactor.dataset.dictionary import Dictionary
from openfactor.dataset.storage import map_rows, save_rows
from openfactor.errors import StorageError
from openfactor.folders import write_whole
from openfactor.model.estimation.estimates import BLANK, BY_DATE, Estimates, EstimatesRun, Pairs

_COVERED = 2
"""Place of `covered` among the arrays by row."""
_NAMES = (*BLANK, *BY_DATE, "dates", "content_hashes", "rows", "covered")


class _Place(NamedTuple):
    """Where a run is stored."""

    folder: Path
    number: int

    def file(self, name: str) -> Path:
        return self.folder / f"{self.number}.{name}.npy"


def save(estimates: Estimates, folder: Path, made_from: Mapping[str, Any]) -> Estimates:
    """Write to `folder`, which appears complete or not at all; an existing one stays as it is.

    Files of runs that are stored already are linked, not written again.

    Parameters
    ----------
    made_from
        JSON that names the settings, the dataset and the version of every upload that was read; kept with the
        estimates.

    Returns
    -------
    The estimates as stored, with values by row mapped into memory.
    """
    write_whole(folder, "the estimates", lambda part: _write(estimates, part, made_from))
    return load(folder)


def made_for(folder: Path) -> str | None:
    """Name of the dataset that stored estimates were made for; None if they cannot be read."""
    try:
        name = json.loads((folder / "estimates.json").read_text())["made_from"]["data"]["dataset"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return str(name)


def _write(estimates: Estimates, folder: Path, made_from: Mapping[str, Any]) -> None:
    for number, run in enumerate(estimates.runs):
        place = _Place(folder, number)
        if not _link(run, place):
            _write_run(run, place)
    meta = {
        "fingerprint": estimates.fingerprint,
        "made_from": made_from,
        "factors": estimates.pairs,
        "stage": estimates.stage.tolist(),
        "dictionary": estimates.dictionary.to_json(),
        "runs": [run.pairs for run in estimates.runs],
    }
    (folder / "estimates.json").write_text(json.dumps(meta, indent=1))


def _write_run(run: EstimatesRun, place: _Place) -> None:
    for name, array in {**run.by_factor, **run.by_date}.items():
        np.save(place.file(name), array)
    np.save(place.file("dates"), np.array(run.dates, "datetime64[D]"))
    np.save(place.file("content_hashes"), run.content_hashes)
    values = [array for k, array in enumerate(run.by_row) if k != _COVERED]
    save_rows(place.file("rows"), values, run.n_rows, "float64")
    save_rows(place.file("covered"), run.by_row[_COVERED : _COVERED + 1], run.n_rows, "int32")


def _link(run: EstimatesRun, place: _Place) -> bool:
    """Link the files of a run to a place; whether all could be linked, which needs the files and a disk with
    links.
    """
    if not isinstance(run.stored, _Place):
        return False
    try:
        for name in _NAMES:
            os.link(run.stored.file(name), place.file(name))
    except OSError:
        for name in _NAMES:
            place.file(name).unlink(missing_ok=True)
        return False
    return True


def linked(estimates: Estimates, folder: Path) -> Estimates:
    """The same estimates, the files of their runs linked into `folder`, which exists."""
    runs = []
    for number, run in enumerate(estimates.runs):
        place = _Place(folder, number)
        runs.append(replace(run, stored=place if _link(run, place) else None))
    return replace(estimates, runs=tuple(runs))


def load(folder: Path) -> Estimates:
    """Read stored estimates.

    Raises
    ------
    StorageError
        A file is missing or damaged.
    """
    try:
        meta = json.loads((folder / "estimates.json").read_text())
        runs = [_read_run(_Place(folder, number), pairs) for number, pairs in enumerate(meta["runs"])]
        return Estimates(
            fingerprint=meta["fingerprint"],
            pairs=_pairs(meta["factors"]),
            stage=np.array(meta["stage"], np.int64),
            runs=tuple(runs),
            dictionary=Dictionary.from_json(meta["dictionary"]),
        )
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise StorageError(
            f"the estimates in {folder} cannot be read ({error}); delete the folder"
        ) from error


def _pairs(value: Any) -> Pairs:
    return tuple((group, factor) for group, factor in value)


def _read_run(place: _Place, pairs: Any) -> EstimatesRun:
    by_row = [*map_rows(place.file("rows"))]
    by_row[_COVERED:_COVERED] = [*map_rows(place.file("covered"))]
    return EstimatesRun(
        pairs=_pairs(pairs),
        dates=tuple(np.load(place.file("dates")).tolist()),
        by_factor={name: np.load(place.file(name)) for name in BLANK},
        by_date={name: np.load(place.file(name)) for name in BY_DATE},
        by_row=tuple(by_row),
        content_hashes=np.load(place.file("content_hashes")),
        stored=place,
    )
