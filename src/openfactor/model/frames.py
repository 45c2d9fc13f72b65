"""Arrays of a model as data frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Float = NDArray[np.float64]


def by_factor(dates: Sequence[dt.date], factors: Sequence[str], values: Float) -> pl.DataFrame:
    """date and one Float32 column a factor; NaN becomes null."""
    columns = {f: values[:, k].astype(np.float32) for k, f in enumerate(factors)}
    frame = pl.DataFrame({"date": pl.Series(dates, dtype=pl.Date), **columns})
    return frame.with_columns(pl.col(pl.Float32).fill_nan(None))


def between(frame: pl.DataFrame, start: dt.date | None, end: dt.date | None) -> pl.DataFrame:
    """The rows with start <= date <= end."""
    if start is not None:
        frame = frame.filter(pl.col("date") >= start)
    if end is not None:
        frame = frame.filter(pl.col("date") <= end)
    return frame
