"""Error cells of OpenDocument sheets."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

PART = "content.xml"
_ERROR = re.compile(r"#([A-Z]+(/0)?[?!]|N/A)|Err:\d+")
_NAME, _ROWS, _COLUMNS, _FORMULA = (
    f"{{urn:oasis:names:tc:opendocument:xmlns:table:1.0}}{name}"
    for name in ("name", "number-rows-repeated", "number-columns-repeated", "formula")
)
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}p"


def find_errors(archive: zipfile.ZipFile, sheet: str) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of the cells of a sheet whose formula shows an error."""
    row = column = 0
    inside = False
    for event, element in ElementTree.iterparse(io.BytesIO(archive.read(PART)), events=("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if tag == "table":
            inside = event == "start" and element.get(_NAME) == sheet
        elif not inside or event == "start":
            continue
        elif tag in ("table-cell", "covered-table-cell"):
            many = int(element.get(_COLUMNS, 1))
            shown = "".join("".join(part.itertext()) for part in element.findall(_TEXT))
            if element.get(_FORMULA) is not None and _ERROR.fullmatch(shown):
                yield from ((row, column + i, shown) for i in range(many))
            column += many
        elif tag == "table-row":
            row, column = row + int(element.get(_ROWS, 1)), 0
            element.clear()
