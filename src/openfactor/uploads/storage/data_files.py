"""Parquet files of rows, each with what must be known of it before it is read."""

from __future__ import annotations

import datetime as dt
import hashlib
import inspect
import io
import os
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from openfactor.cache import Cache
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.disk import write_flushed

MAX_ROWS = 2_000_000
"""Rows per file, so that a change rewrites little and reading needs little memory."""


_PIECE = 2**22
_CHANGED = "does not have the bytes that were written"
_SOUND = Cache({"file": 500_000})
"""Files whose checksum this process has compared."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of rows."""

    path: Path
    """Its name is unique and starts with the content hash."""
    n_rows: int
    size: int
    """In bytes."""
    crc: int | None = None
    """CRC-32 of the bytes; None for files of releases before checksums."""
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


def fault_of(file: DataFile, *, again: bool = False) -> str | None:
    """What is wrong with a file as a whole; None for nothing.

    Parameters
    ----------
    file
        The file. Its size is compared each time, its checksum when this process reads it first.
    again
        Compare the checksum in any case.
    """
    try:
        status = os.stat(file.path)
        if status.st_size != file.size:
            return f"has {status.st_size:,} bytes, not {file.size:,}"
        key = _identity(status)
        if not again and _SOUND.peek("file", key) == file.content_hash:
            return None
        if not _matches(file):
            _SOUND.discard("file", key)
            return _CHANGED
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error}"
    _SOUND.put("file", key, file.content_hash)
    return None


def content_fault(file: DataFile) -> str | None:
    """What is wrong with a file, of which every byte is hashed; None for nothing."""
    fault = fault_of(file, again=True)
    try:
        if fault is None and not _has_content_hash(file):
            _SOUND.discard("file", _identity(os.stat(file.path)))
            fault = _CHANGED
    except OSError as error:
        fault = f"cannot be read: {error}"
    return fault


def remember(file: DataFile) -> None:
    """Do not compare the checksum of a file that this process wrote."""
    _SOUND.put("file", _identity(os.stat(file.path)), file.content_hash)


def _has_content_hash(file: DataFile) -> bool:
    with file.path.open("rb") as stream:
        return hashlib.file_digest(stream, _new_hash).hexdigest() == file.content_hash


def _matches(file: DataFile) -> bool:
    if file.crc is None:
        return _has_content_hash(file)
    crc = 0
    with file.path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            crc = zlib.crc32(piece, crc)
    return crc == file.crc


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """Of the bytes of a file, whatever its names are."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _new_hash() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def may_share_days(files: Sequence[DataFile]) -> pl.Expr:
    """Whether a row of `FILE_SCHEMA` may share a day with one of the files."""
    groups = clusters(file for file in files if file.first_day and file.last_day)
    if not groups:
        return pl.lit(False)
    firsts = pl.lit(pl.Series([group[0].first_day for group in groups], dtype=pl.Date))
    last_days = [max(file.last_day for file in group if file.last_day) for group in groups]
    lasts = pl.lit(pl.Series(last_days, dtype=pl.Date))
    # of the groups that do not end before the file's first day, the first must begin by its last day
    at = lasts.search_sorted(pl.col("first_day"), side="left")
    return (at < len(groups)) & (firsts.gather(at.clip(0, len(groups) - 1)) <= pl.col("last_day"))


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
    write_flushed(path, data)
    day = data_type.dated_by
    first_day, last_day = (rows[day][0], rows[day][-1]) if day else (None, None)
    file = DataFile(path, len(rows), len(data), zlib.crc32(data), first_day, last_day)
    remember(file)
    return file


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
        **_days_of(files, data_type),
    )


_TAKES_STATISTICS = "_table_statistics" in inspect.signature(pl.scan_parquet).parameters


def _days_of(files: Sequence[DataFile], data_type: DataType) -> dict[str, Any]:
    """Arguments that keep a scan from opening files without the days that it is filtered by.

    Polars' own reader of Delta Lake passes them; where they are unknown, each file is opened.
    """
    day = data_type.dated_by
    if day is None or not _TAKES_STATISTICS:
        return {}
    statistics = {
        "len": pl.Series([file.n_rows for file in files], dtype=pl.get_index_type()),
        f"{day}_nc": pl.zeros(len(files), pl.get_index_type(), eager=True),
        f"{day}_min": pl.Series([file.first_day for file in files], dtype=pl.Date),
        f"{day}_max": pl.Series([file.last_day for file in files], dtype=pl.Date),
    }
    return {"_table_statistics": pl.DataFrame(statistics)}
