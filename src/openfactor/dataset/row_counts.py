"""Counts of rows read, rows dropped and values derived, by upload and reason."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import polars as pl

NO_RETURNS = pl.DataFrame(schema={"date": pl.Date, "listing": pl.Int32, "return": pl.Float64})

# reasons that several modules refer to
AFTER_THE_END = "after the last day"
BEFORE_LIFE = "return that begins before the first price"
DUPLICATE = "duplicate of a row under another id type"
NOT_BY_LISTING = 'cap of a company, while market_cap_per="listing"'
SUPERSEDED = "superseded by a row of the company's main listing"
UNKNOWN = "unknown asset"
UNKNOWN_OF_TYPE = "unknown asset of id type "


@dataclass
class RowCounts:
    """Counts for the build report, by upload."""

    read: dict[str, int] = field(default_factory=dict)
    dropped: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    unused_returns: pl.DataFrame = field(default_factory=NO_RETURNS.clone)
    """date, listing, return: returns that begin before the first price of a life."""

    worked_out: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def drop(self, upload: str, reason: str, count: int) -> None:
        """Add to the rows dropped for a reason."""
        if count:
            self.dropped[upload][reason] = self.dropped[upload].get(reason, 0) + count

    def work_out(self, upload: str, what: str, count: int) -> None:
        """Add to the values that replace others, or fill gaps, of the upload."""
        if count:
            self.worked_out[upload][what] = self.worked_out[upload].get(what, 0) + count

    def add(self, other: RowCounts) -> None:
        """Add the counts of other rows."""
        for upload, count in other.read.items():
            self.read[upload] = self.read.get(upload, 0) + count
        for upload, reasons in other.dropped.items():
            for reason, count in reasons.items():
                self.drop(upload, reason, count)
        for upload, values in other.worked_out.items():
            for what, count in values.items():
                self.work_out(upload, what, count)
        self.unused_returns = pl.concat([self.unused_returns, other.unused_returns])
