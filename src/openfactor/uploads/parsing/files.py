"""Files as tables of their cells: text stays text here; `columns` gives it types."""

from __future__ import annotations

import csv
import io
import mmap
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import fastexcel
import polars as pl

from openfactor.errors import DataError, Fault, NotFoundError

MAX_LINE = 16 << 20
MAX_MEMBER = 2 << 30
"""Bytes of a line of text, and of an unpacked file of an archive."""
MAX_RATIO, RATIO_FREE = 200, 16 << 20
"""A file of an archive may unpack to this many times its size, if to more than `RATIO_FREE` bytes."""
MAX_ARCHIVE = 64 << 30
CELLS_FREE = 4 << 30
"""A Parquet file may have so many bytes of cells, at eight each, whatever its size."""
SEPARATORS = ",;\t|"
TEXT_FILES = (".csv", ".tsv", ".tab", ".txt")
FORMATS = (*TEXT_FILES, ".parquet", ".arrow", ".feather", ".ipc", ".xlsx", ".xls", ".xlsb", ".ods", ".zip")
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
}
_BROKEN = (
    pl.exceptions.PolarsError, pl.exceptions.PanicException, fastexcel.FastExcelError, zipfile.BadZipFile,
    zlib.error, OSError, ValueError, NotImplementedError, EOFError,
)  # fmt: skip
"""What damaged files raise."""
_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")

Buffer = bytes | mmap.mmap


@dataclass(frozen=True)
class Source:
    """A table in a file, read when asked."""

    name: str
    """The file name without its extension; or what else it is to be called."""
    file_name: str
    """May hold the date."""
    read: Callable[[], pl.DataFrame]
    """Raises DataError, with what is wrong with the file."""


def sources(path: Path) -> list[Source]:
    """The tables of a file: itself, or the files of a ZIP archive.

    Raises
    ------
    NotFoundError: no such file. DataError: the kind is not known, or the archive is not safe to unpack.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    if path.suffix.lower() == ".zip":
        return _members(path)
    _check_format(path.name)
    return [Source(path.stem, path.name, lambda: _read_path(path))]


def _check_format(name: str, *, inside: bool = False) -> None:
    suffix = PurePosixPath(name).suffix.lower()
    known = [f for f in FORMATS if not (inside and f == ".zip")]
    if suffix not in known:
        raise _fault(name, "unknown_format", f"{suffix or 'no extension'} is none of {', '.join(known)}")


def _fault(name: str, rule: str, message: str) -> DataError:
    return DataError(f"{name} cannot be read:", [Fault(rule, name, message)])


def _read_path(path: Path) -> pl.DataFrame:
    try:
        with _mapped(path) as data:
            return _read(path.name, data, path)
    except OSError as error:
        raise _fault(path.name, "unreadable_file", str(error)) from error


@contextmanager
def _mapped(path: Path) -> Iterator[Buffer]:
    if path.stat().st_size == 0:
        yield b""
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _read(name: str, data: Buffer, origin: Path | bytes) -> pl.DataFrame:
    """The cells of a file of a known format.

    data : its bytes, to look at
    origin : where polars reads them
    """
    if not len(data):
        raise _fault(name, "empty_file", "the file is empty")
    suffix = PurePosixPath(name).suffix.lower()
    try:
        if suffix in TEXT_FILES:
            return _read_text(name, data, origin)
        if suffix == ".parquet":
            _check_rows(name, len(data), pl.scan_parquet(origin, glob=False))
            return pl.read_parquet(origin, glob=False)
        if suffix in (".arrow", ".feather", ".ipc"):
            framed = data[:6] == b"ARROW1"
            return pl.scan_ipc(origin, glob=False).collect() if framed else pl.read_ipc_stream(origin)
        return _read_workbook(name, bytes(data))
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        fastexcel.FastExcelError,
        *_BROKEN,
    ) as error:
        message = str(error).strip().partition("\n")[0]
        raise _fault(name, "unreadable_file", message or type(error).__name__) from error


def _read_text(name: str, data: Buffer, origin: Path | bytes) -> pl.DataFrame:
    for magic, what in _PACKED.items():
        if data[: len(magic)] == magic:
            raise _fault(name, "packed_file", f"this is {what}, not text; unpack it, or use .zip")
    if data[:2] in _WIDE_TEXT:
        raise _fault(name, "encoding", "this is UTF-16; save it as UTF-8")
    _check_lines(name, data)
    separator, headings = _headings(name, data)
    repeated = sorted({h for h in headings if headings.count(h) > 1})
    if repeated:
        raise _fault(name, "repeated_heading", f"{', '.join(map(repr, repeated))} must be there once")
    try:
        cells = pl.read_csv(origin, separator=separator, infer_schema=False, glob=False)
    except pl.exceptions.ComputeError as error:
        _check_encoding(name, data)
        message = str(error).partition("\n")[0]
        raise _fault(name, "unreadable_file", f"{message}; check quotes and the number of cells") from error
    return cells.rename(dict(zip(cells.columns, headings, strict=True)))


def _check_lines(name: str, data: Buffer) -> None:
    """Refuse a line without an end in sight, having read no more than that of it."""
    position = 0
    while len(data) - position > MAX_LINE:
        end = data.rfind(b"\n", position, position + MAX_LINE)
        if end < 0:
            raise _fault(name, "long_line", f"a line is longer than {MAX_LINE >> 20} MiB")
        position = end + 1


def _headings(name: str, data: Buffer) -> tuple[str, list[str]]:
    """The separator, which is the most frequent candidate in the first line, and the first line's cells."""
    end = data.find(b"\n", 0, MAX_LINE)
    raw = data[: end if end >= 0 else MAX_LINE]
    try:
        line = raw.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError as error:
        raise _fault(name, "encoding", f"line 1 is not UTF-8: {error.reason}") from error
    separator = max(SEPARATORS, key=line.count)
    return separator, next(csv.reader([line], delimiter=separator), [])


def _check_encoding(name: str, data: Buffer) -> None:
    """Name the first line that is not UTF-8, if there is one."""
    position, number = 0, 1
    while position < len(data):
        end = data.find(b"\n", position)
        line = data[position : end if end >= 0 else len(data)]
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise _fault(
                name, "encoding", f"line {number} is not UTF-8: {error.reason}; save it as UTF-8"
            ) from error
        position, number = position + len(line) + 1, number + 1


def _read_workbook(name: str, data: bytes) -> pl.DataFrame:
    """The one sheet that is not empty."""
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                _check_ratio(f"{name}: {info.filename}", info)
    book = fastexcel.read_excel(data)
    filled = []
    for sheet_name in book.sheet_names:
        sheet = book.load_sheet(sheet_name)
        if sheet.total_height:
            filled.append((sheet_name, sheet))
    if len(filled) != 1:
        found = ", ".join(sheet_name for sheet_name, _ in filled) or "none"
        raise _fault(name, "sheets", f"one sheet must have rows; found: {found}")
    return filled[0][1].to_polars()


def _check_ratio(name: str, info: zipfile.ZipInfo) -> None:
    if info.file_size > MAX_MEMBER:
        raise _fault(name, "too_large", f"unpacks to {info.file_size:,} bytes; {MAX_MEMBER:,} are allowed")
    if info.file_size > RATIO_FREE and info.file_size > MAX_RATIO * info.compress_size:
        message = f"unpacks to more than {MAX_RATIO} times its size ({info.file_size:,} bytes)"
        raise _fault(name, "bomb", message)


def _check_rows(name: str, size: int, rows: pl.LazyFrame) -> None:
    """Refuse a file whose cells, which runs of equal values hide, are out of all proportion to its size."""
    cells = rows.select(pl.len()).collect().item() * len(rows.collect_schema())
    if cells * 8 > max(CELLS_FREE, MAX_RATIO * size):
        raise _fault(name, "bomb", f"unpacks to {cells:,} cells from {size:,} bytes; split it")


def _members(path: Path) -> list[Source]:
    """The files of an archive, by name, after everything that its list of files can tell."""
    faults: list[Fault] = []

    def refuse(member: str, rule: str, message: str) -> None:
        faults.append(Fault(rule, f"{path.name}: {member}", message))

    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except _BROKEN as error:
        raise _fault(path.name, "unreadable_file", f"{error}") from error
    stems: dict[str, str] = {}
    for info in infos:
        member = info.filename
        if "/" in member or "\\" in member or member in (".", ".."):
            refuse(member, "path", "the archive must hold files without folders")
            continue
        try:
            _check_format(member, inside=True)
            _check_ratio(member, info)
        except DataError as error:
            refuse(member, error.faults[0].rule, error.faults[0].message)
        if info.flag_bits & 1:
            refuse(member, "encrypted", "is encrypted")
        stem = PurePosixPath(member).stem
        if stem in stems:
            refuse(member, "repeated_member", f"would have the same name as {stems[stem]}")
        stems[stem] = member
    if not infos:
        refuse("", "empty_file", "the archive is empty")
    total = sum(info.file_size for info in infos)
    if total > MAX_ARCHIVE:
        refuse("", "too_large", f"unpacks to {total:,} bytes; {MAX_ARCHIVE:,} are allowed")
    if faults:
        raise DataError(f"{path.name} cannot be read:", faults)
    return [
        Source(PurePosixPath(info.filename).stem, info.filename, _member_reader(path, info))
        for info in sorted(infos, key=lambda info: info.filename)
    ]


def _member_reader(path: Path, info: zipfile.ZipInfo) -> Callable[[], pl.DataFrame]:
    def read() -> pl.DataFrame:
        try:
            with zipfile.ZipFile(path) as archive:
                data = archive.read(info)  # stops at the size that was checked; more is a wrong checksum
        except _BROKEN as error:
            raise _fault(info.filename, "unreadable_file", f"{error}") from error
        return _read(info.filename, data, data)

    return read
