"""Parquet files of rows, each with what must be known of it before it is read."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openfactor.uploads.schema import DataType

MAX_ROWS = 2_000_000
"""Rows per file, so that a change rewrites little and reading needs little memory."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of rows."""

    path: Path
    """Its name is unique and starts with the content hash."""
    n_rows: int
    size: int
    """In bytes."""
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    """None if rows are not dated."""

    @property
    def content_hash(self) -> str:
        """Hash of the bytes."""
        return self.path.name.partition("-")[0]


def clusters(files: Iterable[DataFile]) -> list[list[DataFile]]:
    """Groups of files of which no two share a day; a single group if rows are not dated.

    Groups ascend by day, and each starts with its file of the earliest first day.
    """
    groups: list[list[DataFile]] = []
    last_day: dt.date | None = None  # of the open group
    for file in sorted(files, key=lambda file: str(file.first_day)):
        if not groups or (last_day is not None and file.first_day is not None and file.first_day > last_day):
            groups.append([file])
            last_day = file.last_day
        else:
            groups[-1].append(file)
            last_day = None if last_day is None or file.last_day is None else max(last_day, file.last_day)
    return groups


def write_files(rows: pl.DataFrame, folder: Path, data_type: DataType) -> list[DataFile]:
    """Write rows, sorted by day, to as few files as possible; none for no rows."""
    if data_type.dated_by and not rows[data_type.dated_by].is_sorted():
        rows = rows.sort(data_type.dated_by, maintain_order=True)
    return [_write(piece, folder, data_type) for piece in rows.iter_slices(MAX_ROWS) if len(piece)]


def _write(rows: pl.DataFrame, folder: Path, data_type: DataType) -> DataFile:
    buffer = io.BytesIO()  # polars reports a full disk in many ways, Python in one
    rows.write_parquet(buffer, statistics=True, compression_level=1)
    data = buffer.getbuffer()
    content_hash = hashlib.blake2b(data, digest_size=16).hexdigest()
    path = folder / f"{content_hash}-{uuid.uuid4().hex}.parquet"
    path.write_bytes(data)
    day = data_type.dated_by
    first_day, last_day = (rows[day][0], rows[day][-1]) if day else (None, None)
    return DataFile(path, len(rows), len(data), first_day, last_day)


def scan_files(
    files: Sequence[DataFile],
    data_type: DataType,
    *,
    path_column: str | None = None,
    unknown: Mapping[str, pl.DataType] | None = None,
) -> pl.LazyFrame:
    """The rows of files; columns that a file predates are empty.

    Parameters
    ----------
    files, data_type
        The files and their data type.
    path_column
        Name of an additional column with the path of each row's file.
    unknown
        Columns of the table that the data type may not know; they follow its own.
    """
    schema = data_type.schema
    schema |= {name: dtype for name, dtype in (unknown or {}).items() if name not in schema}
    if not files:
        empty = pl.LazyFrame(schema=schema)
        return empty.with_columns(pl.lit("").alias(path_column)) if path_column else empty
    return pl.scan_parquet(
        [file.path for file in files],
        glob=False,
        schema=schema,
        missing_columns="insert",
        include_file_paths=path_column,
    )
