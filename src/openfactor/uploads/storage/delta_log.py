"""The Delta log of a table: what it is configured to keep, its entries, and their damage."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from openfactor.errors import StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile

LOG = "_delta_log"
FORBIDDEN = "%[]\\^|\t\n\r\v\f"
"""Characters that deltalake cannot handle in the path of a table."""
_CONFIGURATION = {
    "delta.checkpointInterval": "50",  # entries that are read one by one when a table is opened
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}


class _DeltaTable(DeltaTable):
    """Names files as the file system does: deltalake gives URLs, in which polars looks for `%20`."""

    @property
    def table_uri(self) -> str:
        return unquote(super().table_uri)

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        return [unquote(uri) for uri in super().file_uris(*args, **options)]


def create_table(folder: Path, data_type: DataType) -> None:
    """Fill a new folder with version 0: the columns of the data type, and no rows."""
    write_deltalake(
        str(folder), data_type.empty(), mode="error", name=uuid.uuid4().hex, configuration=_CONFIGURATION
    )


def open_table(folder: Path, version: int | None = None) -> DeltaTable:
    """The table at a version, by default the latest.

    Raises
    ------
    StorageError
        Its log is damaged; the message names what is.
    """
    _check_entries(folder, whole=version is not None)
    try:
        return _DeltaTable(str(folder), version=version)
    except (DeltaError, OSError, ValueError) as error:
        raise damage(folder, error) from error


def add_action(path: Path, file: DataFile, data_type: DataType) -> AddAction:
    """The action that adds a data file, which is now at `path`."""
    return AddAction(
        path=path.name,
        size=file.size,
        partition_values={},
        modification_time=int(path.stat().st_mtime * 1000),
        data_change=True,
        stats=_statistics(file, data_type),
    )


def remove_action(file: DataFile) -> RemoveAction:
    """The action that removes a data file from the next version; the file itself stays."""
    return RemoveAction(
        path=file.path.name,
        data_change=True,
        deletion_timestamp=int(dt.datetime.now(dt.UTC).timestamp() * 1000),
        size=file.size,
        partition_values={},
    )


def delta_fields(data_type: DataType) -> list[Field]:
    """The columns of a data type in the types of Delta Lake."""
    return list(Schema.from_arrow(pl.Schema(data_type.schema)).fields)


def find_entry(folder: Path, names: Sequence[str], after: int) -> int | None:
    """The first version later than `after` whose entry has all the file names; None if there is none."""
    for version in itertools.count(after + 1):
        try:
            entry = entry_path(folder, version).read_text()
        except FileNotFoundError:
            return None
        if all(name in entry for name in names):
            return version
    raise AssertionError("a log has an end")


def entry_path(folder: Path, version: int) -> Path:
    """The file of a version in the log."""
    return folder / LOG / f"{version:020}.json"


def damage(folder: Path, what: object) -> StorageError:
    """The error about a damaged table."""
    return StorageError(f"the table in {folder} is damaged: {what}; restore the folder from a backup")


def _statistics(file: DataFile, data_type: DataType) -> str:
    statistics: dict[str, Any] = {"numRecords": file.n_rows}
    if data_type.dated_by:
        statistics["minValues"] = {data_type.dated_by: str(file.first_day)}
        statistics["maxValues"] = {data_type.dated_by: str(file.last_day)}
        statistics["nullCount"] = {data_type.dated_by: 0}
    return json.dumps(statistics)


def _check_entries(folder: Path, whole: bool) -> None:
    """Refuse a log with an empty entry, which Delta Lake takes for a commit that changed nothing.

    Parameters
    ----------
    folder
        Of the table.
    whole
        Check the whole log, not only what follows the last checkpoint.
    """
    log = folder / LOG
    first = 0
    if not whole:
        with suppress(OSError, ValueError, KeyError):  # no checkpoint yet
            first = int(json.loads((log / "_last_checkpoint").read_text())["version"]) + 1
    for version in itertools.count(first):
        path = entry_path(folder, version)
        try:
            size = os.stat(path).st_size
        except FileNotFoundError:
            return  # the end of the log; where it is not, the table cannot be opened
        except OSError as error:
            raise damage(folder, error) from error
        if size == 0:
            raise damage(folder, f"{LOG}/{path.name} is empty")
