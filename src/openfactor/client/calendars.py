"""A calendar: the trading days of a combination of exchanges."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

from openfactor.client.handle import PinnedHandle
from openfactor.settings import CalendarSettings
from openfactor.settings.dates import DateLike, as_date


class Calendar(PinnedHandle[CalendarSettings]):
    """The trading days of a combination of exchanges on a dataset."""

    def __repr__(self) -> str:
        span = f"{self._dates[0]} to {self._dates[-1]}, " if self._dates else ""
        return f"<calendar on {self.data}: {span}{len(self._dates)} trading days>"

    def get(self, *, start: DateLike | None = None, end: DateLike | None = None) -> list[dt.date]:
        """Trading days, ascending; start, end : first and last day, both included."""
        first, last = as_date(start) or dt.date.min, as_date(end) or dt.date.max
        return [day for day in self._dates if first <= day <= last]

    @cached_property
    def _dates(self) -> list[dt.date]:
        return self._workspace.calendars.dates(self.pinned)
