"""Frames of other libraries as polars frames."""

from __future__ import annotations

from typing import Any

import polars as pl

from openfactor.errors import DataError, Fault, SettingsError


def as_polars(df: Any, source: str = "frame") -> pl.DataFrame:
    """A frame of polars, pandas or pyarrow; what pandas holds as NaN is empty.

    An index of a pandas frame becomes columns, unless it only counts the rows.

    Raises
    ------
    SettingsError: it is no frame. DataError: columns of it mix types.
    """
    if isinstance(df, pl.LazyFrame):
        return df.collect()
    if isinstance(df, pl.DataFrame):
        return df
    if type(df).__module__.partition(".")[0] == "pandas" and hasattr(df, "columns"):
        return _from_pandas(df if type(df.index).__name__ == "RangeIndex" else df.reset_index(), source)
    if hasattr(df, "__arrow_c_stream__") or hasattr(df, "__arrow_c_array__"):
        return pl.DataFrame(df)
    remedy = "give a frame of polars, pandas or pyarrow, or a Path to a file"
    raise SettingsError(f"{type(df).__name__} is no table:", [remedy])


def _from_pandas(df: Any, source: str) -> pl.DataFrame:
    names = [str(name) for name in df.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    faults = [Fault("repeated_heading", source, "must be there once", name) for name in repeated]
    columns: list[pl.Series] = []
    for i, name in enumerate(names):
        try:
            columns.append(pl.Series(name, pl.from_pandas(df.iloc[:, i])))
        except Exception as error:  # pyarrow has many errors for columns that it cannot convert
            message = f"mixes types: {error}; give it one"
            faults.append(Fault("mixed_types", source, message, name))
    if faults:
        raise DataError(f"{source} cannot be read:", faults)
    return pl.DataFrame(columns)
