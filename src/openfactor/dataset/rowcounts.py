"""Rows read, rows dropped and values worked out, by upload and reason."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import polars as pl

NO_RETURNS = pl.DataFrame(schema={"date": pl.Date, "listing": pl.Int32, "return": pl.Float64})


@dataclass
class RowCounts:
    """Counts that end up in the build report."""

    read: dict[str, int] = field(default_factory=dict)
    dropped: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    unused_returns: pl.DataFrame = field(default_factory=NO_RETURNS.clone)
    """date, listing, return of prices that begin a life."""

    worked_out: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def drop(self, upload: str, reason: str, count: int) -> None:
        """Add to the rows that were dropped for a reason."""
        if count:
            self.dropped[upload][reason] = self.dropped[upload].get(reason, 0) + count

    def work_out(self, upload: str, what: str, count: int) -> None:
        """Add to the values that stand for others, or for none, of the upload."""
        if count:
            self.worked_out[upload][what] = self.worked_out[upload].get(what, 0) + count
