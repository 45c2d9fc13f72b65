"""Cells as values of a type: what can be read, and what stands for an empty cell.

Null, an empty text and NaN mean the same in every column: the cell is empty.
"""

from __future__ import annotations

import polars as pl

from openfactor.frames import MIXED
from openfactor.uploads.parsing.cleaning import clean
from openfactor.uploads.parsing.dates import in_calendar, read_dates

EMPTY = ("", "na", "n/a", "nan", "null", "none", "-")
"""What stands for an empty cell in a column of numbers, dates or flags, in lower case."""
FLAGS = {"true": True, "t": True, "yes": True, "y": True, "1": True,
         "false": False, "f": False, "no": False, "n": False, "0": False}  # fmt: skip


def stands_for_empty(series: pl.Series) -> pl.Series:
    """Whether each cell is NaN, or a text such as `NA`."""
    return is_nan(series) | texts_of(series).str.to_lowercase().is_in(EMPTY).fill_null(False)


def is_nan(series: pl.Series) -> pl.Series:
    """Whether each cell is NaN."""
    if series.dtype == MIXED:
        series = series.struct.field("number")
    if not series.dtype.is_float():
        return pl.repeat(False, len(series), dtype=pl.Boolean, eager=True)
    return series.is_nan().fill_null(False)


def texts_of(series: pl.Series) -> pl.Series:
    """The cells that are text, stripped; null for others."""
    if series.dtype == MIXED:
        series = series.struct.field("text")
    if series.dtype != pl.String:
        return pl.repeat(None, len(series), dtype=pl.String, eager=True)
    return series.str.strip_chars()


def read_values(series: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """The cells in a type, null where they cannot be read; None if no cell of such a series can be.

    Raises
    ------
    AmbiguousDatesError
        Day and month of dates could be either way round.
    """
    if series.dtype == MIXED:
        return _read_mixed(series, dtype)
    if dtype == pl.String:
        return None
    if series.dtype == pl.String:
        return _read_texts(series, dtype)
    if series.dtype.is_numeric():
        return _read_numbers(series, dtype)
    if series.dtype == pl.Boolean and dtype == pl.Boolean:
        return series
    return _read_days(series) if dtype == pl.Date else None


def _read_days(series: pl.Series) -> pl.Series | None:
    """Dates, and datetimes if all of them are at midnight."""
    if series.dtype == pl.Date:
        return in_calendar(series)
    if isinstance(series.dtype, pl.Datetime):
        local = series.dt.replace_time_zone(None)
        days = in_calendar(local.cast(pl.Date))
        return days if bool((days.cast(local.dtype) == local).all()) else None
    return None


def _read_texts(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    if dtype == pl.Date:
        return read_dates(series)
    if dtype == pl.Boolean:
        return series.str.strip_chars().str.to_lowercase().replace_strict(
            FLAGS, default=None, return_dtype=pl.Boolean
        )  # fmt: skip
    numbers = series.cast(pl.Float64, strict=False)
    if numbers.null_count() > series.null_count():
        numbers = series.str.strip_chars().cast(pl.Float64, strict=False)
    return _whole(numbers, dtype) if dtype == pl.Int32 else numbers.fill_nan(None)


def _read_numbers(series: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """Numbers as numbers, as flags if all are 0 and 1, as dates if all are written like 20241231."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
    if dtype == pl.Float64:
        return series.cast(pl.Float64)
    if dtype == pl.Date:
        whole = _whole(series, pl.Int64())
        return None if whole.null_count() > series.null_count() else read_dates(whole.cast(pl.String))
    whole = _whole(series, pl.Int32())
    if dtype != pl.Boolean:
        return whole
    flags = whole.replace_strict({0: False, 1: True}, default=None, return_dtype=pl.Boolean)
    return flags if flags.null_count() == series.null_count() else None


def _whole(numbers: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Whole numbers; null for others."""
    whole = numbers.cast(dtype, strict=False)
    return whole.set((whole != numbers).fill_null(False), None)


def _read_mixed(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Each cell as its own type allows; null where it cannot be read."""
    if dtype == pl.String:
        return clean(series.struct.field("text"))
    columns = [series.struct.field(kind) for kind in ("text", "number", "flag", "time")]
    values = [read_values(cells, dtype) for cells in columns if cells.null_count() < len(cells)]
    readable = [cells for cells in values if cells is not None]
    if not readable:
        return pl.repeat(None, len(series), dtype=dtype, eager=True)
    return pl.select(pl.coalesce(readable)).to_series()
