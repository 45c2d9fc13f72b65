"""Universes on the content that they are bound to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from openfactor.context import Context
from openfactor.contract.calls import UniverseChoice
from openfactor.contract.refs import FrameQuery, Pinned
from openfactor.exposures import (
    Membership,
    membership_on,
    universe_counts,
    universe_coverage,
    universe_frame,
)
from openfactor.results import DataVersion
from openfactor.settings import DatasetSettings, UniverseSettings
from openfactor.settings.values import Reference
from openfactor.workspace.saved_settings import SavedSettingsStore


class Universes:
    """Implements `UniverseCalls`."""

    def __init__(self, saved: SavedSettingsStore, context: Context) -> None:
        self._saved = saved
        self._context = context

    def bind(self, settings: DatasetSettings[UniverseSettings] | Reference) -> Pinned[UniverseSettings]:
        """The settings with the content that they are read against.

        Raises
        ------
        As `SavedSettingsStore.bind` and `exposures.members`.
        """
        pinned = self._saved.pin(UniverseSettings, settings)
        self.membership(pinned)
        return pinned

    def id_types(self, universe: Pinned[UniverseSettings]) -> list[str]:
        """The id types in which assets can be given."""
        return list(self.membership(universe).dataset.identifiers.company_types)

    def dates(self, universe: Pinned[UniverseSettings], *, trading_days_only: bool) -> list[dt.date]:
        """The stored days, or the trading days of the universe's calendar, ascending."""
        return self.membership(universe).dates(trading_only=trading_days_only)

    def assets(self, universe: Pinned[UniverseSettings], id_type: str | None) -> list[str]:
        """The assets that are members on any day, sorted."""
        return universe_coverage(self.membership(universe), id_type)

    def frame(self, universe: Pinned[UniverseSettings], query: FrameQuery) -> pl.DataFrame:
        """A frame of the universe; raises as `exposures.universe_frame`."""
        return universe_frame(self.membership(universe), query)

    def counts(
        self, universe: Pinned[UniverseSettings], *, dates: bool, levels: Mapping[str, int], labels: bool
    ) -> pl.DataFrame:
        """Numbers of members on trading days; raises as `exposures.universe_counts`."""
        membership = self.membership(universe)
        return universe_counts(membership, dates=dates, categorical_hierarchy_levels=levels, labels=labels)

    def membership(self, universe: Pinned[UniverseSettings]) -> Membership:
        """The universe itself."""

        def make() -> Membership:
            content = self._saved.open(universe)
            return membership_on(content.dataset, content.settings, content.uploads)

        return self._context.cache.get("universe", universe, make, self._context.check)

    def chosen(self, universe: UniverseChoice, data: DataVersion) -> Membership:
        """A universe on the data of something that is pinned already.

        Raises
        ------
        NotFoundError: saved settings that do not exist. SettingsError: with everything that the data do not
        have.
        """
        if not isinstance(universe, Pinned):
            universe = self._saved.pin_on(data, self._saved.follow(universe))
        return self.membership(universe)
