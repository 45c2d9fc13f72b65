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
            rows = self._scan([part])
            new = rows.join(self._scan(rivals), on=self.match, how="anti", nulls_equal=True)
            kept = new.collect(engine="streaming") if rivals else None
            if kept is None or len(kept) == part.rows:
                add.append(part)
            else:
                add += write_parts(kept, self.scratch, self.data_type)
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
        replaced: list[pl.DataFrame] = []
        remove, add = [], []
        for part in self._rivals(self.incoming):
            rows = self._scan([part]).collect()
            gone = rows.join(slices, on=self.match, how="semi", nulls_equal=True)
            if len(gone):
                replaced.append(gone)
                remove.append(part)
                add += self._keep(rows, slices, self.match)
        if sum(map(len, replaced)) == sum(part.rows for part in self.incoming):
            before, after = (
                pl.concat([self.data_type.empty(), *replaced]),
                self._scan(self.incoming).collect(),
            )
            if not len(_other_rows(after, before)):
                return Change([], [])
        return Change([*add, *self.incoming], remove)

    def upsert(self) -> Change:
        """Add rows with new keys; replace rows whose key is there with other values."""
        key = self.data_type.key
        add: list[Part] = []
        changed_keys: list[pl.DataFrame] = []
        for part in self.incoming:
            rivals = self._rivals([part])
            if not rivals:
                add.append(part)
                continue
            rows = self._scan([part]).collect()
            before = self._scan(rivals).join(rows.lazy().select(key), on=key, how="semi", nulls_equal=True)
            changed = _other_rows(rows, before.collect(engine="streaming"))
            changed_keys.append(changed.select(key))
            unchanged = len(changed) == len(rows)
            add += [part] if unchanged else write_parts(changed, self.scratch, self.data_type)
        remove: list[Part] = []
        if sum(map(len, changed_keys)):
            keys = pl.concat(changed_keys)
            for part in self._rivals(self.incoming):
                rows = self._scan([part]).collect()
                if len(rows.join(keys, on=key, how="semi", nulls_equal=True)):
                    remove.append(part)
                    add += self._keep(rows, keys, key)
        return Change(add, remove)

    def _scan(self, parts: Sequence[Part]) -> pl.LazyFrame:
        return scan_parts(parts, self.data_type)

    def _rivals(self, parts: Sequence[Part]) -> list[Part]:
        """Stored files that may have rows in the slices of the parts."""
        return self.stored(parts if self.data_type.dated_by in self.match else None)

    def _keep(self, rows: pl.DataFrame, gone: pl.DataFrame, on: list[str]) -> list[Part]:
        kept = rows.join(gone, on=on, how="anti", nulls_equal=True)
        return write_parts(kept, self.scratch, self.data_type)


def _other_rows(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows that are not, bit for bit, in `known`."""
    here, there = _bits(rows.with_row_index("_at")), _bits(known)
    new = here.join(there, on=known.columns, how="anti", nulls_equal=True)
    return rows[new["_at"].sort()]


def _bits(rows: pl.DataFrame) -> pl.DataFrame:
    """Numbers as the integers of their bits, so that 0.0 and -0.0 differ; good rows have no NaN but empty."""
    numbers = [s for s in rows.iter_columns() if s.dtype == pl.Float64]
    return rows.with_columns([pl.Series(s.name, s.to_numpy().view(np.int64)) for s in numbers])
