"""One versioned table: a Delta Lake table whose files are registered as they are.

Version 0 is the empty table; every commit adds one. A commit is one file of the log that appears whole, so
readers see the version before or the version after. Files of rows are linked into the table before and are
never changed or deleted, hence a version once readable stays readable. Both are flushed to the disk before a
commit is reported.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from openfactor.errors import StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.merging import Change
from openfactor.uploads.storage.parts import Part, clusters

LOG = "_delta_log"
FORBIDDEN = "%[]\\^|\t\n\r\v\f"
"""Characters that deltalake does not find again in the path of a table."""
_FILES = {
    "path": pl.String, "size_bytes": pl.Int64, "num_records": pl.Int64, "low": pl.Date, "high": pl.Date,
}  # fmt: skip
_APPLICATION = "openfactor"
_CONFIGURATION = {
    "delta.checkpointInterval": "50",  # entries of the log that are read one by one when a table is opened
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


class CommitConflictError(Exception):
    """Another commit came first; plan again on the version after it."""


def create(folder: Path, data_type: DataType) -> None:
    """Fill a new folder with version 0, which has the columns and no rows."""
    write_deltalake(
        str(folder), data_type.empty(), mode="error", name=uuid.uuid4().hex, configuration=_CONFIGURATION
    )


class Table:
    """A table at the version that was the latest when it was opened.

    Raises
    ------
    StorageError: its log or its files are damaged; the message names what is.
    """

    def __init__(self, folder: Path, data_type: DataType, version: int | None = None) -> None:
        self._folder = folder
        self._data_type = data_type
        _check_log(folder, whole=version is not None)
        try:
            self._delta = _DeltaTable(str(folder), version=version)
        except (DeltaError, OSError, ValueError) as error:
            raise _damaged(folder, error) from error
        self.version: int = self._delta.version()

    @property
    def id(self) -> str:
        """Of the table, whatever its name: one that replaces it has another."""
        return str(self._delta.metadata().id)

    @property
    def identity(self) -> str:
        """Names the rows of this version for ever: the table's own id and the version."""
        return f"{self.id}@{self.version}"

    @property
    def is_empty(self) -> bool:
        """There are no rows."""
        return not len(self._files)

    @cached_property
    def _files(self) -> pl.DataFrame:
        """Path, size_bytes, num_records and, where rows are dated, low and high of each file."""
        day = self._data_type.dated_by
        files = pl.DataFrame(self._delta.get_add_actions(flatten=True))
        if not len(files):
            return pl.DataFrame(schema=_FILES)
        days = [
            (pl.col(f"{end}.{day}").cast(pl.Date) if day else pl.lit(None, pl.Date)).alias(name)
            for name, end in (("low", "min"), ("high", "max"))
        ]
        return files.select("path", "size_bytes", "num_records", *days)

    def parts(self, sharing_days_with: Sequence[Part] | None = None) -> list[Part]:
        """The files of this version, or those that may have rows of the same days as others.

        Each is there with the size that it was written with.
        """
        files = self._files
        if sharing_days_with is not None and self._data_type.dated_by:
            files = files.filter(_may_share(sharing_days_with))
        self._check_files(files)
        return [
            Part(self._folder / path, rows, size, low, high) for path, size, rows, low, high in files.rows()
        ]

    def _check_files(self, files: pl.DataFrame) -> None:
        for name, size in files.select("path", "size_bytes").rows():
            try:
                found = os.stat(f"{self._folder}/{name}").st_size
            except OSError as error:
                raise _damaged(self._folder, error) from error
            if found != size:
                raise _damaged(self._folder, f"{name} has {found:,} bytes, not {size:,}")

    def scan(self) -> pl.LazyFrame:
        """The rows; columns that the data type got later are empty."""
        self._check_files(self._files)  # damage is found now, not when rows are read
        rows = pl.scan_delta(self._delta)
        stored = rows.collect_schema().names()
        new = [
            pl.lit(None, dtype).alias(name)
            for name, dtype in self._data_type.schema.items()
            if name not in stored
        ]
        known = [name for name in stored if name not in self._data_type.schema]
        return rows.with_columns(new).select(*self._data_type.schema, *known)

    def history(self, limit: int | None = None) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending; or the last `limit` of them."""
        try:
            entries = self._delta.history(limit)
        except (DeltaError, OSError, ValueError) as error:
            raise _damaged(self._folder, error) from error
        return {
            int(entry["version"]): dt.datetime.fromtimestamp(entry["timestamp"] / 1000, tz=dt.UTC)
            for entry in reversed(entries)
        }

    def write(self, change: Change, operation: str) -> int:
        """Make the change the next version; its number.

        Raises
        ------
        CommitConflictError: another commit came first; nothing has changed.
        StorageError: the disk refuses; nothing has changed.
        """
        made: list[Path] = []
        base = self.version
        try:
            base = self._widen()
            added = [self._add_action(part, made) for part in change.add]
            _flush(self._folder)
            self._delta.create_write_transaction(
                [*added, *(_removal(part) for part in change.remove)],
                mode="append",  # says nothing here: the actions are the commit
                schema=self._delta.schema(),
                commit_properties=CommitProperties(
                    custom_metadata={"openfactor": operation},
                    # two commits with a transaction of one application exclude each other
                    app_transactions=[Transaction(_APPLICATION, self.version)],
                ),
            )
        except (OSError, DeltaError) as error:
            landed = self._landed([*(path.name for path in made), *_names(change.remove)], base)
            if landed is not None:  # what failed came after the commit
                return landed
            for path in made:
                path.unlink(missing_ok=True)
            if isinstance(error, CommitFailedError):
                raise CommitConflictError from error
            raise StorageError(f"cannot write {self._folder}: {error}; nothing was stored") from error
        try:
            _flush(self._folder / LOG / f"{base + 1:020}.json")
            _flush(self._folder / LOG)
        except OSError as error:
            raise StorageError(
                f"version {base + 1} of {self._folder} is written, but the disk does not confirm it "
                f"({error}); a loss of power may take it back"
            ) from error
        return base + 1

    def _widen(self) -> int:
        """Add the columns that the data type got since, as a version with the same rows; the version."""
        stored = {field.name for field in self._delta.schema().fields}
        new = [field for field in _delta_fields(self._data_type) if field.name not in stored]
        if new:
            self._delta.alter.add_columns(new)
            self._delta.update_incremental()
        return self._delta.version()

    def _add_action(self, part: Part, made: list[Path]) -> AddAction:
        """The action that adds a part. A file from outside the table gets a unique name: two commits of one
        staged table must not share a file that one of them may remove."""
        target = part.path
        if part.path.parent != self._folder:  # not a file of an earlier version
            target = self._folder / f"{part.digest}-{uuid.uuid4().hex}{part.path.suffix}"
            made.append(target)
            try:
                os.link(part.path, target)
            except OSError:  # the file system has no links
                shutil.copyfile(part.path, target)
            _flush(target)
        return AddAction(
            path=target.name,
            size=part.size,
            partition_values={},
            modification_time=int(target.stat().st_mtime * 1000),
            data_change=True,
            stats=_statistics(part, self._data_type),
        )

    def _landed(self, names: Sequence[str], base: int) -> int | None:
        """The version of a commit of these files that reported an error and is in the log all the same."""
        for version in itertools.count(base + 1):
            try:
                entry = (self._folder / LOG / f"{version:020}.json").read_text()
            except FileNotFoundError:
                return None
            if all(name in entry for name in names):
                return version
        raise AssertionError("a log has an end")


def _flush(path: Path) -> None:
    """Flush a file or a folder to disk, so that it survives a loss of power."""
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _names(parts: Iterable[Part]) -> list[str]:
    return [part.path.name for part in parts]


def _may_share(parts: Sequence[Part]) -> pl.Expr:
    """Whether a file may have a day in common with one of the parts."""
    groups = clusters(part for part in parts if part.low and part.high)
    if not groups:
        return pl.lit(False)
    lows = pl.lit(pl.Series([group[0].low for group in groups], dtype=pl.Date))
    highs = pl.lit(pl.Series([max(p.high for p in group if p.high) for group in groups], dtype=pl.Date))
    # of the groups that do not end before the file's first day, the first must begin by its last
    at = highs.search_sorted(pl.col("low"), side="left")
    return (at < len(groups)) & (lows.gather(at.clip(0, len(groups) - 1)) <= pl.col("high"))


def _statistics(part: Part, data_type: DataType) -> str:
    statistics: dict[str, Any] = {"numRecords": part.rows}
    if data_type.dated_by:
        statistics["minValues"] = {data_type.dated_by: str(part.low)}
        statistics["maxValues"] = {data_type.dated_by: str(part.high)}
        statistics["nullCount"] = {data_type.dated_by: 0}
    return json.dumps(statistics)


def _delta_fields(data_type: DataType) -> list[Field]:
    return list(Schema.from_arrow(pl.Schema(data_type.schema)).fields)


def _removal(part: Part) -> RemoveAction:
    return RemoveAction(
        path=part.path.name,
        data_change=True,
        deletion_timestamp=int(dt.datetime.now(dt.UTC).timestamp() * 1000),
        size=part.size,
        partition_values={},
    )


def _check_log(folder: Path, whole: bool) -> None:
    """Delta Lake takes an empty file of the log for a commit that changed nothing.

    whole : look at all of the log, not only at what follows the last checkpoint
    """
    log = folder / LOG
    first = 0
    if not whole:
        with suppress(OSError, ValueError, KeyError):  # there is none yet
            first = int(json.loads((log / "_last_checkpoint").read_text())["version"]) + 1
    for version in itertools.count(first):
        name = f"{version:020}.json"
        try:
            size = os.stat(f"{log}/{name}").st_size
        except FileNotFoundError:
            return  # the end of the log; where it is not, the table cannot be opened
        except OSError as error:
            raise _damaged(folder, error) from error
        if size == 0:
            raise _damaged(folder, f"{LOG}/{name} is empty")


def _damaged(folder: Path, what: object) -> StorageError:
    return StorageError(f"the table in {folder} is damaged: {what}; restore the folder from a backup")
