"""One versioned table: a Delta Lake table whose files are registered as they are.

Version 0 is the empty table; every commit adds a version. A commit is one entry of the log that appears
whole, so readers see the version before or the version after. Data files are linked into the table before
that and never change or go, so a version once readable stays readable. Files and entry are flushed to disk
before a commit is reported.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from openfactor.errors import StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, clusters, scan_files
from openfactor.uploads.storage.delta_log import (
    LOG,
    add_action,
    damage,
    delta_fields,
    entry_path,
    find_entry,
    open_table,
    remove_action,
)
from openfactor.uploads.storage.merging import Change

_FILE_SCHEMA = {
    "path": pl.String, "n_rows": pl.Int64, "size": pl.Int64, "first_day": pl.Date, "last_day": pl.Date,
}  # fmt: skip
_CONTENT_HASH = pl.col("path").str.split("-").list.first().alias("hash")
_APPLICATION = "openfactor"


class CommitConflictError(Exception):
    """Another commit came first; plan again on the version after it."""


@dataclass(frozen=True)
class FileChanges:
    """How the files of two versions differ."""

    first_day: dt.date | None
    last_day: dt.date | None
    """Days outside of these have the same rows in both; None if rows are not dated."""
    added: list[DataFile]
    """Files of the later version alone."""
    removed: list[DataFile]
    """Files of the earlier version alone."""


class VersionedTable:
    """A table at one version, by default the latest when it is opened.

    Raises
    ------
    StorageError
        Its log or its files are damaged; the message names what is.
    """

    def __init__(self, folder: Path, data_type: DataType, version: int | None = None) -> None:
        self._folder = folder
        self._data_type = data_type
        self._delta = open_table(folder, version)
        self.version: int = self._delta.version()

    @property
    def id(self) -> str:
        """Identifies the table, whatever its name: one that replaces it has another id."""
        return str(self._delta.metadata().id)

    @property
    def content_id(self) -> str:
        """Identifies the rows of this version for ever: the id of the table and the version."""
        return f"{self.id}@{self.version}"

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows."""
        return self._files.is_empty()

    @cached_property
    def _files(self) -> pl.DataFrame:
        """The data files, in the columns of `_FILE_SCHEMA`; days are null if rows are not dated."""
        day = self._data_type.dated_by
        actions = pl.DataFrame(self._delta.get_add_actions(flatten=True))
        if actions.is_empty():
            return pl.DataFrame(schema=_FILE_SCHEMA)
        days = [
            (pl.col(f"{bound}.{day}").cast(pl.Date) if day else pl.lit(None, pl.Date)).alias(name)
            for name, bound in (("first_day", "min"), ("last_day", "max"))
        ]
        return actions.select(
            "path", pl.col("num_records").alias("n_rows"), pl.col("size_bytes").alias("size"), *days
        )

    def files(self, sharing_days_with: Sequence[DataFile] | None = None) -> list[DataFile]:
        """The files of this version, or those that may have rows of the same days as other files.

        Each exists, with the size with which it was written.
        """
        files = self._files
        if sharing_days_with is not None and self._data_type.dated_by:
            files = files.filter(_may_share_days(sharing_days_with))
        self._check_sizes(files)
        return self._as_files(files)

    def _as_files(self, files: pl.DataFrame) -> list[DataFile]:
        return [DataFile(self._folder / path, *fields) for path, *fields in files.rows()]

    def _check_sizes(self, files: pl.DataFrame) -> None:
        for name, size in files.select("path", "size").rows():
            try:
                actual = os.stat(f"{self._folder}/{name}").st_size
            except OSError as error:
                raise damage(self._folder, error) from error
            if actual != size:
                raise damage(self._folder, f"{name} has {actual:,} bytes, not {size:,}")

    def scan(self, first: dt.date | None = None, last: dt.date | None = None) -> pl.LazyFrame:
        """The rows of some days; columns that the data type got later are empty.

        Parameters
        ----------
        first, last
            The first and the last day, included; None for no bound. Files without such days are not opened.
            Rows that are not dated are all given.
        """
        files, day = self._files, self._data_type.dated_by
        if day and first is not None:
            files = files.filter(pl.col("last_day") >= first)
        if day and last is not None:
            files = files.filter(pl.col("first_day") <= last)
        self._check_sizes(files)  # damage is reported now, not when rows are read
        stored = pl.Schema(self._delta.schema())
        rows = scan_files(self._as_files(files), self._data_type, unknown=stored)
        if day and (first or last):
            rows = rows.filter(pl.col(day).is_between(first or dt.date.min, last or dt.date.max))
        return rows

    def changed_since(self, earlier: VersionedTable) -> FileChanges | None:
        """What changed from another version of the table to this one; None if they have the same rows.

        Only the lists of files are compared. A file with some changed rows counts with all its days.
        """
        before, now = (table._files.with_columns(_CONTENT_HASH) for table in (earlier, self))
        added, removed = now.join(before, on="hash", how="anti"), before.join(now, on="hash", how="anti")
        if added.is_empty() and removed.is_empty():
            return None
        days = pl.concat([added, removed])
        return FileChanges(
            days.select(pl.col("first_day").min()).item(),
            days.select(pl.col("last_day").max()).item(),
            self._as_files(added.drop("hash")),
            self._as_files(removed.drop("hash")),
        )

    def history(self, limit: int | None = None) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending; or the last `limit` of them."""
        try:
            entries = self._delta.history(limit)
        except (DeltaError, OSError, ValueError) as error:
            raise damage(self._folder, error) from error
        return {
            int(entry["version"]): dt.datetime.fromtimestamp(entry["timestamp"] / 1000, tz=dt.UTC)
            for entry in reversed(entries)
        }

    def write(self, change: Change, operation: str) -> int:
        """Make the change the next version; its number.

        Raises
        ------
        CommitConflictError
            Another commit came first; nothing has changed.
        StorageError
            The disk refuses; nothing has changed, unless the message says otherwise.
        """
        linked: list[Path] = []
        base = self.version
        try:
            base = self._add_columns()
            self._commit(change, operation, linked)
        except (OSError, DeltaError) as error:
            names = [path.name for path in (*linked, *(file.path for file in change.remove))]
            landed = find_entry(self._folder, names, base)
            if landed is not None:  # what failed came after the commit
                return landed
            for path in linked:
                path.unlink(missing_ok=True)
            if isinstance(error, CommitFailedError):
                raise CommitConflictError from error
            raise StorageError(f"cannot write {self._folder}: {error}; nothing was stored") from error
        self._flush_entry(base + 1)
        return base + 1

    def _add_columns(self) -> int:
        """Add columns that the data type got since, as a version with the same rows; the latest version."""
        stored = {field.name for field in self._delta.schema().fields}
        new = [field for field in delta_fields(self._data_type) if field.name not in stored]
        if new:
            self._delta.alter.add_columns(new)
            self._delta.update_incremental()
        return self._delta.version()

    def _commit(self, change: Change, operation: str, linked: list[Path]) -> None:
        """Add the entry of a change to the log; appends to `linked` the files that are new in the folder."""
        added = [self._link(file, linked) for file in change.add]
        _flush(self._folder)
        self._delta.create_write_transaction(
            [*added, *(remove_action(file) for file in change.remove)],
            mode="append",  # has no meaning here: the actions are the commit
            schema=self._delta.schema(),
            commit_properties=CommitProperties(
                custom_metadata={"openfactor": operation},
                # two commits with a transaction of one application exclude each other
                app_transactions=[Transaction(_APPLICATION, self.version)],
            ),
        )

    def _link(self, file: DataFile, linked: list[Path]) -> AddAction:
        """The action that adds a file. A file from outside the table gets a unique name: two commits of one
        staged table must not share a file that one of them may remove.
        """
        target = file.path
        if file.path.parent != self._folder:  # not a file of an earlier version
            target = self._folder / f"{file.content_hash}-{uuid.uuid4().hex}{file.path.suffix}"
            linked.append(target)
            try:
                os.link(file.path, target)
            except OSError:  # the file system has no links
                shutil.copyfile(file.path, target)
            _flush(target)
        return add_action(target, file, self._data_type)

    def _flush_entry(self, version: int) -> None:
        try:
            _flush(entry_path(self._folder, version))
            _flush(self._folder / LOG)
        except OSError as error:
            raise StorageError(
                f"version {version} of {self._folder} is written, but the disk does not confirm it "
                f"({error}); a loss of power may undo it"
            ) from error


def _flush(path: Path) -> None:
    """Flush a file or a folder to disk, so that it survives a loss of power."""
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _may_share_days(files: Sequence[DataFile]) -> pl.Expr:
    """Whether a row of `_FILE_SCHEMA` may share a day with one of the files."""
    groups = clusters(file for file in files if file.first_day and file.last_day)
    if not groups:
        return pl.lit(False)
    firsts = pl.lit(pl.Series([group[0].first_day for group in groups], dtype=pl.Date))
    last_days = [max(file.last_day for file in group if file.last_day) for group in groups]
    lasts = pl.lit(pl.Series(last_days, dtype=pl.Date))
    # of the groups that do not end before the file's first day, the first must begin by its last day
    at = lasts.search_sorted(pl.col("first_day"), side="left")
    return (at < len(groups)) & (firsts.gather(at.clip(0, len(groups) - 1)) <= pl.col("last_day"))
