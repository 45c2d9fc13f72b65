"""What a commit changes: which files of a table go and which come. Files that stay are not touched.

With K the key of the data type, M the columns to match (M ⊆ K), a slice is the set of all rows that agree in
M. Only files that may have rows of the same days are read, where M has the column that dates rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.parts import Part, scan_parts, write_parts

Stored = Callable[[Sequence[Part] | None], list[Part]]
"""The files of a table: all of them, or those that may share days with others."""
CommitMode = Literal["append", "upsert", "overwrite"]


@dataclass(frozen=True)
class Change:
    """Files to add and to remove; neither if a commit would change nothing."""

    add: list[Part]
    remove: list[Part]

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
) -> Change:
    """How `incoming` changes what is stored; files that must be written anew are written to `scratch`."""
    merge = _Merge(stored, incoming, list(match or data_type.key), data_type, scratch)
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

    def append(self) -> Change:
        """Add the rows whose slice has no row yet."""
        add: list[Part] = []
        for part in self.incoming:
            rivals = self._rivals([part])
            if not rivals:
                add.append(part)
                continue
            new = self._scan([part]).join(self._scan(rivals), on=self.match, how="anti", nulls_equal=True)
            add += self._only(new.collect(engine="streaming"), part)
        return Change(add, [])

    def replace_all(self) -> Change:
        """The incoming rows are all there is; files of equal bytes change nothing."""
        stored = self.stored(None)
        if Counter(p.digest for p in stored) == Counter(p.digest for p in self.incoming):
            return Change([], [])
        return Change(list(self.incoming), stored)

    def replace_slices(self) -> Change:
        """The incoming rows are all there is of their slices."""
        slices = self._scan(self.incoming).select(self.match).unique().collect()
        change, replaced = self._take_out(slices, self.match)
        if len(replaced) == sum(part.rows for part in self.incoming):
            incoming = self._scan(self.incoming).collect()
            if not len(_other_rows(incoming, replaced)):
                return Change([], [])
        return Change([*change.add, *self.incoming], change.remove)

    def upsert(self) -> Change:
        """Add rows with new keys; replace rows whose key is there with other values."""
        key = self.data_type.key
        add: list[Part] = []
        changed_keys = [self.data_type.empty().select(key)]
        for part in self.incoming:
            rivals = self._rivals([part])
            if not rivals:
                add.append(part)
                continue
            rows = self._scan([part]).collect()
            before = self._scan(rivals).join(rows.lazy().select(key), on=key, how="semi", nulls_equal=True)
            changed = _other_rows(rows, before.collect(engine="streaming"))
            changed_keys.append(changed.select(key))
            add += self._only(changed, part)
        keys = pl.concat(changed_keys)
        if not len(keys):
            return Change(add, [])
        change, _ = self._take_out(keys, key)
        return Change([*add, *change.add], change.remove)

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
            rows = self._scan([part]).collect()
            gone = rows.join(slices, on=on, how="semi", nulls_equal=True)
            if len(gone):
                taken.append(gone)
                kept = rows.join(slices, on=on, how="anti", nulls_equal=True)
                change.remove.append(part)
                change.add.extend(write_parts(kept, self.scratch, self.data_type))
        return change, pl.concat(taken)


def _other_rows(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows that are not, bit for bit, in `known`."""
    here, there = _bits(rows.with_row_index("_at")), _bits(known)
    new = here.join(there, on=known.columns, how="anti", nulls_equal=True)
    return rows[new["_at"].sort()]


def _bits(rows: pl.DataFrame) -> pl.DataFrame:
    """Numbers as the integers of their bits, so that 0.0 and -0.0 differ; good rows have no NaN but empty."""
    numbers = [s for s in rows.iter_columns() if s.dtype == pl.Float64]
    return rows.with_columns([pl.Series(s.name, s.to_numpy().view(np.int64)) for s in numbers])
