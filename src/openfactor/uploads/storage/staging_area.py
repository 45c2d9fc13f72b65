"""The staging area of an upload: tables that wait for a commit, one folder each, complete or absent."""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from openfactor.errors import ConflictError, Fault, StorageError
from openfactor.results import UploadStagingResult
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, scan_files

AREA = "_staging"
_RESULT = "result.json"


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


class StagingArea:
    """A folder in that of an upload. Each table appears and disappears by renaming its folder."""

    def __init__(self, upload: Path) -> None:
        self._upload = upload
        self._folder = upload / AREA

    def names(self) -> list[str]:
        """Names of the staged tables, sorted."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if not path.name.startswith("."))

    def get(self, names: Sequence[str] | None = None) -> list[StagedTable]:
        """The staged tables, or those of the names; names that are not staged are ignored."""
        tables = [self._read(name) for name in self.names() if names is None or name in names]
        return [table for table in tables if table is not None]

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A hidden folder to write in, removed at the end.

        Raises
        ------
        StorageError
            The disk refuses.
        """
        folder = self._folder / f".{uuid.uuid4().hex}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            raise StorageError(f"cannot write {self._upload}: {error}; nothing was stored") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def taken(self, names: Sequence[str]) -> list[str]:
        """The names that are taken; those of tables that failed to stage are not."""
        return [table.name for table in self.get(names) if table.result.success]

    def put(self, tables: Sequence[StagedTable], scratch: Path) -> None:
        """Move tables, whose files are in folders of their names in `scratch`, into the area.

        Raises
        ------
        ConflictError
            Another process staged the name meanwhile.
        """
        for table in tables:
            folder = scratch / table.name
            folder.mkdir(exist_ok=True)
            (folder / _RESULT).write_text(_as_json(table))
        for table in tables:
            self._hide(table.name, scratch)
            try:
                (scratch / table.name).rename(self._folder / table.name)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                raise ConflictError(f"{table.name!r} was staged by someone else; stage it again") from error

    def remove(self, tables: Sequence[StagedTable]) -> None:
        """Remove tables, unless they were staged again since."""
        with self.scratch() as scratch:
            for table in tables:
                if self.has([table]):
                    self._hide(table.name, scratch)

    def has(self, tables: Sequence[StagedTable]) -> bool:
        """Whether all tables are still staged: none was committed, wiped or replaced since."""
        staged = {table.name: table.result.timestamp for table in self.get([table.name for table in tables])}
        return all(staged.get(table.name) == table.result.timestamp for table in tables)

    def _hide(self, name: str, scratch: Path) -> None:
        with suppress(FileNotFoundError):
            (self._folder / name).rename(scratch / f"replaced-{uuid.uuid4().hex}")

    def _read(self, name: str) -> StagedTable | None:
        """The table; None if someone else removed it meanwhile."""
        folder = self._folder / name
        try:
            table = _from_json((folder / _RESULT).read_text(), folder)
            cut = [file.path.name for file in table.files if file.path.stat().st_size != file.size]
            if cut:
                raise OSError(f"{cut[0]} is cut short")
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            if not folder.exists():
                return None
            raise StorageError(
                f"the staged table in {folder} is damaged: {error}; delete that folder"
            ) from error
        return table


def _as_json(table: StagedTable) -> str:
    parts = [
        {"file": f.path.name, "rows": f.n_rows, "size": f.size, "low": f.first_day, "high": f.last_day}
        for f in table.files
    ]
    faults = [asdict(fault) for fault in table.faults]
    content = {"result": table.result.model_dump(mode="json"), "parts": parts, "faults": faults}
    return json.dumps(content, default=str)


def _from_json(text: str, folder: Path) -> StagedTable:
    """The table whose files are in a folder; ValueError, KeyError or TypeError if the text is damaged."""
    content: dict[str, Any] = json.loads(text)
    files = tuple(
        DataFile(folder / part["file"], part["rows"], part["size"], _date(part["low"]), _date(part["high"]))
        for part in content["parts"]
    )
    faults = tuple(Fault(**{**fault, "examples": tuple(fault["examples"])}) for fault in content["faults"])
    return StagedTable(UploadStagingResult.model_validate(content["result"]), files, faults)


def _date(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
