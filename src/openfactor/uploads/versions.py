"""From staged tables to the next version of an upload."""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from openfactor.context import Context
from openfactor.errors import ConflictError, StorageError
from openfactor.uploads.repeats import repeated_keys
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.damage import require_sound
from openfactor.uploads.storage.data_files import DataFile, fault_of, scan_files
from openfactor.uploads.storage.merging import Change, IgnoredRows, plan_change
from openfactor.uploads.storage.repair import CommitMode
from openfactor.uploads.storage.row_counts import RowCounts, count_changes
from openfactor.uploads.storage.staged_table import StagedTable
from openfactor.uploads.storage.staging_area import StagingArea
from openfactor.uploads.storage.table import CommitConflictError, VersionedTable
from openfactor.uploads.validation import refuse

CONFLICT_SECONDS = 60.0
"""How long a commit is tried again while others come first."""
NEWEST_FILES = 5
"""Files that `data_warnings` gets one by one, before all older ones together."""


@dataclass(frozen=True)
class Written:
    """The version after a commit, the counts of its rows, and warnings for the user."""

    version: int
    counts: RowCounts
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class VersionWriter:
    """Writes versions of the upload in `folder`."""

    folder: Path
    data_type: DataType
    staging: StagingArea
    context: Context

    def commit(
        self,
        tables: Sequence[StagedTable],
        mode: CommitMode,
        match: list[str] | None,
        remedy: str = "",
    ) -> Written:
        """Make the rows of the tables the next version, unless there are faults.

        Parameters
        ----------
        tables, mode, match
            What to commit, and how.
        remedy
            What the user can do about tables with faults.

        Raises
        ------
        DataError
            With every fault; nothing was stored.
        ConflictError
            Others kept committing.
        CancelledError
            The request was cancelled; nothing was stored.
        """
        heading = f"cannot commit to the {self.data_type.name} upload {self.folder.name!r}"
        faults = [fault for table in tables for fault in table.faults]
        refuse(heading, [*faults, *repeated_keys(tables, self.data_type)], remedy)
        incoming = [file for table in tables for file in table.files]

        def change(table: VersionedTable, scratch: Path) -> Change:
            planned = plan_change(table.files, incoming, mode, match, self.data_type, scratch, self.context)
            if not planned:
                return planned
            if (mode == "overwrite" and not match) or table.is_empty or self.data_type.dated_by is None:
                files = planned.apply(table.files())
                require_sound(files, self.data_type)
                after = scan_files(files, self.data_type)
                refuse(heading, self.data_type.table_faults(after), remedy)
            rows = scan_files(incoming, self.data_type)
            history = self._newest_first(table, planned)
            return replace(planned, warnings=self.data_type.data_warnings(rows, history))

        version, made = self._write(change, mode if match is None else f"{mode} on {', '.join(match)}")
        return Written(version, made.counts, (*_warnings(made.ignored, match), *made.warnings))

    def restore(self, earlier: VersionedTable) -> Written:
        """Make the rows of an earlier version the next one, unless they are the latest."""

        def change(table: VersionedTable, scratch: Path) -> Change:
            before, now = (dict.fromkeys(t.files()) for t in (earlier, table))
            require_sound(list(before), self.data_type)
            add = [file for file in before if file not in now]
            remove = [file for file in now if file not in before]
            kept = RowCounts(rows_unchanged=sum(file.n_rows for file in before if file in now))
            sound = [file for file in remove if fault_of(file) is None]
            return Change(add, remove, kept + count_changes(sound, add, self.data_type))

        try:
            version, made = self._write(change, f"restore {earlier.version}")
        except StorageError as error:
            raise earlier.gone() or error from error
        return Written(version, made.counts)

    def _newest_first(self, table: VersionedTable, change: Change) -> Iterator[pl.LazyFrame]:
        """Rows after a change: those of the newest files, one by one; then those of all others.

        They only serve warnings, so damaged files are left out.
        """
        removed = {file.path for file in change.remove}
        kept = (file for file in table.newest_first() if file.path not in removed)
        added = sorted(change.add, key=_first_day, reverse=True)
        files = (f for f in heapq.merge(added, kept, key=_first_day, reverse=True) if fault_of(f) is None)
        for file in itertools.islice(files, NEWEST_FILES):
            yield scan_files([file], self.data_type)
        rest = list(files)
        if rest:
            yield scan_files(rest, self.data_type)

    def _table(self, operation: str) -> VersionedTable:
        """The latest version; if the log is damaged, `overwrite` begins a new one."""
        try:
            return VersionedTable(self.folder, self.data_type)
        except StorageError:
            if operation != "overwrite":
                raise
            return VersionedTable.restarted(self.folder, self.data_type)

    def _write(self, plan: Callable[[VersionedTable, Path], Change], operation: str) -> tuple[int, Change]:
        """Plan and write a change, again from the start whenever others commit first; version and change."""
        deadline = time.monotonic() + CONFLICT_SECONDS
        while True:
            with self.staging.scratch() as scratch:
                try:
                    return self._attempt(plan, operation, scratch)
                except CommitConflictError as error:
                    if time.monotonic() > deadline:
                        busy = f"others kept committing for {CONFLICT_SECONDS:.0f} s"
                        raise ConflictError(f"{self.folder.name!r} is busy: {busy}; try again") from error
            time.sleep(random.uniform(0, 0.05))

    def _attempt(
        self, plan: Callable[[VersionedTable, Path], Change], operation: str, scratch: Path
    ) -> tuple[int, Change]:
        table = self._table(operation)
        try:
            change = plan(table, scratch)
        except (FileNotFoundError, StorageError) as error:
            if table.is_latest():
                raise
            raise CommitConflictError from error  # files go with their versions
        if not change:
            return table.version, change
        with self.context.step(f"writing {self.data_type.name} {self.folder.name!r}"):
            version = table.write(change, operation)
        self.context.log_of(f"{table.id}@{version}").info(
            "%s: version %d of the %s upload %r", operation, version, self.data_type.name, self.folder.name
        )
        return version, change


def _first_day(file: DataFile) -> str:
    return str(file.first_day)


def _warnings(ignored: IgnoredRows, match: list[str] | None) -> tuple[str, ...]:
    """What `append` ignored, and which commit would not have."""
    messages = []
    if ignored.changed:
        messages.append(
            f"append ignored {_counted(ignored.changed)} whose key is stored with other values; to replace "
            f"the stored values, commit with mode='upsert'. First: {'; '.join(ignored.examples)}"
        )
    if ignored.new:
        messages.append(
            f"append with match_columns={match} ignored {_counted(ignored.new)} with new keys, because their "
            f"{', '.join(match or ())} is stored already; append without match_columns to add them, or "
            f"overwrite with match_columns={match} to replace what is stored"
        )
    return tuple(messages)


def _counted(n: int) -> str:
    return f"{n:,} row{'s' * (n != 1)}"
