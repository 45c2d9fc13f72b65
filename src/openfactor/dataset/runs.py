"""Runs of days: calendar months, which datasets and versions share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class RunDays:
    """The days of a run."""

    name: str
    """Year and month, such as "2024-03"."""
    dates: tuple[dt.date, ...]
    """Ascending."""
    first: int
    """Index of the first one in the history."""

    @property
    def stop(self) -> int:
        """Index of the day after the last one."""
        return self.first + len(self.dates)


def month(date: dt.date) -> str:
    """Name of the run that a date belongs to."""
    return f"{date:%Y-%m}"


def months(dates: Sequence[dt.date], first: int = 0) -> Iterator[RunDays]:
    """The runs of ascending dates, the first of which has the index `first` in the history."""
    for name, days in groupby(dates, month):
        run = RunDays(name, tuple(days), first)
        yield run
        first = run.stop
