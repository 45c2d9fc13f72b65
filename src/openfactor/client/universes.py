"""A universe: the assets that settings select, day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from openfactor.client.handle import PinnedHandle
from openfactor.contract.refs import FrameQuery, Layout
from openfactor.settings import UniverseSettings
from openfactor.settings.dates import DateLike

if TYPE_CHECKING:
    import polars as pl


class Universe(PinnedHandle[UniverseSettings]):
    """The assets of a universe, day by day, on the data of the moment it was loaded.

    Membership is decided by the stored values of the day itself. A listing can be a member from its first
    price to its last.
    """

    def __repr__(self) -> str:
        return f"<universe on {self.data}, assets as {self.settings.id_type}>"

    @cached_property
    def id_types(self) -> list[str]:
        """The id types in which assets can be given."""
        return self._workspace.universes.id_types(self.pinned)

    def dates(self, *, range_only: bool = False, trade_only: bool = False) -> list[dt.date]:
        """The days of the dataset, ascending.

        Parameters
        ----------
        range_only : the first and the last of them
        trade_only : only trading days of the universe's calendar
        """
        days = self._workspace.universes.dates(self.pinned, trading_days_only=trade_only)
        return [days[0], days[-1]] if range_only and days else days

    def coverage(self, id_type: str | None = None) -> list[str]:
        """The assets that are members on any day, by their identifiers of these days, sorted.

        Parameters
        ----------
        id_type : by default the universe's

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        return self._workspace.universes.assets(self.pinned, id_type)

    def get(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
        layout: Layout = "long",
    ) -> pl.DataFrame:
        """The members of each day, by their identifiers of the day; sorted.

        Parameters
        ----------
        start, end : first and last day, both included
        id_type : by default the universe's
        filter_tradedays : only trading days of the universe's calendar
        layout : long: one row per day and member with `date` and the id type; wide: one row per day, and a
            column per asset that says whether it is a member

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        query = FrameQuery.between(
            "members", start, end, id_type=id_type, trading_days_only=filter_tradedays, layout=layout
        )
        return self._workspace.universes.frame(self.pinned, query)

    def counts(
        self,
        dates: bool = True,
        categorical_hierarchy_levels: Mapping[str, int] | None = None,
        labels: bool = True,
    ) -> pl.DataFrame:
        """How many members there are on trading days, those of `get`.

        Parameters
        ----------
        dates : one row per day with `count`; otherwise `mean`, `min` and `max` of the days' counts, days
            without any member of a category included
        categorical_hierarchy_levels : hierarchy to the number of levels to count by, -1 for all; each adds
            the columns `{hierarchy}_level_1`, ... A member of two categories counts in both, one of none
            under null; below the end of a short branch the level is null.
        labels : name categories by label, otherwise by code

        Raises
        ------
        SettingsError: a hierarchy or level that the dataset does not have.
        """
        levels = dict(categorical_hierarchy_levels or {})
        return self._workspace.universes.counts(self.pinned, dates=dates, levels=levels, labels=labels)

    def input_id_mapping(self, id_type: str | None = None) -> pl.DataFrame:
        """The identifiers of all types that lead to the assets which are ever members.

        Columns: input_id_type, input_id, start_date, end_date (both included), and the id type, by default
        the universe's; an identifier of a company stands for its first listing. Sorted.

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        query = FrameQuery(frame="input_id_mapping", id_type=id_type)
        return self._workspace.universes.frame(self.pinned, query)
