"""Parquet files of rows, each with what must be known of it without reading it."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openfactor.uploads.schema import DataType

PART_ROWS = 2_000_000
"""Rows of a file at most, so that a change rewrites little and rows are read without much memory."""


@dataclass(frozen=True)
class Part:
    """A file of rows.

    path : its name starts with a digest of its bytes and is unique
    size : in bytes
    low, high : first and last day; None where rows are not dated
    """

    path: Path
    rows: int
    size: int
    low: dt.date | None = None
    high: dt.date | None = None

    @property
    def digest(self) -> str:
        """Equal for files of equal bytes."""
        return self.path.name.partition("-")[0]


def clusters(parts: Iterable[Part]) -> list[list[Part]]:
    """Groups of parts, by day, such that parts of different groups share none; one where they are not dated.

    The first part of a group begins it.
    """
    found: list[list[Part]] = []
    last: dt.date | None = None  # last day of the group at hand
    for part in sorted(parts, key=lambda part: str(part.low)):
        if not found or (last is not None and part.low is not None and part.low > last):
            found.append([part])
            last = part.high
        else:
            found[-1].append(part)
            last = None if last is None or part.high is None else max(last, part.high)
    return found


def write_parts(rows: pl.DataFrame, folder: Path, data_type: DataType) -> list[Part]:
    """Write rows, sorted by day, in as few files as may be; no rows, no files."""
    if data_type.dated_by and not rows[data_type.dated_by].is_sorted():
        rows = rows.sort(data_type.dated_by, maintain_order=True)
    return [_write(piece, folder, data_type) for piece in rows.iter_slices(PART_ROWS) if len(piece)]


def _write(rows: pl.DataFrame, folder: Path, data_type: DataType) -> Part:
    buffer = io.BytesIO()  # polars reports a full disk in many ways, Python in one
    rows.write_parquet(buffer, statistics=True, compression_level=1)
    data = buffer.getbuffer()
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    path = folder / f"{digest}-{uuid.uuid4().hex}.parquet"
    path.write_bytes(data)
    day = data_type.dated_by
    low, high = (rows[day][0], rows[day][-1]) if day else (None, None)
    return Part(path, len(rows), len(data), low, high)


def scan_parts(parts: Sequence[Part], data_type: DataType, *, path_column: str | None = None) -> pl.LazyFrame:
    """The rows of parts; columns that a part does not have yet are empty."""
    if not parts:
        empty = data_type.empty().lazy()
        return empty.with_columns(pl.lit("").alias(path_column)) if path_column else empty
    return pl.scan_parquet(
        [part.path for part in parts],
        glob=False,
        schema=data_type.schema,
        missing_columns="insert",
        include_file_paths=path_column,
    )
