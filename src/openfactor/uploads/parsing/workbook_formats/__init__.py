"""What the reader of workbooks does not tell: which cells show an error, and how far a sheet extends.

One module per format. Readers give cells with an error, such as `#DIV/0!`, as empty ones, texts or zeros, and
allocate every cell up to the last one.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from openfactor.uploads.parsing.workbook_formats import opendocument, xls, xlsb, xlsx
from openfactor.uploads.parsing.workbook_formats.extent import Extent

_ZIPPED = (opendocument, xlsx, xlsb)


def find_errors(data: bytes, sheet: str, index: int) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of the cells of a sheet that show an error.

    Parameters
    ----------
    data
        The workbook.
    sheet, index
        The name of the sheet, and its number, from 0, among all sheets.

    Raises
    ------
    ValueError, KeyError, ElementTree.ParseError
        The workbook is damaged.
    """
    if data[: len(xls.MAGIC)] == xls.MAGIC:
        yield from xls.find_errors(data, index)
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        for kind in _ZIPPED:
            if kind.PART in names:
                yield from kind.find_errors(archive, sheet)


def sheet_extents(data: bytes) -> Iterator[Extent]:
    """The extent of each sheet; sheets that cannot be large, such as those of .xls files, are left out.

    Raises
    ------
    ValueError, KeyError, ElementTree.ParseError
        The workbook is damaged.
    """
    if data[:2] != b"PK":
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        for kind in _ZIPPED:
            if kind.PART in names:
                yield from kind.sheet_extents(archive)
