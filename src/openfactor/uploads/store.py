"""Versioned tables on disk: one Delta Lake table an upload.

Version 0 is the empty table; every commit adds one. A commit is atomic: readers see the version before
or the version after.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from openfactor.errors import ConflictError, NotFoundError, SettingsError, StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.types import DATA_TYPES
from openfactor.uploads.validation import validate

CommitMode = Literal["append", "overwrite"]
COMMIT_MODES: Mapping[str, str] = {
    "append": "adds the rows whose key is not there yet; existing rows never change",
    "overwrite": "replaces everything",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def check_name(name: str) -> str:
    """The name, if it may name an upload or a dataset.

    Raises
    ------
    SettingsError: it does not start with a letter, or holds other than letters, digits, `_`, `-`, `.`.
    """
    if not _NAME.fullmatch(name) or len(name) > 128:
        raise SettingsError(
            f"{name!r} cannot be a name:",
            ["up to 128 letters, digits, '_', '-' and '.', starting with a letter"],
        )
    return name


class UploadStore:
    """All uploads below one folder: `<folder>/<data type>/<name>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self, data_type: str) -> list[str]:
        """Uploads of a data type, sorted."""
        folder = self._folder / _type(data_type).name
        return (
            sorted(p.name for p in folder.iterdir() if (p / "_delta_log").is_dir()) if folder.is_dir() else []
        )

    def create(self, data_type: str, name: str) -> None:
        """A new, empty upload at version 0.

        Raises
        ------
        ConflictError: the name is taken.
        """
        path = self._path(data_type, name)
        if self.exists(data_type, name):
            raise ConflictError(f"there is a {data_type} upload named {name!r} already")
        try:
            write_deltalake(str(path), _type(data_type).empty(), mode="error", name=uuid.uuid4().hex)
        except (OSError, DeltaError) as error:
            raise StorageError(f"cannot create {path}: {error}") from error

    def exists(self, data_type: str, name: str) -> bool:
        return (self._path(data_type, name) / "_delta_log").is_dir()

    def delete(self, data_type: str, name: str) -> None:
        """Remove an upload with all its versions. Gone from view at once, then from disk."""
        path = self._existing(data_type, name)
        doomed = path.parent / f".deleted-{uuid.uuid4().hex}"
        try:
            path.rename(doomed)
        except OSError as error:
            raise StorageError(f"cannot delete {path}: {error}") from error
        shutil.rmtree(doomed, ignore_errors=True)

    def commit(self, data_type: str, name: str, frame: pl.DataFrame, mode: CommitMode) -> int:
        """Validate and store; the new version.

        Raises
        ------
        DataError: with every fault; the upload is as it was.
        """
        kind = _type(data_type)
        path = self._existing(data_type, name)
        if mode not in COMMIT_MODES:
            raise SettingsError(
                f"unknown commit mode {mode!r}:", [f"{m}: {d}" for m, d in COMMIT_MODES.items()]
            )
        table = DeltaTable(str(path))
        whole = mode == "overwrite" or table.version() == 0
        rows = validate(frame, kind, whole=whole)
        if not whole:
            rows = _new_rows(rows, self.scan(data_type, name), kind)
        try:
            write_deltalake(table, rows, mode=mode)
        except (OSError, DeltaError) as error:
            raise StorageError(f"cannot write {path}: {error}") from error
        return DeltaTable(str(path)).version()

    def scan(self, data_type: str, name: str, version: int | None = None) -> pl.LazyFrame:
        """The rows of a version (default: the latest), read when collected.

        Raises
        ------
        NotFoundError: no such upload or version.
        """
        path = self._existing(data_type, name)
        latest = self.version(data_type, name)
        if version is not None and not 0 <= version <= latest:
            raise NotFoundError(f"{data_type} upload {name!r} has versions 0 to {latest}, not {version}")
        return pl.scan_delta(str(path), version=version)

    def version(self, data_type: str, name: str) -> int:
        """The latest version."""
        return DeltaTable(str(self._existing(data_type, name))).version()

    def identity(self, data_type: str, name: str) -> str:
        """Names the rows of the latest version for ever: the table's own id and its version."""
        table = DeltaTable(str(self._existing(data_type, name)))
        return f"{table.metadata().id}@{table.version()}"

    def history(self, data_type: str, name: str) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending."""
        table = DeltaTable(str(self._existing(data_type, name)))
        return {
            int(entry["version"]): dt.datetime.fromtimestamp(entry["timestamp"] / 1000, tz=dt.UTC)
            for entry in reversed(table.history())
        }

    def _path(self, data_type: str, name: str) -> Path:
        return self._folder / _type(data_type).name / check_name(name)

    def _existing(self, data_type: str, name: str) -> Path:
        path = self._path(data_type, name)
        if not (path / "_delta_log").is_dir():
            raise NotFoundError.of(f"{data_type} upload", name, self.names(data_type))
        return path


def _type(name: str) -> DataType:
    if name not in DATA_TYPES:
        raise NotFoundError.of("data type", name, list(DATA_TYPES))
    return DATA_TYPES[name]


def _new_rows(rows: pl.DataFrame, existing: pl.LazyFrame, kind: DataType) -> pl.DataFrame:
    """The rows whose key is not stored yet; of the history, only days from the first new one are read."""
    if "date" in kind.schema and len(rows):
        existing = existing.filter(pl.col("date") >= rows["date"].min())
    return rows.join(existing.select(kind.key).collect(), on=kind.key, how="anti")
