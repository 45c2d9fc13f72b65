"""Columns whose cells differ in type, as workbooks and pandas have them, as a type that Arrow knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

MIXED = pl.Struct(
    {
        "shown": pl.String,
        "text": pl.String,
        "number": pl.Float64,
        "flag": pl.Boolean,
        "time": pl.Datetime("us"),
    }
)
"""A cell as Python shows it, and its value in the field of its type; empty cells are null."""


def mixed_series(name: str, cells: Sequence[object]) -> pl.Series:
    """A column of cells of any types; what is neither text, number, flag nor time is only shown."""
    fields = {
        "shown": [None if cell is None else str(cell) for cell in cells],
        "text": [cell if isinstance(cell, str) else None for cell in cells],
        "number": [_number(cell) for cell in cells],
        "flag": [cell if isinstance(cell, bool) else None for cell in cells],
        "time": [_time(cell) for cell in cells],
    }
    columns = pl.DataFrame(fields, schema={field.name: field.dtype for field in MIXED.fields})
    cell = pl.when(pl.col("shown").is_not_null()).then(pl.struct(pl.all()))
    return columns.select(cell.alias(name)).to_series()


def _number(cell: object) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    return float(cell) if isinstance(cell, float) or abs(cell) < 1 << 1000 else None


def _time(cell: object) -> dt.datetime | None:
    """The time on the clock where it was recorded."""
    if isinstance(cell, dt.datetime):
        return cell.replace(tzinfo=None)
    return dt.datetime.combine(cell, dt.time()) if isinstance(cell, dt.date) else None
