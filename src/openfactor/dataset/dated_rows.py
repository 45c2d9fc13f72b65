"""Rows of an upload in the order of their dates, handed out run by run."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

BATCH = 1_000_000
"""Approximate number of rows that are read at a time."""


class DatedRows:
    """Hands out the rows of an upload; short runs are read several at once.

    Parameters
    ----------
    rows : with a date
    counts : date, rows: number of rows per date; a date may occur several times
    """

    def __init__(self, rows: pl.LazyFrame, counts: pl.DataFrame) -> None:
        by_date = counts.group_by("date").agg(pl.col("rows").sum()).sort("date")
        self._rows = rows
        self._dates = by_date["date"].to_numpy().astype("datetime64[D]")
        self._ends = by_date["rows"].cum_sum().to_numpy()
        self._next = 0  # of the dates, the first that was not handed out
        self._loaded = 0  # of the dates, the first that was not read
        self._buffer: pl.DataFrame | None = None

    def dates(self, last: dt.date) -> list[dt.date]:
        """The next dates with rows, up to `last`."""
        stop = int(np.searchsorted(self._dates, np.datetime64(last), side="right"))
        dates: list[dt.date] = self._dates[self._next : stop].tolist()
        return dates

    def n_rows(self, first: dt.date, last: dt.date) -> int:
        """Number of rows with dates from `first` to `last`, of all id types."""
        span = np.array([first, last + dt.timedelta(1)], "datetime64[D]")
        before = np.concatenate([[0], self._ends])[np.searchsorted(self._dates, span)]
        return int(before[1] - before[0])

    def until(self, last: dt.date) -> pl.DataFrame:
        """The rows of the next dates up to `last`, sorted by date; none of them are handed out again."""
        stop = int(np.searchsorted(self._dates, np.datetime64(last), side="right"))
        if self._buffer is None or stop > self._loaded:
            self._read(stop)
        assert self._buffer is not None
        end = int(self._buffer["date"].search_sorted(last, side="right"))
        rows, self._buffer = self._buffer[:end], self._buffer[end:]
        self._next = max(self._next, stop)
        return rows

    def _read(self, stop: int) -> None:
        """Read the dates up to `stop`, and more if these are few rows."""
        first = self._ends[self._loaded - 1] if self._loaded else 0
        stop = max(stop, int(np.searchsorted(self._ends, first + BATCH, side="right")))
        dates = self._dates[self._loaded : stop]
        span = (dates[0].item(), dates[-1].item()) if len(dates) else (dt.date.max, dt.date.min)
        rows = self._rows.filter(pl.col("date").is_between(*span)).collect()
        if not rows["date"].is_sorted():
            rows = rows.sort("date", maintain_order=True)
        self._buffer = rows if self._buffer is None else pl.concat([self._buffer, rows])
        self._loaded = stop
