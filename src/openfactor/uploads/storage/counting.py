"""What a change does to rows, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import polars as pl

from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.parts import Part, scan_parts


@dataclass(frozen=True)
class RowCounts:
    """Of the rows that were committed: how many are new, took the place of others, were there already, or
    were not taken; and how many stored rows went without a successor."""

    rows_added: int = 0
    rows_replaced: int = 0
    rows_unchanged: int = 0
    rows_ignored: int = 0
    rows_removed: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def difference(before: Sequence[Part], after: Sequence[Part], data_type: DataType) -> RowCounts:
    """How the rows of some files differ from those that they replace. Both have each key once.

    Rows are compared by 64-bit hashes: of the key among the rows of a day, of the values between two rows of
    one key.
    """
    same = {part.digest for part in before} & {part.digest for part in after}
    unchanged = sum(part.rows for part in after if part.digest in same)
    old, new = (
        [part for part in parts if part.digest not in same] for parts in (before, after)
    )  # fmt: skip
    n_old, n_new = (sum(part.rows for part in parts) for parts in (old, new))
    if not n_old or not n_new:
        return RowCounts(rows_added=n_new, rows_removed=n_old, rows_unchanged=unchanged)
    both = _hashes(new, data_type).join(_hashes(old, data_type), on=["day", "key"])
    equal = int((both["values"] == both["values_right"]).sum())
    return RowCounts(n_new - len(both), len(both) - equal, unchanged + equal, 0, n_old - len(both))


def _hashes(parts: Sequence[Part], data_type: DataType) -> pl.DataFrame:
    """day, and the hashes of key and values of each row; one file is in memory at a time."""
    return pl.concat(_hashed(scan_parts([part], data_type).collect(), data_type) for part in parts)


def _hashed(rows: pl.DataFrame, data_type: DataType) -> pl.DataFrame:
    day = data_type.dated_by
    return pl.DataFrame(
        {
            "day": rows[day] if day else pl.zeros(len(rows), pl.Int32, eager=True),
            "key": rows.select(data_type.key).hash_rows(),
            "values": bits(rows).hash_rows(),
        }
    )


def other_rows(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows that are not, bit for bit, in `known`."""
    here, there = bits(rows), bits(known.select(rows.columns))
    # rows of equal hashes are compared; the others differ
    pairs = _numbered(here, "at").join(_numbered(there, "to"), on="hash")
    one, other = here[pairs["at"]], there[pairs["to"]]
    equal = np.ones(len(pairs), np.bool_)
    for name in here.columns:
        equal &= one[name].eq_missing(other[name]).to_numpy()
    new = np.ones(len(rows), np.bool_)
    new[pairs["at"].to_numpy()[equal]] = False
    return rows.filter(pl.Series(new))


def _numbered(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return pl.DataFrame({"hash": rows.hash_rows()}).with_row_index(name)


def bits(rows: pl.DataFrame) -> pl.DataFrame:
    """Numbers as the integers of their bits, so that 0.0 and -0.0 differ; good rows have no NaN but empty."""
    numbers = [s for s in rows.iter_columns() if s.dtype == pl.Float64]
    return rows.with_columns([pl.Series(s.name, s.to_numpy().view(np.int64)) for s in numbers])
