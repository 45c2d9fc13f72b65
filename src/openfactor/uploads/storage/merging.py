"""What a commit changes: which files of a table go and which come. Files that stay are not touched.

With K the key of the data type, M the columns to match (M ⊆ K), a slice is the set of all rows that agree in
M. Only files that may have rows of the same days are read, where M has the column that dates rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from openfactor.context import Context, Step
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.counting import RowCounts, difference, other_rows
from openfactor.uploads.storage.parts import Part, scan_parts, write_parts

Stored = Callable[[Sequence[Part] | None], list[Part]]
"""The files of a table: all of them, or those that may share days with others."""
CommitMode = Literal["append", "upsert", "overwrite"]
EXAMPLES = 5
_STORED = "_stored"


@dataclass
class LeftOut:
    """Rows that `append` did not take though they are not stored as they are."""

    changed: int = 0
    """Their key is stored with other values."""
    new: int = 0
    """Their key is not stored, but another row of their slice is."""
    examples: list[str] = field(default_factory=list)
    """The first of the changed ones: key, stored values, given values."""


@dataclass(frozen=True)
class Change:
    """Files to add and to remove, neither if a commit would change nothing; and what that does to rows."""

    add: list[Part]
    remove: list[Part]
    counts: RowCounts = field(default_factory=RowCounts)
    left_out: LeftOut = field(default_factory=LeftOut)
    doubts: Sequence[str] = ()
    """What is probably not meant about the rows."""

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)

    def apply(self, stored: Sequence[Part]) -> list[Part]:
        """The files after the change."""
        gone = {part.path for part in self.remove}
        return [part for part in stored if part.path not in gone] + self.add


def plan(
    stored: Stored,
    incoming: Sequence[Part],
    mode: CommitMode,
    match: Sequence[str] | None,
    data_type: DataType,
    scratch: Path,
    context: Context,
) -> Change:
    """How `incoming` changes what is stored; files that must be written anew are written to `scratch`.

    Raises
    ------
    CancelledError
        The request was cancelled.
    """
    with context.step(f"comparing {data_type.name} with stored rows", unit="files") as advance:
        merge = _Merge(stored, incoming, list(match or data_type.key), data_type, scratch, advance)
        if mode == "append":
            return merge.append()
        if mode == "upsert":
            return merge.upsert()
        return merge.replace_slices() if match else merge.replace_all()


@dataclass(frozen=True)
class _Merge:
    stored: Stored
    incoming: Sequence[Part]
    match: list[str]
    data_type: DataType
    scratch: Path
    advance: Step
    """Called for each file that is compared."""

    def append(self) -> Change:
        """Add the rows whose slice has no row yet."""
        add: list[Part] = []
        counts, left_out = RowCounts(), LeftOut()
        for part in self.incoming:
            self.advance()
            rivals = self._rivals([part])
            if not rivals:
                add.append(part)
                counts += RowCounts(rows_added=part.rows)
                continue
            lazy = self._scan([part]).join(self._scan(rivals), on=self.match, how="anti", nulls_equal=True)
            new = lazy.collect(engine="streaming")
            add += self._only(new, part)
            unchanged, ignored = self._leave_out(new, part, rivals, left_out)
            counts += RowCounts(len(new), rows_unchanged=unchanged, rows_ignored=ignored)
        return Change(add, [], counts, left_out)

    def _leave_out(
        self, new: pl.DataFrame, part: Part, rivals: Sequence[Part], left_out: LeftOut
    ) -> tuple[int, int]:
        """Look at the rows of a part that are not new: how many are stored as they are, how many not."""
        if len(new) == part.rows:
            return 0, 0
        key = self.data_type.key
        rows = self._scan([part]).collect()
        if len(new):
            rows = rows.join(new.select(key), on=key, how="anti", nulls_equal=True, maintain_order="left")
        stored = self._scan(rivals).join(rows.lazy().select(key), on=key, how="semi", nulls_equal=True)
        known = stored.collect(engine="streaming")
        other = other_rows(rows, known)
        changed = other.join(known, on=key, how="inner", nulls_equal=True, suffix=_STORED)
        left_out.changed += len(changed)
        left_out.new += len(other) - len(changed)
        room = EXAMPLES - len(left_out.examples)
        left_out.examples += _differences(changed.sort(key).head(room), self.data_type)
        return len(rows) - len(other), len(other)

    def replace_all(self) -> Change:
        """The incoming rows are all there is; files of equal bytes change nothing."""
        stored = self.stored(None)
        counts = difference(stored, self.incoming, self.data_type)
        if Counter(p.digest for p in stored) == Counter(p.digest for p in self.incoming):
            return Change([], [], counts)
        return Change(list(self.incoming), stored, counts)

    def replace_slices(self) -> Change:
        """The incoming rows are all there is of their slices."""
        slices = self._scan(self.incoming).select(self.match).unique().collect()
        change, replaced = self._take_out(slices, self.match)
        n_incoming = sum(part.rows for part in self.incoming)
        if not len(replaced):
            return Change([*change.add, *self.incoming], change.remove, RowCounts(rows_added=n_incoming))
        incoming, key = self._scan(self.incoming).collect(), self.data_type.key
        equal = n_incoming - len(other_rows(incoming, replaced))
        if equal == n_incoming == len(replaced):
            return Change([], [], RowCounts(rows_unchanged=equal))
        both = len(incoming.join(replaced, on=key, how="semi", nulls_equal=True))
        counts = RowCounts(n_incoming - both, both - equal, equal, 0, len(replaced) - both)
        return Change([*change.add, *self.incoming], change.remove, counts)

    def upsert(self) -> Change:
        """Add rows with new keys; replace rows whose key is there with other values."""
        key = self.data_type.key
        add: list[Part] = []
        counts = RowCounts()
        changed_keys = [self.data_type.empty().select(key)]
        for part in self.incoming:
            self.advance()
            rivals = self._rivals([part])
            if not rivals:
                add.append(part)
                counts += RowCounts(rows_added=part.rows)
                continue
            rows = self._scan([part]).collect()
            before = self._scan(rivals).join(rows.lazy().select(key), on=key, how="semi", nulls_equal=True)
            known = before.collect(engine="streaming")
            other = other_rows(rows, known)
            changed_keys.append(other.select(key))
            add += self._only(other, part)
            equal = len(rows) - len(other)
            counts += RowCounts(len(rows) - len(known), len(known) - equal, equal)
        keys = pl.concat(changed_keys)
        if not len(keys):
            return Change(add, [], counts)
        change, _ = self._take_out(keys, key)
        return Change([*add, *change.add], change.remove, counts)

    def _scan(self, parts: Sequence[Part]) -> pl.LazyFrame:
        return scan_parts(parts, self.data_type)

    def _rivals(self, parts: Sequence[Part]) -> list[Part]:
        """Stored files that may have rows in the slices of the parts."""
        return self.stored(parts if self.data_type.dated_by in self.match else None)

    def _only(self, rows: pl.DataFrame, part: Part) -> list[Part]:
        """Files of some of the part's rows: the part itself if it is all of them."""
        return [part] if len(rows) == part.rows else write_parts(rows, self.scratch, self.data_type)

    def _take_out(self, slices: pl.DataFrame, on: list[str]) -> tuple[Change, pl.DataFrame]:
        """What takes the rows of the slices out of the stored files, and these rows."""
        taken = [self.data_type.empty()]
        change = Change([], [])
        for part in self._rivals(self.incoming):
            self.advance()
            rows = self._scan([part]).collect()
            gone = rows.join(slices, on=on, how="semi", nulls_equal=True)
            if len(gone):
                taken.append(gone)
                kept = rows.join(slices, on=on, how="anti", nulls_equal=True)
                change.remove.append(part)
                change.add.extend(write_parts(kept, self.scratch, self.data_type))
        return change, pl.concat(taken)


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
