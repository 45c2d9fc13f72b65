"""A staged table: its files, what staging said of it, and the faults that keep it from being committed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from openfactor.errors import Fault
from openfactor.results import UploadStagingResult
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, fault_of, scan_files
from openfactor.uploads.storage.signed import read_signed, write_signed

RESULT = "result.json"
"""Name of the file that says what a folder of files is."""


@dataclass(frozen=True)
class StagedTable:
    """A staged table: its staging result, its files, and the faults that keep it from being committed."""

    result: UploadStagingResult
    files: tuple[DataFile, ...]
    faults: tuple[Fault, ...]

    @property
    def name(self) -> str:
        """Name in the staging area."""
        return self.result.name


@dataclass(frozen=True)
class StagedDamage:
    """A staged table that cannot be read."""

    path: Path
    """Its folder."""
    fault: str
    """What is wrong with it, to follow its name."""


def tables_by_path(tables: Iterable[StagedTable]) -> dict[str, str]:
    """Path of a file to the name of its table."""
    return {str(file.path): table.name for table in tables for file in table.files}


def scan_staged(
    files: Sequence[DataFile], names: Mapping[str, str], data_type: DataType, name_column: str
) -> pl.LazyFrame:
    """The rows of files, after a column with the name of their table.

    Parameters
    ----------
    files, data_type
        The files and their data type.
    names
        Path of a file to the name of its table.
    name_column
        Name of the first column.
    """
    rows = scan_files(files, data_type, path_column=name_column)
    # without files the path is empty
    name = pl.col(name_column).replace_strict(names, default="", return_dtype=pl.String)
    return rows.select(name, *data_type.schema)


def read_staged(folder: Path) -> StagedTable | StagedDamage | None:
    """The table in a folder, or what is wrong with it; None if there is no such folder."""
    try:
        table = _from_json(read_signed((folder / RESULT).read_bytes()), folder)
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        return StagedDamage(folder, f"cannot be read: {error}") if folder.exists() else None
    for file in table.files:
        fault = fault_of(file)
        if fault:
            return (
                StagedDamage(folder, f"has a file {file.path.name} that {fault}") if folder.exists() else None
            )
    return table


def staged_as_json(table: StagedTable) -> bytes:
    """The file that says what a folder of files is."""
    parts = [
        {
            "file": f.path.name, "rows": f.n_rows, "size": f.size, "crc": f.crc, "low": f.first_day,
            "high": f.last_day,
        }
        for f in table.files
    ]  # fmt: skip
    faults = [asdict(fault) for fault in table.faults]
    content = {"result": table.result.model_dump(mode="json"), "parts": parts, "faults": faults}
    return write_signed(content)


def _from_json(content: dict[str, Any], folder: Path) -> StagedTable:
    """The table whose files are in a folder; ValueError, KeyError or TypeError if that is not its content."""
    files = tuple(
        DataFile(
            folder / part["file"], part["rows"], part["size"], part.get("crc"), _date(part["low"]),
            _date(part["high"]),
        )
        for part in content["parts"]
    )  # fmt: skip
    faults = tuple(Fault(**{**fault, "examples": tuple(fault["examples"])}) for fault in content["faults"])
    return StagedTable(UploadStagingResult.model_validate(content["result"]), files, faults)


def _date(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
