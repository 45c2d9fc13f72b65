"""Workbooks of Excel and OpenDocument as tables of cells, which keep the types that they have there."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from xml.etree import ElementTree

import polars as pl
import python_calamine

from openfactor.errors import DataError, Fault
from openfactor.frames import mixed_series
from openfactor.frames.headings import paired, stack
from openfactor.uploads.parsing.faults import file_fault
from openfactor.uploads.parsing.limits import MAX_SHEETS, check_size
from openfactor.uploads.parsing.workbook_formats import find_errors, sheet_extents
from openfactor.uploads.places import RawTable, SheetCells, StackedRows

CELLS_FREE = 1 << 27
"""Cells that the reader may allocate for any file."""
CELL_BYTES = 40
"""Bytes that a cell takes in the reader and in the rows that it gives."""
MAX_SPARSITY = 20
"""Cells that it may allocate per cell with content, if that is more."""
BROKEN = (python_calamine.CalamineError, python_calamine.PasswordError, ElementTree.ParseError, KeyError)


def read_workbook(name: str, data: bytes) -> RawTable:
    """The cells of the only sheet that is not empty. A column whose cells differ in type is mixed.

    Cells that show an error, such as `#DIV/0!`, hold it as text.

    Raises
    ------
    DataError
        There are no or several such sheets, or headings are missing or repeated.
    """
    _check_extents(name, data)
    with _panics_raised():
        book = python_calamine.load_workbook(io.BytesIO(data))
        if len(book.sheet_names) > MAX_SHEETS:
            message = f"has {len(book.sheet_names):,} sheets; {MAX_SHEETS:,} are allowed"
            raise file_fault(name, "too_large", message)
        sheets = [book.get_sheet_by_index(i) for i in range(len(book.sheet_names))]
        filled = [sheet for sheet in sheets if sheet.start is not None]
        if len(filled) != 1:
            names = ", ".join(sheet.name for sheet in filled) or "none"
            raise file_fault(name, "sheets", f"one sheet must have rows; found: {names}")
        (sheet,) = filled
        rows = sheet.to_python()
    top, left = sheet.start or (0, 0)
    for row, column, error in find_errors(data, sheet.name, sheets.index(sheet)):
        if 0 <= row - top < len(rows) and 0 <= column - left < len(rows[row - top]):
            rows[row - top][column - left] = error
    two = paired([[_text(cell) for cell in row] for row in rows[:3]])
    if two is None:
        return _table(name, sheet.name, rows, top, left)
    pairs, used = two
    flat = [*pairs.index, *(", ".join(pair) for pair in pairs.pairs)]
    table = _table(name, sheet.name, [[*flat], *rows[used:]], top + used - 1, left)
    stacked, source_rows = stack(table.frame, pairs)
    return RawTable(stacked, StackedRows(table.places, source_rows))


def _check_extents(name: str, data: bytes) -> None:
    """Refuse a workbook with a cell so far out that the reader would need far more memory than its cells."""
    total = 0
    for extent in sheet_extents(data):
        room = extent.rows * extent.columns
        total += room
        if room > max(CELLS_FREE, MAX_SPARSITY * extent.cells):
            place = f"row {extent.rows:,} and column {extent.columns:,}"
            message = f"a sheet extends to {place} with {extent.cells:,} cells; delete cells that are far out"
            raise file_fault(name, "bomb", message)
    if total > CELLS_FREE // 8:
        check_size(name, cells=total, bytes=CELL_BYTES * total)


@contextmanager
def _panics_raised() -> Iterator[None]:
    """Turns panics of the reader, which are no Exceptions, into ValueErrors."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"the workbook is damaged: {error}") from error


def _table(name: str, sheet: str, rows: Sequence[Sequence[object]], top: int, left: int) -> RawTable:
    """The rows below the headings; columns without heading and cells are left out."""
    where = f"{name}: {sheet}"
    columns: dict[str, pl.Series] = {}
    letters: dict[str, str] = {}
    faults = []
    for i, cells in enumerate(zip(*rows, strict=True)):
        place = f"{_letters(left + i)}{top + 1}"
        heading = _text(cells[0])
        if not heading and all(cell == "" for cell in cells):
            continue
        if not heading and i:
            faults.append(Fault("no_heading", where, f"the cell {place} is empty above cells that are not"))
        elif heading in columns:
            faults.append(Fault("repeated_heading", where, f"is repeated in {place}", heading))
        else:
            columns[heading] = _column(heading, cells[1:])
            letters[heading] = _letters(left + i)
    if faults:
        raise DataError(f"{where} cannot be read:", faults)
    return RawTable(pl.DataFrame(columns), SheetCells(sheet, top + 2, letters))


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _column(name: str, cells: tuple[object, ...]) -> pl.Series:
    """A series of the one type that the cells have, or a mixed one."""
    values = [None if cell == "" else cell for cell in cells]
    types = {type(value) for value in values if value is not None}
    if types <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64, strict=False) if types else pl.Series(name, values)
    if types <= {dt.date, dt.datetime}:
        return pl.Series(name, [_moment(value) for value in values], dtype=pl.Datetime("us"))
    if len(types) == 1:
        return pl.Series(name, values)
    return mixed_series(name, values)


def _moment(value: object) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value
    return dt.datetime.combine(value, dt.time()) if isinstance(value, dt.date) else None


def _letters(column: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
