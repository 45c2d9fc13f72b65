"""Rows of a derived dataset: those of the reference that its trims keep, on its days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.calendar import closed_days
from openfactor.dataset.entries.entry import DerivedRows, Entry
from openfactor.dataset.panel_index import LONGEST_CLOSURE, PanelIndex, main_rows
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.errors import SettingsError
from openfactor.settings.riskdataset import DerivedRiskDatasetSettings

Mask = NDArray[np.bool_]
Int = NDArray[np.int64]
Dates = NDArray[np.datetime64]
Entries = Sequence[Entry[Any]]
_NEVER = np.datetime64("NaT", "D")


def derived_rows(
    settings: DerivedRiskDatasetSettings, reference: RiskDataset, entries: Entries
) -> DerivedRows:
    """The rows that are left after the trims, on the days of the reference and of the uploads.

    Raises
    ------
    SettingsError: no day or no asset is left.
    """
    start, end = _bounds(settings, reference, entries)
    uploaded = {day for entry in entries for day in entry.dates()}
    days = sorted(day for day in {*reference.days, *uploaded} if start <= day <= end)
    if not days:
        raise SettingsError("the trims leave no day:", [f"the first is {start}, the last {end}"])
    trim = _AssetTrim(settings, reference, entries)
    offsets, source, is_added, source_day = _copied_rows(reference, days, trim)
    if not len(source):
        raise SettingsError("the trims leave no asset:", [f"between {start} and {end}"])
    panel, listing = reference.panel, reference.panel.listing[source]
    ends = np.zeros(panel.n_rows, np.bool_)
    ends[panel.delisted] = True
    index = PanelIndex(
        days=days,
        n_listings=reference.identifiers.n_listings,
        n_companies=reference.identifiers.n_companies,
        company=reference.company[listing],
        offsets=offsets,
        listing=listing,
        local_return=np.where(is_added, np.nan, panel.local_return[source]),
        currency=panel.currency[source],
        priced=panel.priced[source] & ~is_added,
        delisted=np.flatnonzero(ends[source] & ~is_added),
        is_main_listing=main_rows(
            days, offsets, listing, reference.identifiers, last=~panel.is_main_listing[source]
        ),
    )
    return DerivedRows(index, source, source_day)


def _copied_rows(
    reference: RiskDataset, days: Sequence[dt.date], trim: _AssetTrim
) -> tuple[Int, Int, Mask, Int]:
    """The rows that are copied from the reference.

    Returns
    -------
    (D + 1,) offsets by day; (rows,) row of the reference; (rows,) whether the day is no day of the reference;
    (D,) the reference's latest stored day, -1 before the first.
    """
    panel, stored = reference.panel, np.array(reference.days, "datetime64[D]")
    source_day = np.searchsorted(stored, np.array(days, "datetime64[D]"), side="right") - 1
    dates = np.array(days, "datetime64[D]")
    added_days = stored[np.maximum(source_day, 0)] != dates
    idle = _idle_days(reference, days, source_day)
    has_ended = np.zeros(panel.n_rows, np.bool_)
    has_ended[panel.delisted] = True
    sources, is_added = [], []
    for date, at, added, n_idle in zip(
        dates, source_day.tolist(), added_days.tolist(), idle.tolist(), strict=True
    ):
        rows = panel.rows_of(at) if at >= 0 else slice(0, 0)
        alive = trim.keeps(rows, date)
        if added:  # listings stay alive over a closure
            alive = alive & ~has_ended[rows] & (n_idle <= LONGEST_CLOSURE)
        sources.append(rows.start + np.flatnonzero(alive))
        is_added.append(np.full(len(sources[-1]), added))
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in sources])]).astype(np.int64)
    source = np.concatenate(sources).astype(np.int64)
    return offsets, source, np.concatenate(is_added), source_day.astype(np.int64)


def _bounds(
    settings: DerivedRiskDatasetSettings, reference: RiskDataset, entries: Entries
) -> tuple[dt.date, dt.date]:
    """First and last day."""
    dates = [entry.dates() for entry in entries if entry.dates()]
    firsts, lasts = [min(days) for days in dates], [max(days) for days in dates]
    if not dates or any(entry.keeps_reference_days for entry in entries):
        firsts.append(reference.days[0])
        lasts.append(reference.days[-1])

    def bound(setting: str | dt.date, own: dt.date, candidates: list[dt.date]) -> dt.date:
        if isinstance(setting, dt.date):
            return setting
        if setting == "none":
            return own
        pick: Callable[[list[dt.date]], dt.date] = min if setting.startswith("earliest") else max
        return pick(candidates)

    return (
        bound(settings.trim_start_date, reference.days[0], firsts),
        bound(settings.trim_end_date, reference.days[-1], lasts),
    )


def _idle_days(reference: RiskDataset, days: Sequence[dt.date], source_day: Int) -> Int:
    """(D,) days since the reference's latest day on which no exchange is closed and it has no data."""
    shut = np.zeros(len(days), np.bool_)
    for closed in closed_days(reference.closures, days).values():
        shut |= closed
    n_open = np.cumsum(~shut)
    return np.asarray(n_open - n_open[np.searchsorted(source_day, source_day)])


class _AssetTrim:
    """What `trim_assets` keeps, decided by what the uploads have named up to each day.

    Exposures belong to companies, so all listings of a company stay, from the day on which it is named. A
    currency counts from the first day on which a company that is named by then is quoted in it.
    """

    def __init__(
        self, settings: DerivedRiskDatasetSettings, reference: RiskDataset, entries: Entries
    ) -> None:
        self._trim = settings.trim_assets
        self._panel, self._company = reference.panel, reference.company
        self._first: Dates = np.full(reference.identifiers.n_companies, _NEVER)
        for entry in entries:
            self._first = np.fmin(self._first, entry.first_named(settings.trim_assets_sources))
        if self._trim == "ccy_union":
            self._first = self._first_of_currencies(reference)

    def _first_of_currencies(self, reference: RiskDataset) -> Dates:
        panel = self._panel
        first: Dates = np.full(len(reference.currencies), _NEVER)
        for d, day in enumerate(np.array(reference.days, "datetime64[D]")):
            rows = panel.rows_of(d)
            is_named = self._first[self._company[panel.listing[rows]]] <= day
            currencies = np.unique(panel.currency[rows][is_named])
            first[currencies] = np.fmin(first[currencies], day)
        return first

    def keeps(self, rows: slice, day: np.datetime64) -> Mask:
        """(n,) which rows of the reference stay on a day."""
        if self._trim == "none":
            return np.ones(rows.stop - rows.start, np.bool_)
        by_company = self._trim == "asset_union"
        key = self._company[self._panel.listing[rows]] if by_company else self._panel.currency[rows]
        return np.asarray(self._first[key] <= day)
