"""Comparison of rows before and after a change, and its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import polars as pl

from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, scan_files


@dataclass(frozen=True)
class RowCounts:
    """Counts of committed rows, and of stored rows that were removed; `UploadCommitResult` defines them."""

    rows_added: int = 0
    rows_replaced: int = 0
    rows_unchanged: int = 0
    rows_ignored: int = 0
    rows_removed: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def count_changes(before: Sequence[DataFile], after: Sequence[DataFile], data_type: DataType) -> RowCounts:
    """Counts of the change from some files to others, in each of which keys are unique.

    Rows are matched by day and the 64-bit hash of their key, and compared by the 64-bit hash of all their
    values.
    """
    shared = {file.content_hash for file in before} & {file.content_hash for file in after}
    n_shared = sum(file.n_rows for file in after if file.content_hash in shared)
    old, new = ([file for file in files if file.content_hash not in shared] for files in (before, after))
    n_old, n_new = (sum(file.n_rows for file in files) for files in (old, new))
    if not n_old or not n_new:
        return RowCounts(rows_added=n_new, rows_removed=n_old, rows_unchanged=n_shared)
    both = _row_hashes(new, data_type).join(_row_hashes(old, data_type), on=["day", "key"])
    n_equal = int((both["values"] == both["values_right"]).sum())
    return RowCounts(
        rows_added=n_new - len(both),
        rows_replaced=len(both) - n_equal,
        rows_unchanged=n_shared + n_equal,
        rows_removed=n_old - len(both),
    )


def _row_hashes(files: Sequence[DataFile], data_type: DataType) -> pl.DataFrame:
    """`day`, and hashes of `key` and `values` of each row; one file is in memory at a time."""
    day = data_type.dated_by
    frames = []
    for file in files:
        rows = scan_files([file], data_type).collect()
        frames.append(
            pl.DataFrame(
                {
                    "day": rows[day] if day else pl.zeros(len(rows), pl.Int32, eager=True),
                    "key": rows.select(data_type.key).hash_rows(),
                    "values": _bits(rows).hash_rows(),
                }
            )
        )
    return pl.concat(frames)


def rows_not_in(rows: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """The rows without an equal one in `stored`; numbers are compared bit by bit."""
    left, right = _bits(rows), _bits(stored.select(rows.columns))
    # only rows of equal hashes are compared; all others differ
    pairs = _hashed(left, "left").join(_hashed(right, "right"), on="hash")
    one, other = left[pairs["left"]], right[pairs["right"]]
    equal = np.ones(len(pairs), np.bool_)
    for name in left.columns:
        equal &= one[name].eq_missing(other[name]).to_numpy()
    is_new = np.ones(len(rows), np.bool_)
    is_new[pairs["left"].to_numpy()[equal]] = False
    return rows.filter(pl.Series(is_new))


def _hashed(rows: pl.DataFrame, index: str) -> pl.DataFrame:
    """The `hash` of each row, after its number."""
    return pl.DataFrame({"hash": rows.hash_rows()}).with_row_index(index)


def _bits(rows: pl.DataFrame) -> pl.DataFrame:
    """Floats as the integers of their bits, so that 0.0 and -0.0 differ; valid rows have null, never NaN."""
    floats = [series for series in rows.iter_columns() if series.dtype == pl.Float64]
    return rows.with_columns([pl.Series(s.name, s.to_numpy().view(np.int64)) for s in floats])
