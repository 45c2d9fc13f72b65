"""Workbooks of the binary formats of Excel, written by hand after [MS-XLS], [MS-CFB] and [MS-XLSB].

Cells are text, numbers, flags, or `Shown`: an error, as a value or as that of a formula.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SECTOR, SMALL_SECTOR, SMALL_STREAM = 512, 64, 4096
FREE, END, TABLE, LIST, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC, 0xFFFFFFFF
NUMBERS, IN_HEADER = SECTOR // 4, 109
"""Numbers of sectors in a sector, and in the header."""


class Shown(NamedTuple):
    """An error code, as [MS-XLS] 2.5.10 has them."""

    code: int
    by_formula: bool


Cell = str | float | bool | Shown


def cells(rows: Sequence[Sequence[Cell]], top: int, left: int) -> Iterator[tuple[int, int, Cell]]:
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            yield top + i, left + j, cell


def xls(path: Path, rows: Sequence[Sequence[Cell]], *, top: int = 0, left: int = 0, padding: int = 0) -> Path:
    """A sheet "Prices" after an empty one; with `padding` bytes, so that the stream is no small one."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))

    def bound(start: int, name: str) -> bytes:
        return record(0x0085, struct.pack("<IBBBB", start, 0, 0, len(name), 0) + name.encode())

    end = record(0x000A)
    empty = begin(0x0010) + end
    sheet = begin(0x0010)
    for row, column, cell in cells(rows, top, left):
        place = struct.pack("<HHH", row, column, 0)
        if isinstance(cell, Shown) and cell.by_formula:
            value = struct.pack("<BBBBHH", 2, 0, cell.code, 0, 0, 0xFFFF)
            sheet += record(0x0006, place + value + struct.pack("<HIH", 0, 0, 0))
        elif isinstance(cell, Shown):
            sheet += record(0x0205, place + struct.pack("<BB", cell.code, 1))
        elif isinstance(cell, bool):
            sheet += record(0x0205, place + struct.pack("<BB", cell, 0))
        elif isinstance(cell, str):
            sheet += record(0x0204, place + struct.pack("<HB", len(cell), 0) + cell.encode("latin-1"))
        else:
            sheet += record(0x0203, place + struct.pack("<d", cell))
    chart = begin(0x0020) + record(0x0205, struct.pack("<HHHBB", top + 1, left, 0, 7, 1)) + end
    sheet += chart + end
    start = begin(0x0005) + record(0x0042, struct.pack("<H", 1200))
    at = len(start) + len(bound(0, "Notes")) + len(bound(0, "Prices")) + len(end)
    book = start + bound(at, "Notes") + bound(at + len(empty), "Prices") + end + empty + sheet
    path.write_bytes(compound(book + bytes(padding)))
    return path


def compound(book: bytes) -> bytes:
    """A compound file with the stream `Workbook`; the tables of sectors are at its end."""
    small = len(book) < SMALL_STREAM
    sectors: list[bytes] = []
    following: list[int] = []

    def add(content: bytes) -> int:
        first = len(sectors)
        pieces = [content[i : i + SECTOR].ljust(SECTOR, b"\0") for i in range(0, len(content), SECTOR)]
        sectors.extend(pieces)
        following.extend([*range(first + 1, first + len(pieces)), END])
        return first

    def entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        names = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, NONE, NONE, child)
        return names + bytes(36) + struct.pack("<IQ", first, size)

    small_table, root = END, (END, 0)
    content = add(book)
    if small:
        n = -(-len(book) // SMALL_SECTOR)
        small_table = add(struct.pack(f"<{n}I", *range(1, n), END).ljust(SECTOR, b"\xff"))
        root, content = (content, n * SMALL_SECTOR), 0
    directory = add(entry("Root Entry", 5, 1, *root) + entry("Workbook", 2, NONE, content, len(book)))
    tables, lists = tables_of(len(sectors))
    following += [TABLE] * len(tables) + [LIST] * len(lists)
    following += [FREE] * (-len(following) % NUMBERS)
    sectors += [numbers(following[i : i + NUMBERS]) for i in range(0, len(following), NUMBERS)]
    for i, here in enumerate(lists):  # each names more tables, then the next list
        part = tables[IN_HEADER + i * (NUMBERS - 1) :][: NUMBERS - 1]
        after = here + 1 if here + 1 in lists else END
        sectors.append(numbers([*part, *[FREE] * (NUMBERS - 1 - len(part)), after]))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += bytes(6) + struct.pack("<IIII", 0, len(tables), directory, 0)
    header += struct.pack("<III", SMALL_STREAM, small_table, int(small))
    header += struct.pack("<II", lists[0] if lists else END, len(lists))
    in_header = tables[:IN_HEADER]
    header += numbers([*in_header, *[FREE] * (IN_HEADER - len(in_header))])
    return b"".join([header, *sectors])


def numbers(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def tables_of(n_sectors: int) -> tuple[list[int], list[int]]:
    """The sectors of the tables of sectors, and of the lists of tables that the header has no room for."""
    n_tables = n_lists = 0
    while True:
        needed = -(-(n_sectors + n_tables + n_lists) // NUMBERS)
        listed = -(-max(needed - IN_HEADER, 0) // (NUMBERS - 1))
        if (needed, listed) == (n_tables, n_lists):
            first_list = n_sectors + n_tables
            return list(range(n_sectors, first_list)), list(range(first_list, first_list + n_lists))
        n_tables, n_lists = needed, listed


def xlsb(path: Path, rows: Sequence[Sequence[Cell]], *, top: int = 0, left: int = 0) -> Path:
    """A sheet "Prices" after an empty one."""

    def variable(number: int) -> bytes:
        out = bytearray()
        while True:
            number, low = number >> 7, number & 0x7F
            out.append(low | (0x80 if number else 0))
            if not number:
                return bytes(out)

    def record(kind: int, content: bytes = b"") -> bytes:
        return variable(kind) + variable(len(content)) + content

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    def sheet(rows: Sequence[Sequence[Cell]]) -> bytes:
        last = (top + max(len(rows) - 1, 0), left + max((len(row) for row in rows), default=1) - 1)
        data = record(129) + record(148, struct.pack("<IIII", top, last[0], left, last[1])) + record(145)
        row = -1
        for at, column, cell in cells(rows, top, left):
            if at != row:
                row = at
                data += record(0, struct.pack("<IIHBBBI", row, 0, 0x12C, 0, 0, 0, 0))
            place = struct.pack("<II", column, 0)
            if isinstance(cell, Shown) and cell.by_formula:
                data += record(11, place + struct.pack("<BHI", cell.code, 0, 0) + bytes(4))
            elif isinstance(cell, Shown):
                data += record(3, place + bytes([cell.code]))
            elif isinstance(cell, bool):
                data += record(4, place + bytes([cell]))
            elif isinstance(cell, str):
                data += record(6, place + text(cell))
            else:
                data += record(5, place + struct.pack("<d", cell))
        return data + record(146) + record(130)

    bundles = [
        record(156, struct.pack("<II", 0, i) + text(f"rId{i}") + text(name))
        for i, name in ((1, "Notes"), (2, "Prices"))
    ]
    relations = "".join(
        f'<Relationship Id="rId{i}" Target="worksheets/sheet{i}.bin" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/worksheet"/>'
        for i in (1, 2)
    )
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        book = [record(131), record(143), *bundles, record(144), record(132)]
        archive.writestr("xl/workbook.bin", b"".join(book))
        archive.writestr(
            "xl/_rels/workbook.bin.rels", f'<Relationships xmlns="{namespace}">{relations}</Relationships>'
        )
        archive.writestr("xl/worksheets/sheet1.bin", sheet([]))
        archive.writestr("xl/worksheets/sheet2.bin", sheet(rows))
    return path
