"""A user's frame of any library as a polars frame."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import polars as pl

from openfactor.errors import DataError, Fault, SettingsError
from openfactor.frames.headings import PairedHeadings, stack
from openfactor.frames.mixed import mixed_series

_UNREADABLE = (Exception, pl.exceptions.PanicException)
"""Errors of libraries for types that they cannot convert; panics are no Exceptions."""
SOURCE_ROW = "openfactor.source_row"
"""Column of `as_table` with the number, from 0, of the user's row that a row was made from."""


def as_polars(df: Any, source: str = "frame") -> pl.DataFrame:
    """The cells of a frame of polars, pandas or pyarrow.

    A column of pandas that mixes types becomes one of `MIXED`. An index of a pandas frame becomes columns,
    unless it only counts the rows. Where columns have two levels, one of which names assets, there is a row
    per day and asset, unless all its fields are empty.

    Parameters
    ----------
    df
        The frame; a lazy one is collected.
    source
        What faults call it.

    Raises
    ------
    SettingsError
        It is no frame.
    DataError
        Columns of types that cannot be read, or repeated columns; all of them are named.
    """
    return as_table(df, source).drop(SOURCE_ROW, strict=False)


def as_table(df: Any, source: str = "frame") -> pl.DataFrame:
    """As `as_polars`, with `SOURCE_ROW` where the rows are not those of the user's frame.

    An upload that is given such a frame reports faults by the rows of the user's.
    """
    if isinstance(df, pl.LazyFrame):
        df = df.collect()
    if isinstance(df, pl.DataFrame):
        return df.with_columns(
            mixed_series(column.name, column.to_list())
            for column in df.iter_columns()
            if column.dtype == pl.Object
        )
    if type(df).__module__.partition(".")[0] == "pandas" and hasattr(df, "columns"):
        return _from_pandas(df, source)
    if hasattr(df, "__arrow_c_stream__") or hasattr(df, "__arrow_c_array__"):
        return _from_arrow(df, source)
    raise _no_table(df)


def _no_table(df: Any) -> SettingsError:
    remedy = "give a frame of polars, pandas or pyarrow, or a Path to a file"
    return SettingsError(f"{type(df).__name__} is no table:", [remedy])


def _from_arrow(df: Any, source: str) -> pl.DataFrame:
    if not hasattr(df, "column_names") or not hasattr(df, "column"):
        try:
            return pl.DataFrame(df)
        except pl.exceptions.SchemaError as error:  # a single column, such as a pandas Series
            raise _no_table(df) from error
        except _UNREADABLE as error:
            raise _refused(source, [Fault("unreadable_type", source, _first_line(error))]) from error
    names = [str(name) for name in getattr(df, "column_names", ())]
    return _by_column(names, source, lambda i: pl.Series(names[i], df.column(i)))


def _from_pandas(df: Any, source: str) -> pl.DataFrame:
    pairs: dict[str, tuple[str, str]] = {}
    levels = [str(name or "") for name in df.columns.names]
    if df.columns.nlevels == 2:
        headings = [(str(upper), str(lower)) for upper, lower in df.columns]
        names = [", ".join(filter(None, pair)) for pair in headings]
        pairs = {name: pair for name, pair in zip(names, headings, strict=True) if all(pair)}
        df = df.set_axis(names, axis=1)
    if type(df.index).__name__ == "DatetimeIndex" and df.index.name is None and "date" not in df.columns:
        df = df.rename_axis("date")
    counts = df.index.nlevels == 1 and df.index.name is None and df.index.dtype.kind in "iu"
    if not counts:
        df = df.reset_index()
    names = [str(name) for name in df.columns]
    frame = _by_column(names, source, lambda i: _series(names[i], df.iloc[:, i]))
    if not pairs:
        return frame
    index = [name for name in names if name not in pairs]
    paired = PairedHeadings(tuple(index), tuple(pairs.values()), (levels[0], levels[1]))
    stacked, source_rows = stack(frame.select(*index, *pairs), paired)
    return stacked.with_columns(pl.Series(SOURCE_ROW, source_rows, dtype=pl.Int64))


def _by_column(names: list[str], source: str, series: Callable[[int], pl.Series]) -> pl.DataFrame:
    """The columns, each converted by itself, so that all that cannot be are named."""
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    faults = [Fault("repeated_heading", source, "must occur only once", name) for name in repeated]
    columns: list[pl.Series] = []
    for i, name in enumerate(names):
        try:
            columns.append(series(i))
        except _UNREADABLE as error:
            message = f"is of a type that cannot be read: {_first_line(error)}; convert it"
            faults.append(Fault("unreadable_type", source, message, name))
    if faults:
        raise _refused(source, faults)
    return pl.DataFrame(columns)


def _series(name: str, column: Any) -> pl.Series:
    """A column of pandas; mixed if its cells are of several types."""
    if column.dtype == object:
        cells = [_plain(cell) for cell in column]
        types = {type(cell) for cell in cells if cell is not None}
        if len(types) > 1 or any(issubclass(kind, dt.datetime) for kind in types):  # of several zones, maybe
            return mixed_series(name, cells)
    return pl.Series(name, pl.from_pandas(column))


def _plain(cell: Any) -> Any:
    """A cell as a Python value; None for everything that stands for an empty cell in pandas."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(cell, float) and cell != cell:
        return None
    return cell.item() if hasattr(cell, "item") else cell


def _refused(source: str, faults: list[Fault]) -> DataError:
    return DataError(f"{source} cannot be read:", faults)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
