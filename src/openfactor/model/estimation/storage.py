"""Estimates on disk: NumPy arrays, those by row mapped into memory, and one JSON file.

factor_returns.npy, ...   (T, K) and (S, T) arrays
days.npy                  trading days
content_hashes.npy        one hash per stored day of the dataset
rows.<number>.npy         (arrays, rows) values beside the panel's rows, in pieces that follow each other
covered.<number>.npy      (1, rows) trading days that the returns of each piece cover
estimates.json            names, and where each piece begins
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from openfactor.dataset.storage import map_rows, save_rows
from openfactor.errors import StorageError
from openfactor.folders import write_whole
from openfactor.model.estimation.estimates import BY_DATE, BY_FACTOR, Estimates, Piece, RowValues

MOST_PIECES = 60
"""With more, they are written as one."""
_COVERED = 2
"""Place of `covered` among the arrays of a piece."""


def save(estimates: Estimates, folder: Path, made_from: Mapping[str, Any]) -> Estimates:
    """Write to `folder`, which appears complete or not at all; an existing one stays as it is.

    Files of pieces that are stored already are linked, not written again.

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
    for name in (*BY_FACTOR, *BY_DATE):
        np.save(folder / f"{name}.npy", getattr(estimates, name))
    np.save(folder / "days.npy", np.array(estimates.dates, "datetime64[D]"))
    np.save(folder / "content_hashes.npy", estimates.content_hashes)
    rows = estimates.rows
    pieces = rows.pieces if len(rows.pieces) <= MOST_PIECES else (Piece(0, rows.whole),)
    for number, piece in enumerate(pieces):
        _write_piece(piece, folder / f"rows.{number}.npy")
    meta = {
        "fingerprint": estimates.fingerprint,
        "made_from": made_from,
        "factors": estimates.pairs,
        "stage": estimates.stage.tolist(),
        "dictionary_hash": estimates.dictionary_hash,
        "n_rows": rows.n_rows,
        "pieces": [[piece.first, piece.n_rows] for piece in pieces],
    }
    (folder / "estimates.json").write_text(json.dumps(meta, indent=1))


def _write_piece(piece: Piece, path: Path) -> None:
    if not _link(piece, path):
        values = [array for k, array in enumerate(piece.arrays) if k != _COVERED]
        save_rows(path, values, piece.n_rows, "float64")
        save_rows(_beside(path), piece.arrays[_COVERED : _COVERED + 1], piece.n_rows, "int32")


def _beside(path: Path) -> Path:
    """The file of `covered` that belongs to a file of the other values."""
    return path.with_name(path.name.replace("rows.", "covered."))


def _link(piece: Piece, path: Path) -> bool:
    """Link `path` to the file of a piece, and the file of its `covered` too; whether both could be linked,
    which needs the files and a disk with links.
    """
    if piece.file is None:
        return False
    try:
        os.link(_beside(piece.file), _beside(path))
        os.link(piece.file, path)
    except OSError:
        _beside(path).unlink(missing_ok=True)
        return False
    return True


def linked(estimates: Estimates, folder: Path) -> Estimates:
    """The same estimates, the files of their pieces linked into `folder`, which exists."""
    pieces = []
    for number, piece in enumerate(estimates.rows.pieces):
        file = folder / f"rows.{number}.npy"
        pieces.append(replace(piece, file=file if _link(piece, file) else None))
    return replace(estimates, rows=RowValues(estimates.rows.n_rows, tuple(pieces)))


def load(folder: Path) -> Estimates:
    """Read stored estimates.

    Raises
    ------
    StorageError
        A file is missing or damaged.
    """
    try:
        meta = json.loads((folder / "estimates.json").read_text())
        arrays = {name: np.load(folder / f"{name}.npy") for name in (*BY_FACTOR, *BY_DATE)}
        days, hashes = np.load(folder / "days.npy"), np.load(folder / "content_hashes.npy")
        pieces = [
            _read_piece(folder / f"rows.{number}.npy", first, n_rows)
            for number, (first, n_rows) in enumerate(meta["pieces"])
        ]
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise StorageError(
            f"the estimates in {folder} cannot be read ({error}); delete the folder"
        ) from error
    return Estimates(
        fingerprint=meta["fingerprint"],
        dates=tuple(days.tolist()),
        pairs=tuple((group, factor) for group, factor in meta["factors"]),
        stage=np.array(meta["stage"], np.int64),
        **arrays,
        rows=RowValues(meta["n_rows"], tuple(pieces)),
        content_hashes=hashes,
        dictionary_hash=meta["dictionary_hash"],
    )


def _read_piece(path: Path, first: int, n_rows: int) -> Piece:
    """The files may have more rows than belong to the piece."""
    values = [*map_rows(path)]
    values[_COVERED:_COVERED] = [*map_rows(_beside(path))]
    return Piece(first, tuple(array[:n_rows] for array in values), path)
