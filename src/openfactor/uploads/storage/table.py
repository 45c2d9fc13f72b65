"""One versioned table: a Delta Lake table whose files are registered as they are.

Version 0 is the empty table; every commit adds a version. A commit is one entry of the log that appears
whole, so readers see the version before or the version after. Data files are linked into the table before
that and never change, so a version once readable stays readable until it is removed. Files, folders and
entry are flushed to disk before a commit is reported.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.damage import deleted, removed, require_sound
from openfactor.uploads.storage.data_files import DataFile, may_share_days, scan_files
from openfactor.uploads.storage.disk import ReplacedError, flush, link_new, locked, make_folders, put_new
from openfactor.uploads.storage.entries import FILE_SCHEMA, Entry, Metadata, Row, write_entry
from openfactor.uploads.storage.file_changes import FileChanges
from openfactor.uploads.storage.listing import LOG, Listing, entry_path
from openfactor.uploads.storage.log import append, entries, latest_state, state_at
from openfactor.uploads.storage.merging import Change
from openfactor.uploads.storage.retention import removed_versions
from openfactor.uploads.storage.state import TableState

_CONTENT_HASH = pl.col("path").str.head(32).alias("hash")


class CommitConflictError(Exception):
    """Another commit came first; plan again on the version after it."""


def create_table(folder: Path, data_type: DataType) -> None:
    """Fill a new folder with version 0: the columns of the data type, and no rows."""
    make_folders(folder / LOG)
    entry = Entry(0, _now(), "create", metadata=Metadata(uuid.uuid4().hex, data_type.schema), parent="")
    put_new(entry_path(folder, 0), write_entry(entry, data_type.dated_by))


class VersionedTable:
    """A table at one version, by default the latest when it is opened.

    Raises
    ------
    StorageError
        Its log is damaged; the message names the file.
    NotFoundError
        There is no such table or version.
    """

    def __init__(self, folder: Path, data_type: DataType, version: int | None = None) -> None:
        self._folder = folder
        self._data_type = data_type
        self._restarts = False
        self._state = latest_state(folder) if version is None else state_at(folder, version)

    @classmethod
    def restarted(cls, folder: Path, data_type: DataType) -> VersionedTable:
        """A table whose log is damaged, as if it were empty: what is written to it needs no entry before."""
        table = cls.__new__(cls)
        table._folder, table._data_type, table._restarts = folder, data_type, True
        metadata = Metadata(uuid.uuid4().hex, data_type.schema)
        last = Listing.of(folder).entries[-1]
        table._state = TableState(last, metadata, pl.DataFrame(schema=FILE_SCHEMA), "", 0)
        return table

    @property
    def version(self) -> int:
        """Its number."""
        return self._state.version

    @property
    def id(self) -> str:
        """Identifies the table, whatever its name: one that replaces it has another id."""
        return self._state.metadata.id

    @property
    def content_id(self) -> str:
        """Identifies the rows: versions with the same files and columns have the same, in any table."""
        return self._state.content

    @property
    def committed_at(self) -> dt.datetime:
        """Time of the commit (UTC), which is not before that of an earlier version."""
        return _moment(self._state.time)

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows."""
        return self._state.files.is_empty()

    def files(self, sharing_days_with: Sequence[DataFile] | None = None) -> list[DataFile]:
        """The files of this version, or those that may have rows of the same days as other files.

        They are not checked.
        """
        if sharing_days_with is None or not self._data_type.dated_by:
            return self._as_files(self._state.files)
        days = [day for file in sharing_days_with for day in (file.first_day, file.last_day) if day]
        if not days:
            return []
        near = self._of_days(min(days), max(days))  # cheaply, as most files are of other days
        return self._as_files(near.filter(may_share_days(sharing_days_with)))

    def _of_days(self, first: dt.date | None, last: dt.date | None) -> pl.DataFrame:
        """The files that have days from one to another, both included; None for no bound."""
        files = self._state.files
        if not self._data_type.dated_by:
            return files
        if first is not None:
            files = files.filter(files["last_day"] >= first)
        return files if last is None else files.filter(files["first_day"] <= last)

    def newest_first(self) -> Iterator[DataFile]:
        """The files, the latest first day first."""
        order = self._state.files["first_day"].arg_sort(descending=True, nulls_last=True)
        for start in range(0, len(order), 16):
            yield from self._as_files(self._state.files[order[start : start + 16]])

    def _as_files(self, files: pl.DataFrame) -> list[DataFile]:
        return [DataFile(self._folder / path, *fields) for path, *fields in files.rows()]

    def scan(self, first: dt.date | None = None, last: dt.date | None = None) -> pl.LazyFrame:
        """The rows of some days; columns that the data type got later are empty.

        Parameters
        ----------
        first, last
            The first and the last day, included; None for no bound. Files without such days are not opened.
            Rows that are not dated are all given.

        Raises
        ------
        NotFoundError
            The version was removed.
        StorageError
            One of the files is damaged.
        """
        if self.version in removed_versions(self._folder):
            raise removed(self._folder, self.version)
        files, day = self._as_files(self._of_days(first, last)), self._data_type.dated_by
        try:
            require_sound(files, self._data_type)
        except StorageError as error:
            raise self.gone() or error from error
        rows = scan_files(files, self._data_type, unknown=self._state.metadata.schema)
        if day and (first or last):
            rows = rows.filter(pl.col(day).is_between(first or dt.date.min, last or dt.date.max))
        return rows

    def gone(self) -> NotFoundError | None:
        """Why files may be missing: the version was removed, or the table was deleted or replaced."""
        if self.version in removed_versions(self._folder):
            return removed(self._folder, self.version)
        try:
            is_there = latest_state(self._folder).metadata.id == self.id
        except NotFoundError:
            is_there = False
        except StorageError:
            is_there = True
        return None if is_there else deleted(self._folder)

    def changed_since(self, earlier: VersionedTable) -> FileChanges | None:
        """What changed from another version of the table to this one; None if they have the same rows.

        Only the lists of files are compared, also of versions that were removed. A file with some changed
        rows counts with all its days.
        """
        before, now = (table._state.files.with_columns(_CONTENT_HASH) for table in (earlier, self))
        added, gone = now.join(before, on="hash", how="anti"), before.join(now, on="hash", how="anti")
        if added.is_empty() and gone.is_empty():
            return None
        days = pl.concat([added, gone])
        return FileChanges(
            days.select(pl.col("first_day").min()).item(),
            days.select(pl.col("last_day").max()).item(),
            self._as_files(added.drop("hash")),
            self._as_files(gone.drop("hash")),
        )

    def history(self) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), both ascending; without versions that were removed.

        Where the clock went back between commits of earlier releases, the order of commits counts.
        """
        gone, latest = removed_versions(self._folder), 0
        times = {}
        for version, _, entry in entries(self._folder, self.version):
            latest = max(latest, entry.time if entry else 0)
            if version not in gone:
                times[version] = _moment(latest)
        return times

    def write(self, change: Change, operation: str) -> int:
        """Make the change the next version; its number.

        Raises
        ------
        CommitConflictError
            Another commit came first; nothing has changed.
        NotFoundError
            The table was deleted or replaced.
        StorageError
            The disk refuses; nothing has changed, unless the message says otherwise.
        """
        try:
            with locked(self._folder):
                if not self.is_latest():
                    raise CommitConflictError
                self._put(change, operation)
        except ReplacedError as error:
            raise deleted(self._folder) from error
        except OSError as error:
            raise StorageError(f"cannot write {self._folder}: {error}; nothing was stored") from error
        return self.version + 1

    def is_latest(self) -> bool:
        """Whether no commit has followed, and no other table has taken its place."""
        if self._restarts:
            return Listing.of(self._folder).entries[-1] == self.version
        return latest_state(self._folder).chain == self._state.chain

    def _put(self, change: Change, operation: str) -> None:
        """Link the files of a change into the folder, and append its entry to the log."""
        linked: list[Path] = []
        version = self.version + 1
        try:
            adds = [self._link(file, linked) for file in change.add]
            flush(self._folder)
            entry = Entry(
                version, max(_now(), self._state.time), operation, adds,
                [file.path.name for file in change.remove], self._new_metadata(), self._state.chain,
                self._restarts,
            )  # fmt: skip
            append(self._folder, self._state, entry, write_entry(entry, self._data_type.dated_by))
        except OSError as error:
            taken = isinstance(error, FileExistsError)
            if not taken and entry_path(self._folder, version).exists():
                raise StorageError(
                    f"version {version} of {self._folder} is written, but the disk does not confirm it "
                    f"({error}); a loss of power may undo it"
                ) from error
            for path in linked:
                path.unlink(missing_ok=True)
            if taken:
                raise CommitConflictError from error
            raise

    def _new_metadata(self) -> Metadata | None:
        """What the next entry says of the table; None for nothing new."""
        old = self._state.metadata
        new = Metadata(old.id, {**old.schema, **self._data_type.schema})
        return None if new == old and not self._restarts else new

    def _link(self, file: DataFile, linked: list[Path]) -> Row:
        """The row of a file that is added. One from outside of the table gets a unique name, which is
        appended to `linked`: two commits of one staged table never share a file that one may take back.
        """
        target = file.path
        if file.path.parent == self._folder:  # a file of an earlier version
            file.path.stat()
        else:
            target = self._folder / f"{file.content_hash}-{uuid.uuid4().hex}{file.path.suffix}"
            link_new(file.path, target)
            linked.append(target)
        return target.name, file.n_rows, file.size, file.crc, file.first_day, file.last_day


def _now() -> int:
    return time.time_ns() // 1_000_000


def _moment(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, tz=dt.UTC)
