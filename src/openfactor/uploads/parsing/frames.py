"""Frames of other libraries as polars frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl

from openfactor.errors import DataError, Fault, SettingsError

_UNREADABLE = (Exception, pl.exceptions.PanicException)
"""What libraries raise for types that they cannot convert; panics are no exceptions to Python."""


def as_polars(df: Any, source: str = "frame") -> pl.DataFrame:
    """A frame of polars, pandas or pyarrow. A column of pandas that mixes types becomes one of objects.

    An index of a pandas frame becomes columns, unless it only counts the rows. Where columns have two levels,
    one of which names assets, there is a row for each day and asset.

    Raises
    ------
    SettingsError: it is no frame. DataError: columns of types that cannot be read.
    """
    if isinstance(df, pl.LazyFrame):
        return df.collect()
    if isinstance(df, pl.DataFrame):
        return df
    if type(df).__module__.partition(".")[0] == "pandas" and hasattr(df, "columns"):
        return _from_pandas(df, source)
    if hasattr(df, "__arrow_c_stream__") or hasattr(df, "__arrow_c_array__"):
        return _from_arrow(df, source)
    remedy = "give a frame of polars, pandas or pyarrow, or a Path to a file"
    raise SettingsError(f"{type(df).__name__} is no table:", [remedy])


def _from_arrow(df: Any, source: str) -> pl.DataFrame:
    if not hasattr(df, "column_names") or not hasattr(df, "column"):
        try:
            return pl.DataFrame(df)
        except _UNREADABLE as error:
            raise _refused(source, [Fault("unreadable_type", source, _first_line(error))]) from error
    names = [str(name) for name in getattr(df, "column_names", ())]
    return _by_column(names, source, lambda i: pl.Series(names[i], df.column(i)))


def _from_pandas(df: Any, source: str) -> pl.DataFrame:
    if df.columns.nlevels == 2:
        df = _stacked(df)
    if type(df.index).__name__ == "DatetimeIndex" and df.index.name is None and "date" not in df.columns:
        df = df.rename_axis("date")
    counts = df.index.nlevels == 1 and df.index.name is None and df.index.dtype.kind in "iu"
    if not counts:
        df = df.reset_index()
    names = [str(name) for name in df.columns]
    return _by_column(names, source, lambda i: _series(names[i], df.iloc[:, i]))


def _stacked(df: Any) -> Any:
    """One row for each asset of a frame whose columns are pairs of a field and an asset, as Yahoo's are."""
    names = [str(name or "").lower() for name in df.columns.names]
    level = next((i for i, name in enumerate(names) if name in ("ticker", "tickers", "symbol", "symbols")), 1)
    label = df.columns.names[level] or "ticker"
    stacked = df.rename_axis(columns={df.columns.names[level]: label}) if df.columns.names[level] else df
    stacked.columns = stacked.columns.set_names(label, level=level)
    return stacked.stack(level=level, future_stack=True).rename_axis(columns=None).reset_index(level=-1)


def _by_column(names: list[str], source: str, series: Callable[[int], pl.Series]) -> pl.DataFrame:
    """The columns, each converted for itself, so that every one that cannot be is named."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    faults = [Fault("repeated_heading", source, "must be there once", name) for name in repeated]
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
    """A column of pandas; one of objects if its cells are of several types."""
    if column.dtype == object:
        cells = [_plain(cell) for cell in column]
        types = {type(cell) for cell in cells if cell is not None}
        if len(types) > 1 or any(issubclass(kind, dt.datetime) for kind in types):  # of several zones, maybe
            return pl.Series(name, cells, dtype=pl.Object)
    return pl.Series(name, pl.from_pandas(column))


def _plain(cell: Any) -> Any:
    """A cell as a value of Python; None for all that pandas has for an empty one."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(cell, float) and cell != cell:
        return None
    return cell.item() if hasattr(cell, "item") else cell


def _refused(source: str, faults: list[Fault]) -> DataError:
    return DataError(f"{source} cannot be read:", faults)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
