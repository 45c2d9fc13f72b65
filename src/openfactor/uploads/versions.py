"""From read tables to the next version of an upload."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from openfactor.context import Context
from openfactor.errors import ConflictError
from openfactor.uploads.repeats import repeats
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.counting import RowCounts, difference
from openfactor.uploads.storage.merging import Change, CommitMode, LeftOut, plan
from openfactor.uploads.storage.parts import Part, scan_parts
from openfactor.uploads.storage.stagingarea import StagedItem, StagingArea
from openfactor.uploads.storage.table import CommitConflictError, Table
from openfactor.uploads.validation import refuse

CONFLICT_SECONDS = 60.0
"""How long a commit tries again while others come first."""
NEWEST = 5
"""Files that are looked into one by one before all older ones are."""


@dataclass(frozen=True)
class Written:
    """The version after a commit, what happened to the rows, and what the user should know of it."""

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
        self, items: Sequence[StagedItem], mode: CommitMode, match: list[str] | None, remedy: str = ""
    ) -> Written:
        """Make the rows of the items the next version, unless there are faults.

        remedy : what the user can do about tables with faults

        Raises
        ------
        DataError: with every fault; nothing was stored. ConflictError: others kept committing.
        CancelledError: the request was cancelled; nothing was stored.
        """
        heading = f"cannot commit to the {self.data_type.name} upload {self.folder.name!r}"
        faults = [fault for item in items for fault in item.faults]
        refuse(heading, [*faults, *repeats(items, self.data_type)], remedy)
        parts = [part for item in items for part in item.parts]

        def change(table: Table, scratch: Path) -> Change:
            planned = plan(table.parts, parts, mode, match, self.data_type, scratch, self.context)
            if not planned:
                return planned
            if (mode == "overwrite" and not match) or table.is_empty or self.data_type.dated_by is None:
                after = scan_parts(planned.apply(table.parts()), self.data_type)
                refuse(heading, self.data_type.whole_faults(after), remedy)
            rows = scan_parts(parts, self.data_type)
            return replace(planned, doubts=self.data_type.doubts(rows, self._newest_first(table, planned)))

        version, done = self._write(change, mode if match is None else f"{mode} on {', '.join(match)}")
        return Written(version, done.counts, (*_warnings(done.left_out, match), *done.doubts))

    def _newest_first(self, table: Table, change: Change) -> Iterator[pl.LazyFrame]:
        """Rows after a change: of the newest files, one after the other; then of all others."""
        newest = sorted(change.apply(table.parts()), key=lambda part: str(part.low), reverse=True)
        for part in newest[:NEWEST]:
            yield scan_parts([part], self.data_type)
        if len(newest) > NEWEST:
            yield scan_parts(newest[NEWEST:], self.data_type)

    def restore(self, then: Table) -> Written:
        """Make the rows of an earlier version those of a new one; none is added if they are the latest."""

        def change(table: Table, scratch: Path) -> Change:
            before, now = (dict.fromkeys(t.parts()) for t in (then, table))
            add, remove = [p for p in before if p not in now], [p for p in now if p not in before]
            kept = RowCounts(rows_unchanged=_rows(p for p in before if p in now))
            return Change(add, remove, kept + difference(remove, add, self.data_type))

        version, done = self._write(change, f"restore {then.version}")
        return Written(version, done.counts)

    def _write(self, change_of: Callable[[Table, Path], Change], operation: str) -> tuple[int, Change]:
        """Plan and write, again from the start while others commit first; the version and what was done."""
        until = time.monotonic() + CONFLICT_SECONDS
        while True:
            with self.staging.scratch() as scratch:
                table = Table(self.folder, self.data_type)
                change = change_of(table, scratch)
                if not change:
                    return table.version, change
                try:
                    with self.context.step(f"writing {self.data_type.name} {self.folder.name!r}"):
                        return table.write(change, operation), change
                except CommitConflictError as error:
                    if time.monotonic() > until:
                        busy = f"others kept committing for {CONFLICT_SECONDS:.0f} s"
                        raise ConflictError(f"{self.folder.name!r} is busy: {busy}; try again") from error
            time.sleep(random.uniform(0, 0.05))


def _rows(parts: Iterable[Part]) -> int:
    return sum(part.rows for part in parts)


def _warnings(left_out: LeftOut, match: list[str] | None) -> tuple[str, ...]:
    """What `append` did not take, with what would take it."""
    found = []
    if left_out.changed:
        found.append(
            f"append left out {_counted(left_out.changed)} whose key is there with other values, so the "
            "stored values stand; commit with mode='upsert' to replace them. "
            f"First: {'; '.join(left_out.examples)}"
        )
    if left_out.new:
        found.append(
            f"append with match_columns={match} left out {_counted(left_out.new)} with new keys, because "
            f"their {', '.join(match or ())} is there already; append without match_columns to add them, or "
            f"overwrite with match_columns={match} to replace what is there"
        )
    return tuple(found)


def _counted(n: int) -> str:
    return f"{n:,} row{'s' * (n != 1)}"
