"""Arrays of a model as data frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.settings.dates import DateLike, as_date

Float = NDArray[np.float64]


def by_factor(dates: Sequence[dt.date], factors: Sequence[str], values: Float) -> pl.DataFrame:
    """date and one Float32 column a factor; NaN becomes null."""
    columns = {f: values[:, k].astype(np.float32) for k, f in enumerate(factors)}
    frame = pl.DataFrame({"date": pl.Series(dates, dtype=pl.Date), **columns})
    return frame.with_columns(pl.col(pl.Float32).fill_nan(None))


def between(frame: pl.DataFrame, start: DateLike | None, end: DateLike | None) -> pl.DataFrame:
    """The rows with start <= date <= end."""
    first, last = as_date(start), as_date(end)
    if first is not None:
        frame = frame.filter(pl.col("date") >= first)
    if last is not None:
        frame = frame.filter(pl.col("date") <= last)
    return frame
