"""Cells of a user's table in the types of a data type. Nothing is lost, and what was cleaned is counted.

Null, an empty text and NaN mean the same in every column: the cell is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from openfactor.errors import Fault
from openfactor.frames import MIXED
from openfactor.uploads.parsing.dates import in_calendar, read_dates
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column
from openfactor.uploads.validation import example_rows

EMPTY = ("", "na", "n/a", "nan", "null", "none", "-")
"""What stands for an empty cell in a column of numbers, dates or flags, in lower case."""
FLAGS = {"true": True, "t": True, "yes": True, "y": True, "1": True,
         "false": False, "f": False, "no": False, "n": False, "0": False}  # fmt: skip
_BLANK = r"[\s\u200b\u2060\ufeff]"
_BLANKS_AROUND = rf"^{_BLANK}+|{_BLANK}+$"
_HARD_BLANK = "[\u00a0\u2007\u202f]"
_CLEAN = rf"^{_BLANK}|{_BLANK}$|{_HARD_BLANK}"
_FIRST_ROWS = 1000
_ODD = rf"{_CLEAN}|\x00|^#|^Err:"
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
    """A column of cells in the type that they are to have."""

    values: pl.Series
    """Empty where a cell cannot be read."""
    unread: pl.Series | None = None
    """Where that is, if anywhere."""
    faults: list[Fault] = field(default_factory=list)
    note: str | None = None
    """What was cleaned, with the number of cells."""


def cast(frame: pl.DataFrame, column: Column, name: str, source: str, places: Places | None = None) -> Cells:
    """The user's column `name` in the type of `column`; `places` are those of the frame's rows.

    Numbers of any width become Float64, datetimes at midnight become dates, categoricals become text, text
    is read as what the column holds. Each cell of a mixed column is read for itself.
    """
    series = frame.get_column(name)
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        series = series.cast(pl.String)
    if (series.is_null() | _is_nan(series)).all():  # whatever the type, such as NaN for a column of text
        return Cells(pl.repeat(None, len(series), dtype=column.dtype, eager=True))
    if column.dtype == pl.String and series.dtype == pl.String:
        cleaned = clean(series)
        values, note = cleaned, _cleaned(series, cleaned, name)
    else:
        read = _read(series, column)
        if read is None or isinstance(read, str):
            return _nothing(series, column, name, source, read)
        values, note = read, None
    faults: list[Fault] = []
    unread = pl.repeat(False, len(frame), dtype=pl.Boolean, eager=True)
    for rule, message, mask in _unread(series, values, column):
        if mask.any():
            unread |= mask
            faults.append(_fault(rule, message, frame.filter(mask), name, source, places))
    if column.zero_is_empty and (none := (values == 0).fill_null(False)).any():
        values, note = values.set(none, None), f"{name}: 0 in {none.sum():,} cells, which means none"
    return Cells(values.set(unread, None), unread, faults, note) if faults else Cells(values, note=note)


def tidy(frame: pl.DataFrame, names: Sequence[str]) -> set[str]:
    """Those of the columns that are text without anything to clean, to refuse or to count as empty.

    Most columns of text have few different ones: these are looked at, of all columns at once. Where the first
    rows have only one, it is quicker to see first that the others have no other.
    """
    texts = [name for name in names if frame.schema[name] == pl.String]
    first = frame.head(_FIRST_ROWS)
    maybe = [name for name in texts if first.get_column(name).n_unique() == 1]
    alike = (
        frame.lazy().select(pl.col(name).eq_missing(pl.col(name).first()).all() for name in maybe).collect()
    )
    short = [name for name in maybe if alike.get_column(name).item()]
    many = [name for name in texts if name not in short]
    distinct = frame.lazy().select(pl.col(name).unique().implode() for name in many).collect()
    found = [first.get_column(name).head(1) for name in short] + [
        distinct.get_column(name).explode() for name in many
    ]
    return {s.name for s in found if not (s.str.contains(_ODD) | (s == "")).any()}


def clean(texts: pl.Series) -> pl.Series:
    """Without blanks around, with ordinary blanks for those that do not break; empty text is null."""
    if texts.unique().str.contains(_CLEAN).any():
        texts = texts.str.replace_all(_HARD_BLANK, " ").str.replace_all(_BLANKS_AROUND, "")
    empty = (texts == "").fill_null(False)
    return texts.set(empty, None) if empty.any() else texts


def _cleaned(before: pl.Series, after: pl.Series, name: str) -> str | None:
    """How many texts have other letters now; those that were blank are empty, which is no change."""
    changed = before.filter((before != after).fill_null(False))
    if not len(changed):
        return None
    shown = ", ".join(repr(text) for text in changed.unique(maintain_order=True).head(3))
    many = "cell" if len(changed) == 1 else "cells"
    return (
        f"{name}: removed blanks around, or replaced non-breaking ones in, {len(changed):,} {many}: {shown}"
    )


def _nothing(series: pl.Series, column: Column, name: str, source: str, reason: str | None) -> Cells:
    """The cells of a column of which none can be read."""
    rule, message = "ambiguous_date", reason
    if message is None:
        rule = "wrong_type"
        message = f"is {series.dtype}, must be {column.dtype}{_remedy(series, column)}"
    nothing = pl.repeat(None, len(series), dtype=column.dtype, eager=True)
    return Cells(nothing, series.is_not_null(), [Fault(rule, source, message, name)])


def _remedy(series: pl.Series, column: Column) -> str:
    if column.dtype == pl.String and series.dtype.is_numeric():
        return ": numbers lose leading zeros, give identifiers as text"
    if column.dtype == pl.Date and isinstance(series.dtype, pl.Datetime):
        return ": there are times beside midnight"
    return ""


def _unread(series: pl.Series, values: pl.Series, column: Column) -> list[tuple[str, str, pl.Series]]:
    """Rule, message and cells for each way in which cells of the column could not be read."""
    sheet_error = "is an error of a spreadsheet; give a value, or empty the cell"
    if column.dtype == pl.String:
        nul = values.str.contains("\x00", literal=True).fill_null(False)
        found = [
            ("nul", "holds a NUL byte; the file is damaged, or is not text", nul),
            ("spreadsheet_error", sheet_error, _is_sheet_error(values)),
        ]
        if series.dtype == MIXED:
            other = series.is_not_null() & ~_is_nan(series) & _texts(series).is_null()
            found.append(("mixed_types", "is no text, as others are; give identifiers as text", other))
        return found
    lost = values.is_null() & series.is_not_null()
    if lost.any():  # the cells are only looked at where they must be
        lost &= ~_stands_for_empty(series)
    shown = _is_sheet_error(_texts(series)) if lost.any() else lost
    unreadable = f"cannot be read as {_MEANING[type(column.dtype)]}"
    return [("spreadsheet_error", sheet_error, lost & shown), ("unreadable", unreadable, lost & ~shown)]


def _is_sheet_error(texts: pl.Series) -> pl.Series:
    marked = (texts.str.starts_with("#") | texts.str.starts_with("Err:")).fill_null(False)
    if not marked.any():
        return marked
    return marked & texts.str.to_uppercase().str.contains(_SHEET_ERROR).fill_null(False)


def _fault(
    rule: str, message: str, bad: pl.DataFrame, name: str, source: str, places: Places | None
) -> Fault:
    if bad.schema[name] == MIXED:
        bad = bad.with_columns(pl.col(name).struct.field("shown").alias(name))
    if bad.get_column(name).dtype.is_temporal():  # days beyond the calendar cannot be shown but as numbers
        bad = bad.with_columns(pl.col(name).to_physical())
    return Fault(rule, source, message, name, len(bad), example_rows(bad, [name], places, name))


def _texts(series: pl.Series) -> pl.Series:
    """The cells that are text, without what is around."""
    if series.dtype == MIXED:
        series = series.struct.field("text")
    if series.dtype != pl.String:
        return pl.repeat(None, len(series), dtype=pl.String, eager=True)
    return series.str.strip_chars()


def _stands_for_empty(series: pl.Series) -> pl.Series:
    return _is_nan(series) | _texts(series).str.to_lowercase().is_in(EMPTY).fill_null(False)


def _is_nan(series: pl.Series) -> pl.Series:
    if series.dtype == MIXED:
        series = series.struct.field("number")
    if not series.dtype.is_float():
        return pl.repeat(False, len(series), dtype=pl.Boolean, eager=True)
    return series.is_nan().fill_null(False)


def _read(series: pl.Series, column: Column) -> pl.Series | str | None:
    """The series in its type with nulls for what cannot be read, or why an order of days is unclear; None if
    nothing of this type can be read."""
    if series.dtype == MIXED:
        return _read_mixed(series, column)
    if column.dtype == pl.String:
        return None
    if series.dtype == pl.String:
        return _read_text(series, column)
    if series.dtype.is_numeric():
        return _read_numbers(series, column)
    if series.dtype == pl.Boolean and column.dtype == pl.Boolean:
        return series
    if column.dtype != pl.Date:
        return None
    if series.dtype == pl.Date:
        return in_calendar(series)
    if isinstance(series.dtype, pl.Datetime):
        local = series.dt.replace_time_zone(None)
        days = in_calendar(local.cast(pl.Date))
        return days if bool((days.cast(local.dtype) == local).all()) else None
    return None


def _read_text(series: pl.Series, column: Column) -> pl.Series | str | None:
    if column.dtype == pl.Date:
        return read_dates(series)
    if column.dtype == pl.Boolean:
        return series.str.strip_chars().str.to_lowercase().replace_strict(
            FLAGS, default=None, return_dtype=pl.Boolean
        )  # fmt: skip
    numbers = series.cast(pl.Float64, strict=False)
    if numbers.null_count() > series.null_count():
        numbers = series.str.strip_chars().cast(pl.Float64, strict=False)
    return _whole(numbers, column.dtype) if column.dtype == pl.Int32 else numbers.fill_nan(None)


def _read_numbers(series: pl.Series, column: Column) -> pl.Series | str | None:
    """Numbers as numbers, as flags if they are 0 and 1, as dates if they are written like 20241231."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
    if column.dtype == pl.Float64:
        return series.cast(pl.Float64)
    if column.dtype == pl.Date:
        whole = _whole(series, pl.Int64())
        return None if whole.null_count() > series.null_count() else read_dates(whole.cast(pl.String))
    whole = _whole(series, pl.Int32())
    if column.dtype != pl.Boolean:
        return whole
    flags = whole.replace_strict({0: False, 1: True}, default=None, return_dtype=pl.Boolean)
    return flags if flags.null_count() == series.null_count() else None


def _whole(numbers: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Whole numbers; null for others."""
    whole = numbers.cast(dtype, strict=False)
    return whole.set((whole != numbers).fill_null(False), None)


def _read_mixed(series: pl.Series, column: Column) -> pl.Series | str:
    """Each cell as its own type allows; nulls for what cannot be read."""
    if column.dtype == pl.String:
        return clean(series.struct.field("text"))
    read = []
    for kind in ("text", "number", "flag", "time"):
        cells = series.struct.field(kind)
        if cells.null_count() < len(cells):
            values = _read(cells, column)
            if isinstance(values, str):
                return values
            if values is not None:
                read.append(values)
    if not read:
        return pl.repeat(None, len(series), dtype=column.dtype, eager=True)
    return pl.select(pl.coalesce(read)).to_series()
