"""Which files a commit adds and removes; all others stay untouched.

With K the key of the data type and M ⊆ K the columns to match, a slice is the set of rows that agree in M.
If the rows are dated by a column in M, only files that may share days with the commit are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from openfactor.context import Context, Step
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, scan_files, write_files
from openfactor.uploads.storage.repair import CommitMode, StoredFiles, replaced_damage
from openfactor.uploads.storage.row_counts import RowCounts, count_changes, rows_not_in

_EXAMPLES = 5
_STORED = "_stored"


@dataclass
class IgnoredRows:
    """Incoming rows that `append` ignored though they differ from the stored ones."""

    changed: int = 0
    """Rows whose key is stored with other values."""
    new: int = 0
    """Rows whose key is new, in a slice that has stored rows."""
    examples: list[str] = field(default_factory=list)
    """The first changed rows: key, stored values, given values."""


@dataclass(frozen=True)
class Change:
    """Files to add and to remove, and what that does to rows; false if there are no files of either."""

    add: list[DataFile]
    remove: list[DataFile]
    counts: RowCounts = field(default_factory=RowCounts)
    ignored: IgnoredRows = field(default_factory=IgnoredRows)
    warnings: Sequence[str] = ()
    """What is probably not meant about the rows."""

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)

    def apply(self, stored: Sequence[DataFile]) -> list[DataFile]:
        """The files after the change."""
        removed = {file.path for file in self.remove}
        return [file for file in stored if file.path not in removed] + self.add


def plan_change(
    stored: StoredFiles,
    incoming: Sequence[DataFile],
    mode: CommitMode,
    match: Sequence[str] | None,
    data_type: DataType,
    scratch: Path,
    context: Context,
) -> Change:
    """The change that a commit makes. Files with some of the rows of others are written to `scratch`.

    Raises
    ------
    CancelledError
        The request was cancelled.
    StorageError
        A stored file is damaged, and the commit does not replace all its rows.
    """
    with context.step(f"comparing {data_type.name} with stored rows", unit="files") as advance:
        broken = replaced_damage(stored, incoming, mode, match, data_type)
        sound = _without(stored, broken)
        merge = _Merge(sound, incoming, list(match or data_type.key), data_type, scratch, advance)
        if mode == "append":
            change = merge.append()
        elif mode == "upsert":
            change = merge.upsert()
        else:
            change = merge.replace_slices() if match else merge.replace_all()
        return replace(change, remove=[*broken, *change.remove]) if broken else change


def _without(stored: StoredFiles, files: Sequence[DataFile]) -> StoredFiles:
    """The stored files but for some."""
    paths = {file.path for file in files}
    if not paths:
        return stored
    return lambda sharing: [file for file in stored(sharing) if file.path not in paths]


@dataclass(frozen=True)
class _Merge:
    """One commit, whose rows are to become part of a table."""

    stored: StoredFiles
    incoming: Sequence[DataFile]
    match: list[str]
    data_type: DataType
    scratch: Path
    advance: Step
    """Called for each file that is compared."""

    def append(self) -> Change:
        """Add the rows of slices without stored rows."""
        add: list[DataFile] = []
        counts, ignored = RowCounts(), IgnoredRows()
        for file in self.incoming:
            self.advance()
            overlapping = self._overlapping([file])
            if not overlapping:
                add.append(file)
                counts += RowCounts(rows_added=file.n_rows)
                continue
            stored = self._scan(overlapping)
            lazy = self._scan([file]).join(stored, on=self.match, how="anti", nulls_equal=True)
            new = lazy.collect(engine="streaming")
            add += self._files_of(new, file)
            counts += self._compare_ignored(new, file, overlapping, ignored)
        return Change(add, [], counts, ignored)

    def _compare_ignored(
        self, new: pl.DataFrame, file: DataFile, overlapping: Sequence[DataFile], ignored: IgnoredRows
    ) -> RowCounts:
        """Counts of a file of which only the `new` rows are added; adds to `ignored` those that differ."""
        if len(new) == file.n_rows:
            return RowCounts(rows_added=len(new))
        key = self.data_type.key
        rows = self._scan([file]).collect()
        if len(new):
            rows = rows.join(new.select(key), on=key, how="anti", nulls_equal=True, maintain_order="left")
        stored = self._with_keys(overlapping, rows)
        different = rows_not_in(rows, stored)
        changed = different.join(stored, on=key, how="inner", nulls_equal=True, suffix=_STORED)
        ignored.changed += len(changed)
        ignored.new += len(different) - len(changed)
        room = _EXAMPLES - len(ignored.examples)
        ignored.examples += _differences(changed.sort(key).head(room), self.data_type)
        return RowCounts(
            rows_added=len(new), rows_unchanged=len(rows) - len(different), rows_ignored=len(different)
        )

    def replace_all(self) -> Change:
        """Replace all rows; nothing changes if the files have equal bytes."""
        stored = self.stored(None)
        counts = count_changes(stored, self.incoming, self.data_type)
        if Counter(f.content_hash for f in stored) == Counter(f.content_hash for f in self.incoming):
            return Change([], [], counts)
        return Change(list(self.incoming), stored, counts)

    def replace_slices(self) -> Change:
        """Replace all rows of the incoming slices."""
        slices = self._scan(self.incoming).select(self.match).unique().collect()
        change, replaced = self._remove_slices(slices, self.match)
        n_incoming = sum(file.n_rows for file in self.incoming)
        if not len(replaced):
            return Change([*change.add, *self.incoming], change.remove, RowCounts(rows_added=n_incoming))
        incoming, key = self._scan(self.incoming).collect(), self.data_type.key
        n_equal = n_incoming - len(rows_not_in(incoming, replaced))
        if n_equal == n_incoming == len(replaced):
            return Change([], [], RowCounts(rows_unchanged=n_equal))
        n_both = len(incoming.join(replaced, on=key, how="semi", nulls_equal=True))
        counts = RowCounts(
            rows_added=n_incoming - n_both,
            rows_replaced=n_both - n_equal,
            rows_unchanged=n_equal,
            rows_removed=len(replaced) - n_both,
        )
        return Change([*change.add, *self.incoming], change.remove, counts)

    def upsert(self) -> Change:
        """Add rows with new keys, and replace stored rows that have other values for the same key."""
        key = self.data_type.key
        add: list[DataFile] = []
        counts = RowCounts()
        changed_keys = [self.data_type.empty().select(key)]
        for file in self.incoming:
            self.advance()
            overlapping = self._overlapping([file])
            if not overlapping:
                add.append(file)
                counts += RowCounts(rows_added=file.n_rows)
                continue
            rows = self._scan([file]).collect()
            stored = self._with_keys(overlapping, rows)
            different = rows_not_in(rows, stored)
            changed_keys.append(different.select(key))
            add += self._files_of(different, file)
            n_equal = len(rows) - len(different)
            counts += RowCounts(len(rows) - len(stored), len(stored) - n_equal, n_equal)
        keys = pl.concat(changed_keys)
        if not len(keys):
            return Change(add, [], counts)
        change, _ = self._remove_slices(keys, key)
        return Change([*add, *change.add], change.remove, counts)

    def _scan(self, files: Sequence[DataFile]) -> pl.LazyFrame:
        return scan_files(files, self.data_type)

    def _with_keys(self, files: Sequence[DataFile], rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of files that have the key of one of `rows`."""
        key = self.data_type.key
        matching = self._scan(files).join(rows.lazy().select(key), on=key, how="semi", nulls_equal=True)
        return matching.collect(engine="streaming")

    def _overlapping(self, files: Sequence[DataFile]) -> list[DataFile]:
        """Stored files that may have rows in the slices of the files."""
        return self.stored(files if self.data_type.dated_by in self.match else None)

    def _files_of(self, rows: pl.DataFrame, file: DataFile) -> list[DataFile]:
        """Files of some rows of a file: the file itself if these are all its rows."""
        return [file] if len(rows) == file.n_rows else write_files(rows, self.scratch, self.data_type)

    def _remove_slices(self, slices: pl.DataFrame, on: list[str]) -> tuple[Change, pl.DataFrame]:
        """The change that removes the rows of slices from the stored files, and the removed rows."""
        removed = [self.data_type.empty()]
        change = Change([], [])
        for file in self._overlapping(self.incoming):
            self.advance()
            rows = self._scan([file]).collect()
            matching = rows.join(slices, on=on, how="semi", nulls_equal=True)
            if len(matching):
                removed.append(matching)
                kept = rows.join(slices, on=on, how="anti", nulls_equal=True)
                change.remove.append(file)
                change.add.extend(write_files(kept, self.scratch, self.data_type))
        return change, pl.concat(removed)


def _differences(changed: pl.DataFrame, data_type: DataType) -> list[str]:
    """Key and differing values of each row; the stored values are in columns named `..._stored`."""
    values = [name for name in data_type.schema if name not in data_type.key]
    return [
        f"{', '.join(f'{name} {row[name]}' for name in data_type.key)}: "
        + ", ".join(
            f"{name} {row[name + _STORED]} is stored, {row[name]} was given"
            for name in values
            if str(row[name + _STORED]) != str(row[name])
        )
        for row in changed.to_dicts()
    ]
