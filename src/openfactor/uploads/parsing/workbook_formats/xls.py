"""Sheets of .xls workbooks: the records of [MS-XLS]."""

from __future__ import annotations

from collections.abc import Iterator

from openfactor.uploads.parsing.workbook_formats.binary import error_text, unsigned
from openfactor.uploads.parsing.workbook_formats.compound import MAGIC, stream

__all__ = ["MAGIC", "find_errors"]

_BEGIN, _END, _SHEET, _FORMULA, _ERROR = 0x0809, 0x000A, 0x0085, 0x0006, 0x0205
"""BOF, EOF, BoundSheet8, Formula, BoolErr."""


def find_errors(data: bytes, index: int) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of the cells that hold an error, or a formula that gives one.

    Parameters
    ----------
    data
        The workbook.
    index
        Number of the sheet, from 0.
    """
    book = stream(data, ("Workbook", "Book"))
    starts = [unsigned(content, 0, 4) for kind, content in _records(book, 0) if kind == _SHEET]
    if index >= len(starts):
        raise ValueError(f"the workbook has no sheet {index + 1}")
    for kind, content in _records(book, starts[index]):
        code = _error(kind, content)
        if code is not None:
            yield unsigned(content, 0, 2), unsigned(content, 2, 2), error_text(code)


def _error(kind: int, content: memoryview) -> int | None:
    """The code of the error in a cell, if it has one: after row, column and style comes the value."""
    if kind == _ERROR and unsigned(content, 7, 1):
        return unsigned(content, 6, 1)
    if kind == _FORMULA and unsigned(content, 12, 2) == 0xFFFF and unsigned(content, 6, 1) == 2:
        return unsigned(content, 8, 1)
    return None


def _records(book: bytes, start: int) -> Iterator[tuple[int, memoryview]]:
    """Type and content of the records of the book or sheet that begins at `start`, without charts in it."""
    view, depth = memoryview(book), 0
    while True:
        kind, size = unsigned(view, start, 2), unsigned(view, start + 2, 2)
        depth += (kind == _BEGIN) - (kind == _END)
        if not depth:
            return
        if depth == 1:
            yield kind, view[start + 4 : start + 4 + size]
        start += 4 + size
