"""Cells of workbooks that show an error, such as `#DIV/0!`, which readers give as empty ones, texts or zeros.

One module per format; each yields row, column (from 0) and text of the error cells of one sheet.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from openfactor.uploads.parsing.error_cells import opendocument, xls, xlsb, xlsx


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
        for kind in (opendocument, xlsx, xlsb):
            if kind.PART in names:
                yield from kind.find_errors(archive, sheet)
