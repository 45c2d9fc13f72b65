"""Sheets of .xlsb workbooks: the records of [MS-XLSB]."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

from openfactor.uploads.parsing.workbook_formats.binary import CUT_OFF, error_text, unsigned
from openfactor.uploads.parsing.workbook_formats.extent import Extent
from openfactor.uploads.parsing.workbook_formats.relations import part_of

PART = "xl/workbook.bin"
_ROW, _CELL_ERROR, _FORMULA_ERROR, _SHEET = 0, 3, 11, 156
"""BrtRowHdr, BrtCellError, BrtFmlaError, BrtBundleSh."""
_CELLS = range(2, 12)
"""BrtCellRk to BrtFmlaError: all but blank ones."""
_PART = re.compile(r"xl/worksheets/[^/]+\.bin")


def find_errors(archive: zipfile.ZipFile, sheet: str) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of the cells that hold an error, or a formula that gives one."""
    row = 0
    part = part_of(archive, "xl/_rels/workbook.bin.rels", _relation(archive, sheet))
    for kind, content in _records(archive.read(part)):
        if kind == _ROW:
            row = unsigned(content, 0, 4)
        elif kind in (_CELL_ERROR, _FORMULA_ERROR):  # column, style (3 bytes), flags, error
            yield row, unsigned(content, 0, 4), error_text(unsigned(content, 8, 1))


def sheet_extents(archive: zipfile.ZipFile) -> Iterator[Extent]:
    """The extent of each sheet, by the records of its cells with content."""
    for name in archive.namelist():
        if _PART.fullmatch(name):
            row = rows = columns = cells = 0
            for kind, content in _records(archive.read(name)):
                if kind == _ROW:
                    row = unsigned(content, 0, 4) + 1
                elif kind in _CELLS:
                    rows = max(rows, row)
                    columns = max(columns, unsigned(content, 0, 4) + 1)
                    cells += 1
            yield Extent(rows, columns, cells)


def _relation(archive: zipfile.ZipFile, sheet: str) -> str:
    """The relation of the workbook to a sheet; KeyError if there is none."""
    for kind, content in _records(archive.read(PART)):
        if kind == _SHEET:  # state, id, relation, name
            relation, end = _text(content, 8)
            if _text(content, end)[0] == sheet:
                return relation
    raise KeyError(f"the workbook has no sheet {sheet!r}")


def _records(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Type and content of each record; ValueError where the last one is cut off."""
    view, position = memoryview(data), 0
    while position < len(view):
        kind, position = _variable(view, position, 2)
        size, position = _variable(view, position, 4)
        if position + size > len(view):
            raise ValueError(CUT_OFF)
        yield kind, view[position : position + size]
        position += size


def _variable(view: memoryview, position: int, most: int) -> tuple[int, int]:
    """A number of up to `most` bytes with seven bits each, the eighth telling of another; and its end."""
    number = 0
    for i in range(most):
        if position + i >= len(view):
            raise ValueError(CUT_OFF)
        byte = view[position + i]
        number |= (byte & 0x7F) << (7 * i)
        if not byte & 0x80:
            break
    return number, position + i + 1


def _text(content: memoryview, start: int) -> tuple[str, int]:
    """A text after its length, and where it ends."""
    length, begin = unsigned(content, start, 4), start + 4
    return bytes(content[begin : begin + 2 * length]).decode("utf-16-le"), begin + 2 * length
