"""From a user's columns to those of a data type: names, then types. Nothing is lost on the way."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import Column
from openfactor.uploads.validation import ROW, examples, unread

EMPTY_NUMBERS = ("", "na", "n/a", "#n/a", "nan", "null", "none", "-")
"""What stands for an empty cell in a column of numbers, dates or flags, in lower case."""
FLAGS = {"true": True, "t": True, "yes": True, "y": True, "1": True,
         "false": False, "f": False, "no": False, "n": False, "0": False}  # fmt: skip
DATE_FORMATS = (
    "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y", "%d%b%Y",
    "%d-%B-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%m/%d/%Y", "%d/%m/%Y",
)  # fmt: skip
_YEAR = r"\d{4}"
_TIME = r"[T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?$"
ID_TYPES = frozenset(
    (
        "ticker", "isin", "cusip", "cusip8", "cusip9", "sedol", "sedol6", "sedol7", "figi", "ric", "lei",
        "permid", "permno", "gvkey",
    )
)  # fmt: skip
"""A column of one of these names stands for `asset_id` with this `asset_id_type`."""


@dataclass(frozen=True)
class Assignment:
    """Which of a user's columns is which of the data type's, and which it is none of."""

    columns: dict[str, str]
    """Column of the data type to the user's name for it."""
    constants: dict[str, Any]
    """Column of the data type to the value it holds everywhere."""
    rest: list[str]
    ambiguous: list[Fault]


def plain(name: str) -> str:
    """A column name in lower case, with underscores for what separates words."""
    return re.sub(r"[\s\-]+", "_", name.strip()).lower()


def assign(names: list[str], columns: tuple[Column, ...], source: str) -> Assignment:
    """Match exact names first, then names in another case, then aliases."""
    found: dict[str, str] = {}
    constants: dict[str, Any] = {}
    ambiguous: list[Fault] = []
    taken: set[str] = set()
    for accepted in (
        lambda column, name: name == column.name,
        lambda column, name: plain(name) == column.name,
        lambda column, name: plain(name) in column.aliases,
    ):
        for column in columns:
            if column.name in found:
                continue
            fits = [name for name in names if name not in taken and accepted(column, name)]
            if len(fits) > 1:
                message = f"could be any of {', '.join(fits)}; keep one"
                ambiguous.append(Fault("ambiguous_column", source, message, column.name))
            if fits:
                found[column.name] = fits[0]
                taken.update(fits)
    wanted = {column.name for column in columns}
    if {"asset_id", "asset_id_type"} <= wanted and not {"asset_id", "asset_id_type"} & set(found):
        typed = [name for name in names if name not in taken and plain(name) in ID_TYPES]
        if len(typed) == 1:
            found["asset_id"] = typed[0]
            constants["asset_id_type"] = plain(typed[0])
            taken.add(typed[0])
    return Assignment(found, constants, [name for name in names if name not in taken], ambiguous)


@dataclass(frozen=True)
class Cells:
    """A column of cells in the type that they are to have."""

    values: pl.Series
    """Empty where a cell cannot be read."""
    unread: pl.Series | None = None
    """Where that is, if anywhere."""
    fault: Fault | None = None


def cast(frame: pl.DataFrame, column: Column, name: str, source: str) -> Cells:
    """The user's column `name` in the type of `column`.

    Numbers of any width become Float64, datetimes at midnight become dates, categoricals become text, text
    is read as what the column holds.
    """
    series = frame.get_column(name)
    result = _cast(series, column)
    if result is None or isinstance(result, str):
        rule, message = "ambiguous_date", result
        if result is None:
            rule = "wrong_type"
            message = f"is {series.dtype}, must be {column.dtype}{_remedy(series, column)}"
        nothing = pl.repeat(None, len(frame), dtype=column.dtype, eager=True)
        return Cells(nothing, series.is_not_null(), Fault(rule, source, str(message), name))
    lost = result.is_null() & series.is_not_null()
    if lost.any():  # the text is only looked at where it must be
        lost &= ~_stands_for_empty(series, column)
    if not lost.any():
        return Cells(result)
    bad = frame.filter(lost)
    if series.dtype.is_temporal():  # days beyond the calendar cannot be shown but as numbers
        bad = bad.with_columns(pl.col(name).to_physical())
    message = f"cannot be read as {_MEANING[type(column.dtype)]}"
    return Cells(result, lost, Fault("unreadable", source, message, name, len(bad), examples(bad, [name])))


_MEANING: dict[type[pl.DataType], str] = {
    pl.Date: "a date; write 2024-12-31",
    pl.Float64: "a number; write 1234.5",
    pl.Int32: "a whole number",
    pl.Boolean: "true or false",
}


def _remedy(series: pl.Series, column: Column) -> str:
    if column.dtype == pl.String and series.dtype.is_numeric():
        return ": numbers lose leading zeros, give identifiers as text"
    if column.dtype == pl.Date and isinstance(series.dtype, pl.Datetime):
        return ": there are times beside midnight"
    return ""


def _stands_for_empty(series: pl.Series, column: Column) -> pl.Series:
    if series.dtype != pl.String or column.dtype == pl.String:
        return pl.repeat(False, len(series), eager=True)
    return series.str.strip_chars().str.to_lowercase().is_in(EMPTY_NUMBERS)


def _cast(series: pl.Series, column: Column) -> pl.Series | str | None:
    """The series in its type with nulls for what cannot be read, or why an order of days is unclear."""
    wanted = column.dtype
    if series.dtype == wanted:
        return _in_calendar(series) if wanted == pl.Date else series
    if series.dtype == pl.Null:
        return series.cast(wanted)
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        return _cast(series.cast(pl.String), column)
    if wanted == pl.String:
        return None
    if series.dtype == pl.String:
        return _read(series, column)
    if wanted == pl.Float64 and series.dtype.is_numeric():
        return series.cast(pl.Float64)
    if wanted == pl.Int32 and series.dtype.is_numeric():
        whole = series.cast(pl.Int32, strict=False)
        return whole if bool((whole == series).all()) and whole.null_count() == series.null_count() else None
    if wanted == pl.Boolean and series.dtype.is_integer():
        return series.cast(pl.Boolean) if bool(series.drop_nulls().is_in([0, 1]).all()) else None
    if wanted == pl.Date and isinstance(series.dtype, pl.Datetime):
        local = series.dt.replace_time_zone(None)
        days = _in_calendar(local.cast(pl.Date))
        return days if bool((days.cast(local.dtype) == local).all()) else None
    if wanted == pl.Date and series.dtype.is_integer():
        return _dates(series.cast(pl.String))
    return None


def _read(series: pl.Series, column: Column) -> pl.Series | str:
    """Text as numbers, flags or dates."""
    if column.dtype == pl.Date:
        return _dates(series)
    if column.dtype == pl.Boolean:
        return series.str.strip_chars().str.to_lowercase().replace_strict(
            FLAGS, default=None, return_dtype=pl.Boolean
        )  # fmt: skip
    numbers = series.cast(column.dtype, strict=False)
    if numbers.null_count() > series.null_count():
        numbers = series.str.strip_chars().cast(column.dtype, strict=False)
    return numbers.fill_nan(None) if column.dtype == pl.Float64 else numbers


def _dates(series: pl.Series) -> pl.Series | str:
    """Text as dates in the one format that reads most of it; the reason if two read it differently."""
    texts = series.drop_nulls().unique()
    clean = texts.str.strip_chars().str.replace(_TIME, "")
    clean = clean.set(~clean.str.contains(_YEAR), None)
    best = clean.str.to_date(DATE_FORMATS[0], strict=False, exact=True)
    chosen = DATE_FORMATS[0]
    for form in DATE_FORMATS[1:]:
        if best.null_count() == clean.null_count() and chosen != "%m/%d/%Y":
            break
        days = clean.str.to_date(form, strict=False, exact=True)
        if days.null_count() < best.null_count():
            best, chosen = days, form
        elif chosen == "%m/%d/%Y" and days.null_count() == best.null_count() and (days != best).any():
            return "day and month could be either way round; write 2024-12-31"
    return _in_calendar(series.replace_strict(texts, best, default=None, return_dtype=pl.Date))


def _in_calendar(days: pl.Series) -> pl.Series:
    """Without the days that no calendar has, which damaged files hold and nothing can show."""
    beyond = ~days.is_between(dt.date.min, dt.date.max).fill_null(True)
    return days.set(beyond, None) if beyond.any() else days


def _filled(cells: Cells, empty: Any) -> pl.Series:
    """The values with what empty cells stand for; cells that cannot be read stay empty."""
    if empty is None or not cells.values.null_count():
        return cells.values
    filled = cells.values.fill_null(pl.lit(empty, cells.values.dtype))
    return filled if cells.unread is None else filled.set(cells.unread, None)


def normalise(
    frame: pl.DataFrame, columns: tuple[Column, ...], assigned: Assignment, source: str
) -> tuple[pl.DataFrame, list[Fault]]:
    """`_row` and the columns in their types; what may be left out and is not there is empty.

    frame : holds `_row`

    Cells that cannot be read are empty; `unread(column)`, where there are any, says which they are.
    """
    faults: list[Fault] = []
    out = [frame.get_column(ROW)]
    for column in columns:
        value = assigned.constants.get(column.name, column.empty)
        name = assigned.columns.get(column.name)
        if name is None:
            out.append(pl.Series(column.name, [value], dtype=column.dtype).new_from_index(0, len(frame)))
            continue
        cells = cast(frame, column, name, source)
        out.append(_filled(cells, column.empty).alias(column.name))
        if cells.unread is not None:
            out.append(cells.unread.alias(unread(column.name)))
        if cells.fault:
            faults.append(cells.fault)
    return pl.DataFrame(out), faults
