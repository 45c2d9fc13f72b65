"""A calendar: the trading days of a combination of exchanges."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any

from openfactor.client.handle import Handle
from openfactor.contract.calls import Workspace
from openfactor.contract.refs import Pinned
from openfactor.results import DataVersion
from openfactor.settings import CalendarSettings
from openfactor.settings.dates import DateLike, as_date


class Calendar(Handle):
    """The trading days of a combination of exchanges on a dataset."""

    def __init__(self, workspace: Workspace, pinned: Pinned[CalendarSettings]) -> None:
        self._workspace = workspace
        self._pinned = pinned

    def __repr__(self) -> str:
        span = f"{self._dates[0]} to {self._dates[-1]}, " if self._dates else ""
        return f"<calendar on {self.data}: {span}{len(self._dates)} trading days>"

    @property
    def data(self) -> DataVersion:
        """Which data it stands on."""
        return self._pinned.data

    @property
    def dataset(self) -> str:
        """Name of the risk dataset."""
        return self._pinned.dataset

    @property
    def settings(self) -> CalendarSettings:
        """The exchanges."""
        return self._pinned.setting

    def get(self, *, start: DateLike | None = None, end: DateLike | None = None) -> list[dt.date]:
        """Trading days, ascending; start, end : first and last day, both included."""
        first, last = as_date(start) or dt.date.min, as_date(end) or dt.date.max
        return [day for day in self._dates if first <= day <= last]

    @property
    def _refers_to(self) -> Any:
        return self._pinned

    @cached_property
    def _dates(self) -> list[dt.date]:
        return self._workspace.calendars.dates(self._pinned)
