"""Which stored days are trading days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.errors import SettingsError
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike, as_date
from openfactor.settings.universe import CalendarSettings

Dates = NDArray[np.datetime64]


def closed_days(closed: pl.DataFrame, days: Sequence[dt.date]) -> dict[str, NDArray[np.bool_]]:
    """Exchange to (D,): closed on that day."""
    stored = np.array(days, dtype="datetime64[D]")
    return {
        str(exchange): np.isin(stored, rows["date"].to_numpy().astype("datetime64[D]"))
        for (exchange,), rows in sorted(closed.group_by("exchange"))
    }


def counts_as_day(closed: Dates, days: Dates, priced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(D,) whether stored days count towards limits of days without a price.

    Days with prices do, and those on which no exchange is closed.

    Parameters
    ----------
    closed : dates on which any exchange is closed
    priced : (D,) whether a day has prices
    """
    return priced | ~np.isin(days, closed)


def within(day: dt.date, start: DateLike | None, end: DateLike | None) -> bool:
    """Whether start <= day <= end; None for no bound."""
    first, last = as_date(start), as_date(end)
    return (first is None or day >= first) and (last is None or day <= last)


def trading_days(
    closed: Mapping[str, NDArray[np.bool_]], filters: Sequence[Sequence[str]], n_days: int
) -> NDArray[np.int64]:
    """Indices of the stored days on which no group of `filters` is entirely closed.

    Raises
    ------
    SettingsError: an exchange that the dataset does not have.
    """
    unknown = sorted({exchange for group in filters for exchange in group} - closed.keys())
    if unknown:
        raise SettingsError(
            "the calendar names exchanges that the dataset does not have:",
            [f"{', '.join(unknown)}; the exchanges are {', '.join(closed) or 'none'}"],
        )
    shut = np.zeros(n_days, np.bool_)
    for group in filters:
        shut |= np.logical_and.reduce([closed[exchange] for exchange in group])
    return np.flatnonzero(~shut).astype(np.int64)


class Calendar:
    """The trading days of a combination of exchanges on a dataset."""

    def __init__(
        self,
        data: DataVersion,
        settings: CalendarSettings,
        closed: Mapping[str, NDArray[np.bool_]],
        days: Sequence[dt.date],
    ) -> None:
        self.data = data
        """Which data it stands on."""
        self.dataset = data.dataset
        self.settings = settings
        self._days = [days[i] for i in trading_days(closed, settings.filters, len(days))]

    def __repr__(self) -> str:
        span = f"{self._days[0]} to {self._days[-1]}, " if self._days else ""
        return f"<calendar on {self.data}: {span}{len(self._days)} trading days>"

    def get(self, *, start: DateLike | None = None, end: DateLike | None = None) -> list[dt.date]:
        """Trading days, ascending; start, end : first and last day, both included."""
        return [day for day in self._days if within(day, start, end)]
