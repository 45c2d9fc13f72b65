"""Files as tables of cells; text stays text, to which `cells` gives types."""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from openfactor.errors import DataError, Fault, NotFoundError
from openfactor.uploads.parsing import archives, arrow, workbooks
from openfactor.uploads.parsing.faults import file_fault
from openfactor.uploads.parsing.file_names import PACKED, split_name
from openfactor.uploads.parsing.parquet import check_parquet
from openfactor.uploads.parsing.records import Buffer
from openfactor.uploads.parsing.text import read_text
from openfactor.uploads.places import Places, RawTable

TEXT_FILES = (".csv", ".tsv", ".tab", ".txt")
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ARCHIVE = ".zip"
FORMATS = (*TEXT_FILES, ".parquet", ".arrow", ".feather", ".ipc", *WORKBOOKS)
_BROKEN = (
    pl.exceptions.PolarsError, pl.exceptions.PanicException, *workbooks.BROKEN, *archives.BROKEN,
)  # fmt: skip
"""Errors that damaged files cause."""


@dataclass(frozen=True)
class Source:
    """A table in a file or frame, read on demand."""

    name: str
    """What to call the table, by default the file name without its extensions."""
    file_name: str
    """May hold the date."""
    read: Callable[[], RawTable]
    """Raises DataError if the file cannot be read."""

    def named(self, name: str) -> Source:
        """The table under another name."""
        return replace(self, name=name)


def raising(error: DataError) -> Callable[[], RawTable]:
    """A reader that raises an error which is known already."""

    def read() -> RawTable:
        raise error

    return read


def is_archive(path: Path) -> bool:
    """Whether it holds several tables: a folder, or a ZIP archive."""
    return path.is_dir() or path.suffix.lower() == ARCHIVE


def sources(path: Path) -> list[Source]:
    """The tables of a file: itself, or the files of a ZIP archive or a folder.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        The format is not known, or the archive is not safe to unpack.
    """
    if path.is_dir():
        return _folder_sources(path)
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    if path.suffix.lower() == ARCHIVE:
        return [_source(info.filename, _member_reader(path, info)) for info in archives.members(path, stem)]
    return [_source(path.name, lambda: _read_path(path))]


def stem(name: str) -> str:
    """The name of a file without its extensions.

    Raises
    ------
    DataError
        The format is not known.
    """
    bare, suffix, packed = split_name(name)
    if suffix not in FORMATS:
        known = f"{', '.join(FORMATS)}; text may be packed as {PACKED}"
        raise file_fault(name, "unknown_format", f"{suffix or 'no extension'} is none of {known}")
    if packed and suffix not in TEXT_FILES:
        raise file_fault(name, "unknown_format", f"only text may be packed as {PACKED}; unpack it")
    return bare


def _source(name: str, read: Callable[[], RawTable]) -> Source:
    return Source(stem(name), name, read)


def _folder_sources(folder: Path) -> list[Source]:
    """The files of a folder, sorted by name."""
    tables: list[Source] = []
    by_name: dict[str, str] = {}
    faults: list[Fault] = []
    for path in sorted(folder.iterdir()):
        if archives.is_system_file(path.name):
            continue
        where = f"{folder.name}: {path.name}"
        if path.is_dir():
            faults.append(Fault("path", where, "is a folder; give the folder that holds the files"))
            continue
        try:
            table = _source(path.name, lambda path=path: _read_path(path))  # type: ignore[misc]
        except DataError as error:
            faults.append(Fault(error.faults[0].rule, where, error.faults[0].message))
            continue
        if table.name in by_name:
            message = f"would have the same name as {by_name[table.name]}"
            faults.append(Fault("repeated_member", where, message))
        by_name.setdefault(table.name, table.file_name)
        tables.append(table)
    if not tables and not [fault for fault in faults if fault.rule != "path"]:
        raise NotFoundError(f"there is no file in {folder}")
    if faults:
        raise DataError(f"{folder} cannot be read:", faults)
    return tables


def _read_path(path: Path) -> RawTable:
    try:
        with _mapped(path) as data:
            return _read(path.name, data, path)
    except OSError as error:
        raise file_fault(path.name, "unreadable_file", str(error)) from error


@contextmanager
def _mapped(path: Path) -> Iterator[Buffer]:
    if path.stat().st_size == 0:
        yield b""
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _read(name: str, data: Buffer, origin: Path | bytes) -> RawTable:
    """The cells of a file of a known format.

    Parameters
    ----------
    name
        The file name.
    data
        Its bytes.
    origin
        What polars reads: the path of the file, or its bytes.
    """
    if not len(data):
        raise file_fault(name, "empty_file", "the file is empty")
    bare, suffix, packed = split_name(name)
    try:
        if packed:
            unpacked = archives.gunzip(name, bytes(data))
            return _read(f"{bare}{suffix}", unpacked, unpacked)
        if suffix in TEXT_FILES:
            return read_text(name, data, origin)
        if suffix == ".parquet":
            check_parquet(name, data)
            return RawTable(pl.read_parquet(origin, glob=False), Places())
        if suffix in WORKBOOKS:
            return _read_workbook(name, bytes(data))
        framed = data[: len(arrow.MAGIC)] == arrow.MAGIC
        arrow.check_arrow(name, data)
        frame = pl.scan_ipc(origin, glob=False).collect() if framed else pl.read_ipc_stream(origin)
        return RawTable(frame, Places())
    except MemoryError as error:
        raise file_fault(name, "too_large", "does not fit into memory; split it by date") from error
    except _BROKEN as error:
        message = str(error).strip().partition("\n")[0]
        raise file_fault(name, "unreadable_file", message or type(error).__name__) from error


def _read_workbook(name: str, data: bytes) -> RawTable:
    if data[:2] == b"PK":
        archives.check_members(name, data)
    return workbooks.read_workbook(name, data)


def _member_reader(path: Path, info: zipfile.ZipInfo) -> Callable[[], RawTable]:
    def read() -> RawTable:
        try:
            with zipfile.ZipFile(path) as archive:
                data = archive.read(info)  # stops at the size that was checked; more is a wrong checksum
        except archives.BROKEN as error:
            raise file_fault(info.filename, "unreadable_file", f"{error}") from error
        return _read(info.filename, data, data)

    return read
