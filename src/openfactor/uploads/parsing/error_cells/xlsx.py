"""Error cells of .xlsx sheets."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from openfactor.uploads.parsing.error_cells.relations import part_of

PART = "xl/workbook.xml"
_RELATIONSHIP = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ADDRESS = re.compile(r"([A-Z]+)([0-9]+)")


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
