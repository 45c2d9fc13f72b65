"""Trading days of exchanges."""

from __future__ import annotations

import datetime as dt

from openfactor.contract.refs import Pinned
from openfactor.dataset.calendar import trading_days
from openfactor.settings import CalendarSettings, DatasetSettings
from openfactor.settings.values import Reference
from openfactor.workspace.saved_settings import SavedSettingsStore


class Calendars:
    """Implements `CalendarCalls`."""

    def __init__(self, saved: SavedSettingsStore) -> None:
        self._saved = saved

    def bind(self, settings: DatasetSettings[CalendarSettings] | Reference) -> Pinned[CalendarSettings]:
        """The settings with the content that they are read against; raises as `SavedSettingsStore.pin`."""
        return self._saved.pin(CalendarSettings, settings)

    def dates(self, calendar: Pinned[CalendarSettings]) -> list[dt.date]:
        """The trading days, ascending."""
        dataset = self._saved.open(calendar).dataset
        days = trading_days(dataset.closed, calendar.setting.filters, len(dataset.days))
        return [dataset.days[day] for day in days]
