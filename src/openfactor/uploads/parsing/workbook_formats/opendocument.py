"""Sheets of OpenDocument workbooks."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from openfactor.uploads.parsing.workbook_formats.extent import Extent

PART = "content.xml"
_ERROR = re.compile(r"#([A-Z]+(/0)?[?!]|N/A)|Err:\d+")
_NAME, _ROWS, _COLUMNS, _FORMULA = (
    f"{{urn:oasis:names:tc:opendocument:xmlns:table:1.0}}{name}"
    for name in ("name", "number-rows-repeated", "number-columns-repeated", "formula")
)
_VALUE_TYPE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}p"


class _Cells(NamedTuple):
    """Equal cells side by side, in equal rows one below the other."""

    sheet: str
    row: int
    column: int
    rows: int
    columns: int
    element: ElementTree.Element


def find_errors(archive: zipfile.ZipFile, sheet: str) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of the cells of a sheet whose formula shows an error."""
    for cells in _cells(archive):
        if cells.sheet == sheet and cells.element.get(_FORMULA) is not None:
            shown = "".join("".join(part.itertext()) for part in cells.element.findall(_TEXT))
            if _ERROR.fullmatch(shown):
                yield from (
                    (cells.row + i, cells.column + j, shown)
                    for i in range(cells.rows)
                    for j in range(cells.columns)
                )


def sheet_extents(archive: zipfile.ZipFile) -> Iterator[Extent]:
    """The extent of each sheet, by its cells with a value. Repeated ones are one cell."""
    extents: dict[str, Extent] = {}
    for cells in _cells(archive):
        if cells.element.get(_VALUE_TYPE) is not None or cells.element.find(_TEXT) is not None:
            rows, columns, n_cells = extents.get(cells.sheet, Extent(0, 0, 0))
            last_row, last_column = cells.row + cells.rows, cells.column + cells.columns
            extents[cells.sheet] = Extent(max(rows, last_row), max(columns, last_column), n_cells + 1)
    yield from extents.values()


def _cells(archive: zipfile.ZipFile) -> Iterator[_Cells]:
    """The cells of all sheets."""
    sheet, row, column, repeated = "", 0, 0, 1
    for event, element in ElementTree.iterparse(io.BytesIO(archive.read(PART)), events=("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if tag == "table" and event == "start":
            sheet, row, column = element.get(_NAME, ""), 0, 0
        elif tag == "table-row" and event == "start":
            column, repeated = 0, int(element.get(_ROWS, 1))
        elif tag == "table-row":
            row += repeated
            element.clear()
        elif tag in ("table-cell", "covered-table-cell") and event == "end":
            columns = int(element.get(_COLUMNS, 1))
            yield _Cells(sheet, row, column, repeated, columns, element)
            column += columns
