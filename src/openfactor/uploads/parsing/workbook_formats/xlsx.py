"""Sheets of .xlsx workbooks."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from openfactor.uploads.parsing.workbook_formats.extent import Extent
from openfactor.uploads.parsing.workbook_formats.relations import part_of

PART = "xl/workbook.xml"
_RELATIONSHIP = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ADDRESS = re.compile(r"([A-Z]+)([0-9]+)")
_SHEET = re.compile(r"xl/(?!sharedStrings|styles|workbook|theme/|drawings/|charts/).+\.xml", re.IGNORECASE)
_ROW = re.compile(rb"""<(?:\w+:)?row\s(?:[^>]*?\s)?r\s*=\s*["']([0-9]{1,9})["'][^>/]*>""")
_CELL = re.compile(rb"""<(?:\w+:)?c\s(?:[^>]*?\s)?r\s*=\s*["']([A-Za-z]{1,5})([0-9]{1,9})["'][^>/]*>""")
_ANY_CELL = re.compile(rb"<(?:\w+:)?c(?:\s[^>/]*)?>")
"""Rows and cells with content: empty ones, which have a style, are closed at once."""
_FAR = re.compile(rb"""\br\s*=\s*["'](?:[A-Za-z]{3}|[A-Za-z]*[0-9]{5})""")
"""Addresses beyond column ZZ or row 9,999: a sheet without any has at most 7 million cells."""
_ESCAPED = re.compile(rb"""\sr\s*=\s*(?:"[^"<]*&|'[^'<]*&)""")
"""Addresses with characters that are written as their numbers, which no program does."""


def find_errors(archive: zipfile.ZipFile, sheet: str) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of the cells of type `e`."""
    xml = archive.read(part_of(archive, "xl/_rels/workbook.xml.rels", _relation(archive, sheet)))
    if not re.search(rb"""\st=["']e["']""", xml):
        return
    row = column = -1
    for event, element in ElementTree.iterparse(io.BytesIO(xml), events=("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if tag == "row" and event == "start":
            row, column = int(element.get("r", row + 2)) - 1, -1
        elif tag == "row":
            element.clear()
        elif tag == "c" and event == "start":
            address = _ADDRESS.fullmatch(element.get("r", ""))
            column = _number(address[1]) if address else column + 1
        elif tag == "c" and element.get("t") == "e":
            value = next((child.text for child in element if child.tag.endswith("}v")), None)
            yield row, column, value or "#VALUE!"


def sheet_extents(archive: zipfile.ZipFile) -> Iterator[Extent]:
    """The extent of each sheet, by the addresses of its rows and cells with content.

    A sheet that is the only one and does not go far is left out.
    """
    names = [name for name in archive.namelist() if _SHEET.fullmatch(name)]
    for name in names:
        xml = archive.read(name)
        if _ESCAPED.search(xml) or b"<!DOCTYPE" in xml[:4096] or b"\0" in xml[:4096]:
            raise ValueError(f"{name} is not written as spreadsheet programs write sheets; save it again")
        if len(names) == 1 and not _FAR.search(xml):
            continue
        rows = max((int(row) for row in _ROW.findall(xml)), default=0)
        columns: set[bytes] = set()
        for address in _CELL.finditer(xml):
            columns.add(address[1])
            rows = max(rows, int(address[2]))
        last = max((_number(letters.decode().upper()) + 1 for letters in columns), default=0)
        cells = sum(1 for _ in _ANY_CELL.finditer(xml))
        yield Extent(rows, last, cells)


def _relation(archive: zipfile.ZipFile, sheet: str) -> str:
    """The relation of the workbook to a sheet; KeyError if there is none."""
    for element in ElementTree.fromstring(archive.read(PART)).iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            return element.attrib[_RELATIONSHIP]
    raise KeyError(f"the workbook has no sheet {sheet!r}")


def _number(letters: str) -> int:
    """A is 0."""
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1
