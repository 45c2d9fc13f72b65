"""Cells of a user's table in the types of a data type. Nothing is lost, and what was cleaned is counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from openfactor.errors import Fault
from openfactor.frames import MIXED
from openfactor.uploads.parsing.cleaning import clean, cleaning_note
from openfactor.uploads.parsing.dates import AmbiguousDatesError
from openfactor.uploads.parsing.values import is_nan, read_values, stands_for_empty, texts_of
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column
from openfactor.uploads.validation import example_rows

_SHEET_ERROR = r"^(#([A-Z]+(/0)?[?!]|N/A( .*)?|GETTING_DATA)|ERR:\d+)$"
"""`#DIV/0!`, `#N/A`, `#NAME?`, `#REF!` and all others that spreadsheets show in place of a value."""
_MEANING: dict[type[pl.DataType], str] = {
    pl.Date: "a date; write 2024-12-31",
    pl.Float64: "a number; write 1234.5",
    pl.Int32: "a whole number",
    pl.Boolean: "true or false",
}


@dataclass(frozen=True)
class Cells:
    """A column of cells in the type of its column of the data type."""

    values: pl.Series
    """Null where a cell cannot be read."""
    unreadable: pl.Series | None = None
    """Which cells cannot be read; None if all can."""
    faults: list[Fault] = field(default_factory=list)
    note: str | None = None
    """What was cleaned, with the number of cells."""


def cast_cells(
    frame: pl.DataFrame, column: Column, name: str, source: str, places: Places | None = None
) -> Cells:
    """A column of a user's frame in the type of a column of the data type.

    Numbers of any width become Float64, datetimes at midnight become dates, categoricals become text, and
    text is read as what the column holds. Each cell of a mixed column is read for itself.

    Parameters
    ----------
    frame, name
        The user's frame, and its column.
    column
        The column of the data type.
    source
        What faults call the frame.
    places
        What they call its rows.
    """
    series = frame.get_column(name)
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        series = series.cast(pl.String)
    if (series.is_null() | is_nan(series)).all():  # whatever the type, such as NaN for a column of text
        return Cells(pl.repeat(None, len(series), dtype=column.dtype, eager=True))
    note = None
    if column.dtype == pl.String and series.dtype == pl.String:
        values = clean(series)
        note = cleaning_note(series, values, name)
    else:
        try:
            readable = read_values(series, column.dtype)
        except AmbiguousDatesError as error:
            return _all_unreadable(series, column, Fault("ambiguous_date", source, str(error), name))
        if readable is None:
            message = f"is {series.dtype}, must be {column.dtype}{_remedy(series, column)}"
            return _all_unreadable(series, column, Fault("wrong_type", source, message, name))
        values = readable
    faults: list[Fault] = []
    unreadable = pl.repeat(False, len(frame), dtype=pl.Boolean, eager=True)
    for rule, message, mask in _unreadable(series, values, column):
        if mask.any():
            unreadable |= mask
            faults.append(_fault(rule, message, frame.filter(mask), name, source, places))
    if column.zero_is_empty and (zeros := (values == 0).fill_null(False)).any():
        values, note = values.set(zeros, None), f"{name}: 0 in {zeros.sum():,} cells, which means none"
    if not faults:
        return Cells(values, note=note)
    return Cells(values.set(unreadable, None), unreadable, faults, note)


def _all_unreadable(series: pl.Series, column: Column, fault: Fault) -> Cells:
    values = pl.repeat(None, len(series), dtype=column.dtype, eager=True)
    return Cells(values, series.is_not_null(), [fault])


def _remedy(series: pl.Series, column: Column) -> str:
    if column.dtype == pl.String and series.dtype.is_numeric():
        return ": numbers lose leading zeros, give identifiers as text"
    if column.dtype == pl.Date and isinstance(series.dtype, pl.Datetime):
        return ": some times are not midnight"
    return ""


def _unreadable(series: pl.Series, values: pl.Series, column: Column) -> list[tuple[str, str, pl.Series]]:
    """Rule, message and mask of each kind of cells that cannot be read."""
    sheet_error = "is an error of a spreadsheet; give a value, or empty the cell"
    if column.dtype == pl.String:
        nul = values.str.contains("\x00", literal=True).fill_null(False)
        masks = [
            ("nul", "holds a NUL byte; the file is damaged, or is not text", nul),
            ("spreadsheet_error", sheet_error, _is_sheet_error(values)),
        ]
        if series.dtype == MIXED:
            other = series.is_not_null() & ~is_nan(series) & texts_of(series).is_null()
            masks.append(("mixed_types", "is not text like other cells; give identifiers as text", other))
        return masks
    lost = values.is_null() & series.is_not_null()
    if lost.any():  # cells are only looked at if any is lost
        lost &= ~stands_for_empty(series)
    shown = _is_sheet_error(texts_of(series)) if lost.any() else lost
    unreadable = f"cannot be read as {_MEANING[type(column.dtype)]}"
    return [("spreadsheet_error", sheet_error, lost & shown), ("unreadable", unreadable, lost & ~shown)]


def _is_sheet_error(texts: pl.Series) -> pl.Series:
    marked = (texts.str.starts_with("#") | texts.str.starts_with("Err:")).fill_null(False)
    if not marked.any():
        return marked
    return marked & texts.str.to_uppercase().str.contains(_SHEET_ERROR).fill_null(False)


def _fault(
    rule: str, message: str, rows: pl.DataFrame, name: str, source: str, places: Places | None
) -> Fault:
    """The fault of some cells of a column, in rows of the user's frame."""
    if rows.schema[name] == MIXED:
        rows = rows.with_columns(pl.col(name).struct.field("shown").alias(name))
    if rows.schema[name].is_temporal():  # days outside of the calendar can be shown as numbers only
        rows = rows.with_columns(pl.col(name).to_physical())
    return Fault(rule, source, message, name, len(rows), example_rows(rows, [name], places, name))
