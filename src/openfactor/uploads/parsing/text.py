"""Text files as tables of text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openfactor.errors import DataError, Fault
from openfactor.frames.headings import PairedHeadings, paired, stack
from openfactor.uploads.parsing.columns import quoted_names
from openfactor.uploads.parsing.faults import file_fault
from openfactor.uploads.parsing.limits import check_size
from openfactor.uploads.parsing.records import Buffer, short_rows
from openfactor.uploads.places import Lines, RawTable, StackedRows
from openfactor.uploads.validation import MAX_EXAMPLES

MAX_LINE = 16 << 20
"""Bytes of a line, at most."""
SEPARATORS = ",;\t|"
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
}
_TAIL = 1 << 16
"""Bytes at the end in which the last line must begin."""
_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")
_SEP_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""A first line that tells Excel the separator."""


@dataclass(frozen=True)
class _Head:
    """Everything before the rows."""

    separator: str
    names: list[str]
    line_end: str
    """One character: line feed, also for CR LF, or carriage return."""
    end: int
    """Position at which the rows begin."""
    lines: int
    """Number of lines before the rows."""
    pairs: PairedHeadings | None = None
    """The headings, if they have two levels."""


def read_text(name: str, data: Buffer, origin: Path | bytes) -> RawTable:
    """The cells of a text file, which stay text.

    Parameters
    ----------
    name
        The file name.
    data
        Its bytes.
    origin
        What polars reads: the path of the file, or its bytes.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    for magic, what in _PACKED.items():
        if data[: len(magic)] == magic:
            raise file_fault(name, "packed_file", f"this is {what}, not text; unpack it, or use .gz or .zip")
    if data[:2] in _WIDE_TEXT or b"\0" in data[:4]:
        raise file_fault(name, "encoding", "this is UTF-16; save it as UTF-8")
    line_end = _line_end(data)
    _check_lines(name, data, line_end)
    head = _head(name, data, line_end)
    check_size(name, columns=len(head.names), bytes=len(data))
    repeated = sorted(heading for heading, count in Counter(head.names).items() if count > 1)
    if repeated:
        raise file_fault(name, "repeated_heading", f"{quoted_names(repeated)} must occur only once")
    if head.lines > 1:
        numbers = head.separator.join(f"c{i}" for i in range(len(head.names)))
        origin = f"{numbers}{line_end}".encode() + data[head.end :]
    try:
        cells = pl.read_csv(
            origin, separator=head.separator, eol_char=line_end, infer_schema=False, glob=False
        )
    except pl.exceptions.ComputeError as error:
        _check_encoding(name, data)
        message = _long_record(data, head) or str(error).partition("\n")[0]
        raise file_fault(
            name, "unreadable_file", f"{message}; check quotes and the number of cells"
        ) from error
    _check_end(name, data, head)
    frame = cells.rename(dict(zip(cells.columns, head.names, strict=True)))
    lines = Lines(head.lines + 1, frame, line_end)
    _check_records(name, data, head, cells, lines)
    if head.pairs is None:
        return RawTable(frame, lines)
    stacked, source_rows = stack(frame, head.pairs)
    return RawTable(stacked, StackedRows(lines, source_rows))


def _line_end(data: Buffer) -> str:
    """Carriage return if the first line break outside quotes is one without a line feed; else line feed."""
    end = _end_of_record(data, 0, b"\r\n")
    return "\r" if data[end : end + 1] == b"\r" and data[end + 1 : end + 2] != b"\n" else "\n"


def _end_of_record(data: Buffer, start: int, ends: bytes) -> int:
    """Position of the first line break outside quotes; without one, of the first line break or the end."""
    first = re.compile(b"[" + ends + b"]")
    position, quotes = start, 0
    limit = min(len(data), start + MAX_LINE)
    fallback: int | None = None
    while (line_break := first.search(data, position, limit)) is not None:
        quotes += data[position : line_break.start()].count(b'"')
        if quotes % 2 == 0:
            return line_break.start()
        fallback = line_break.start() if fallback is None else fallback
        position = line_break.end()
    return limit if fallback is None else fallback


def _check_lines(name: str, data: Buffer, line_end: str) -> None:
    """Refuse lines longer than `MAX_LINE`, without reading more of them."""
    position = 0
    while len(data) - position > MAX_LINE:
        end = data.rfind(line_end.encode(), position, position + MAX_LINE)
        if end < 0:
            raise file_fault(name, "long_line", f"a line is longer than {MAX_LINE >> 20} MiB")
        position = end + 1


def _head(name: str, data: Buffer, line_end: str) -> _Head:
    """The headings, which may follow blank lines and a line that names the separator."""
    position, line, number, separator = 0, "", 0, None
    while position < len(data):
        line, position = _record(name, data, position, line_end, number + 1)
        declared = _SEP_LINE.fullmatch(line.strip()) if number == 0 else None
        number += 1 + line.count(line_end)
        separator = declared[1] if declared else separator
        if line.strip() and not declared:
            break
    if "\0" in line:
        raise file_fault(name, "nul", f"line {number} holds NUL bytes; the file is damaged, or is not text")
    separator = separator or max(SEPARATORS, key=lambda candidate: len(_cells(line, candidate)))
    names, starts = [_cells(line, separator)], [(position, number)]
    while len(names) < 3 and position < len(data) and len(names[0]) > 1:
        line, position = _record(name, data, position, line_end, number + 1)
        number += 1 + line.count(line_end)
        names.append(_cells(line, separator))
        starts.append((position, number))
    two_levels = paired(names)
    if two_levels is None:
        return _Head(separator, names[0], line_end, *starts[0])
    pairs, used = two_levels
    flat = [*pairs.index, *(", ".join(pair) for pair in pairs.pairs)]
    return _Head(separator, flat, line_end, *starts[used - 1], pairs)


def _record(name: str, data: Buffer, start: int, line_end: str, number: int) -> tuple[str, int]:
    """The record that begins at a position, on line `number`, and the position of the next one."""
    end = _end_of_record(data, start, line_end.encode())
    try:
        text = data[start:end].decode("utf-8-sig" if start == 0 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise file_fault(name, "encoding", f"line {number} is not UTF-8: {error.reason}") from error
    return text, min(end + 1, len(data))


def _cells(line: str, separator: str) -> list[str]:
    """The cells of a line; the line itself if it has a longer cell than `csv` reads."""
    try:
        return next(csv.reader(io.StringIO(line, newline=""), delimiter=separator), [])
    except csv.Error:
        return [line]


def _check_encoding(name: str, data: Buffer) -> None:
    """Name the first line that is not UTF-8, if there is one."""
    position, number = 0, 1
    while position < len(data):
        end = data.find(b"\n", position)
        line = data[position : end if end >= 0 else len(data)]
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise file_fault(
                name, "encoding", f"line {number} is not UTF-8: {error.reason}; save it as UTF-8"
            ) from error
        position, number = position + len(line) + 1, number + 1


def _check_end(name: str, data: Buffer, head: _Head) -> None:
    """Refuse a file whose last line lacks cells, as after a download that broke off."""
    start = max(head.end, len(data) - _TAIL)
    lines = data[start:].decode(errors="replace").rstrip("\r\n").split(head.line_end)
    n_cells = len(lines[-1].split(head.separator))
    if len(lines) == 1 and start > head.end:  # a very long line
        return
    if lines[-1].strip() and '"' not in lines[-1] and n_cells < len(head.names):
        message = (
            f"the last line has {n_cells} cells, and there are {len(head.names)} headings; is it cut off?"
        )
        raise file_fault(name, "cut_off", message)


def _check_records(name: str, data: Buffer, head: _Head, rows: pl.DataFrame, lines: Lines) -> None:
    """Refuse a file with records that have fewer cells than there are headings: any cell may be missing."""
    short = short_rows(data, head.end, head.separator, head.line_end, rows)
    if short is None:
        raise file_fault(name, "unreadable_file", "its quotes do not match its lines; check quotes")
    if len(short):
        shown = [f"{lines.label(row)}: {cells} cells" for row, cells in short.head(MAX_EXAMPLES).rows()]
        message = f"has fewer cells than the {rows.width} headings; write empty cells with their separators"
        fault = Fault("short_record", name, message, None, len(short), tuple(shown))
        raise DataError(f"{name} cannot be read:", [fault])


def _long_record(data: Buffer, head: _Head) -> str | None:
    """A message about the first line that has more cells than there are headings; None without one."""
    text = io.StringIO(bytes(data[head.end :]).decode(errors="replace"), newline=None)
    reader = csv.reader(text, delimiter=head.separator)
    width, start = len(head.names), head.lines + 1
    try:
        for cells in reader:
            if len(cells) > width:
                return f"line {start} has {len(cells)} cells, and there are {width} headings"
            start = head.lines + reader.line_num + 1
    except csv.Error:
        pass
    return None
