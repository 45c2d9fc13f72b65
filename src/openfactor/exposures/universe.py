"""Which rows of the panel belong to a universe."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.calendar import trading_days, within
from openfactor.dataset.describe import describe
from openfactor.dataset.panel import RiskDataset
from openfactor.errors import SettingsError
from openfactor.settings.universe import CategoricalFilterSettings, UniverseSettings
from openfactor.settings.validation import validate_universe

Mask = NDArray[np.bool_]


def members(dataset: RiskDataset, settings: UniverseSettings) -> Mask:
    """(rows,) the row passes every filter on the values of its own day.

    Settings are taken as valid on the dataset (`settings.validation`).
    """
    panel = dataset.panel
    inside = np.ones(panel.n_rows, np.bool_)
    bounds = settings.mcap_filter
    if bounds.lower > 0 or bounds.upper < 1e20:
        known = np.isfinite(panel.cap) & (panel.cap >= bounds.lower) & (panel.cap <= bounds.upper)
        inside &= known | (np.isnan(panel.cap) & (bounds.lower == 0))
    for item in settings.categorical_filters:
        inside &= _in_categories(dataset, item)
    return inside


def _in_categories(dataset: RiskDataset, item: CategoricalFilterSettings) -> Mask:
    group = dataset.panel.sparse[item.hierarchy]
    included = np.array([item.include == "All" or c in item.include for c in group.categories] + [False])
    excluded = np.array([c in item.exclude for c in group.categories] + [False])
    # code -1, no category, reads the False at the end
    is_in = np.logical_or.reduce([included[codes] for codes in group.codes])
    is_out = np.logical_or.reduce([excluded[codes] for codes in group.codes])
    return np.asarray(is_in & ~is_out)


def universe_on(name: str, dataset: RiskDataset, settings: UniverseSettings) -> Universe:
    """The universe on the dataset of that name.

    Raises
    ------
    SettingsError: with everything in the settings that the dataset does not have.
    """
    validate_universe(settings, describe(dataset).universe_settings_menu)
    return Universe(name, dataset, settings)


class Universe:
    """The assets of a universe, day by day.

    Membership is decided by the stored values of the day itself. A listing can be a member from its first
    price to its last.
    """

    def __init__(self, name: str, dataset: RiskDataset, settings: UniverseSettings) -> None:
        self.dataset = name
        self.settings = settings
        self._data = dataset
        self.inside = members(dataset, settings)
        """(rows,) the panel's rows that are members."""
        self._trading = trading_days(dataset.closed, settings.calendar.filters, len(dataset.days))

    def __repr__(self) -> str:
        first, last = self.dates(range_only=True)
        return f"<universe on {self.dataset!r}, {first} to {last}, assets as {self.settings.id_type}>"

    @property
    def id_types(self) -> list[str]:
        """The id types in which assets can be given."""
        return list(self._data.identifiers.id_types)

    def dates(self, *, range_only: bool = False, trade_only: bool = False) -> list[dt.date]:
        """The days of the dataset, ascending.

        range_only : the first and the last of them
        trade_only : only trading days of the universe's calendar
        """
        days = [self._data.days[i] for i in self.days(trade_only)]
        return [days[0], days[-1]] if range_only and days else days

    def days(self, trade_only: bool = False) -> list[int]:
        """The same as indices of the dataset's days."""
        return self._trading.tolist() if trade_only else list(range(len(self._data.days)))

    def coverage(self, id_type: str | None = None) -> list[str]:
        """The assets that are members on any day, sorted; by default in the universe's id type.

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        names = self._data.identifiers.names(self.id_type(id_type))
        return sorted({names[i] for i in np.unique(self._data.panel.listing[self.inside])})

    def get(
        self,
        *,
        start: dt.date | None = None,
        end: dt.date | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
    ) -> pl.DataFrame:
        """One row for each day and member: date, and the id type; sorted.

        start, end : first and last day, both included
        id_type : by default the universe's
        filter_tradedays : only trading days of the universe's calendar

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        chosen = self.id_type(id_type)
        rows = np.flatnonzero(self.inside & self._on_days(start, end, filter_tradedays))
        names = pl.Series(self._data.identifiers.names(chosen), dtype=pl.String)
        frame = pl.DataFrame(
            {"date": self._dates_of(rows), chosen: names.gather(self._data.panel.listing[rows])}
        )
        return frame.unique().sort("date", chosen)

    def counts(
        self, dates: bool = True, categorical_hierarchy_levels: Mapping[str, int] | None = None
    ) -> pl.DataFrame:
        """How many members there are on trading days.

        dates : one row a day with `count`; otherwise `mean`, `min` and `max` of the days' counts, days
            without any member of a category included
        categorical_hierarchy_levels : hierarchy to the number of levels to count by, -1 for all; each adds
            the columns `{hierarchy}_level_1`, ... A member of two categories counts in both, one of none
            under null.

        Raises
        ------
        SettingsError: a hierarchy or level that the dataset does not have.
        """
        levels = dict(categorical_hierarchy_levels or {})
        self._check_levels(levels)
        rows = np.flatnonzero(self.inside & self._on_days(None, None, True))
        by_entity = self.settings.id_type != self.id_types[0]
        listing = self._data.panel.listing[rows]
        frame = pl.DataFrame(
            {
                "row": rows,
                "date": self._dates_of(rows),
                "asset": self._data.entity[listing] if by_entity else listing,
            }
        )
        for hierarchy in levels:
            frame = frame.join(self._categories(hierarchy), on="row", how="left")
        groups = [f"{hierarchy}_level_1" for hierarchy in levels]
        daily = frame.group_by("date", *groups).agg(count=pl.col("asset").n_unique().cast(pl.Int64))
        if dates:
            return daily.sort("date", *groups)
        n = len(self._trading)
        every_day = pl.len() == n
        spread = (
            (pl.col("count").sum() / n).alias("mean"),
            pl.when(every_day).then(pl.col("count").min()).otherwise(0).alias("min"),
            pl.col("count").max().alias("max"),
        )
        return daily.group_by(groups).agg(spread).sort(groups) if groups else daily.select(spread)

    def id_type(self, id_type: str | None = None) -> str:
        """The id type, by default the universe's; SettingsError if the dataset does not have it."""
        return self._data.identifiers.known_type(id_type or self.settings.id_type)

    def _on_days(self, start: dt.date | None, end: dt.date | None, trade_only: bool) -> Mask:
        """(rows,) the row's day is asked for."""
        days = self._data.days
        asked = np.zeros(len(days), np.bool_)
        asked[[i for i in self.days(trade_only) if within(days[i], start, end)]] = True
        return np.asarray(asked[self._data.panel.day])

    def _dates_of(self, rows: NDArray[np.int64]) -> pl.Series:
        return pl.Series(self._data.days, dtype=pl.Date).gather(self._data.panel.day[rows])

    def _check_levels(self, levels: Mapping[str, int]) -> None:
        problems = []
        for hierarchy, level in levels.items():
            if hierarchy not in self._data.panel.sparse:
                known = ", ".join(sorted(self._data.panel.sparse)) or "none"
                problems.append(f"there is no hierarchy {hierarchy!r}; possible: {known}")
            elif level not in (-1, 1):
                problems.append(
                    f"{hierarchy!r} has 1 level; ask for 1, or for -1 to have all, not for {level}"
                )
        if problems:
            raise SettingsError("the counts cannot be had:", problems)

    def _categories(self, hierarchy: str) -> pl.DataFrame:
        """row, `{hierarchy}_level_1`: a row for each category of each row of the panel that has one."""
        group = self._data.panel.sparse[hierarchy]
        names = pl.Series(group.categories, dtype=pl.String)
        frames = []
        for codes in group.codes:
            held = np.flatnonzero((codes >= 0) & self.inside)
            frames.append(pl.DataFrame({"row": held, f"{hierarchy}_level_1": names.gather(codes[held])}))
        return pl.concat(frames)
