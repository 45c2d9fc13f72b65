"""Exposures of the assets of a universe, on the content that they are bound to."""

from __future__ import annotations

import datetime as dt

import polars as pl

from openfactor.context import Context
from openfactor.contract.calls import UniverseChoice
from openfactor.contract.refs import FrameQuery, Pinned
from openfactor.exposures import (
    ExposureInputs,
    exposure_coverage,
    exposure_factors,
    exposures_of_universe,
)
from openfactor.settings import DatasetSettings, ExposureSettings
from openfactor.settings.values import Reference
from openfactor.workspace.saved_settings import SavedSettingsStore
from openfactor.workspace.universes import Universes


class Exposures:
    """Implements `ExposureCalls`."""

    def __init__(self, saved: SavedSettingsStore, universes: Universes, context: Context) -> None:
        self._saved = saved
        self._universes = universes
        self._context = context

    def bind(self, settings: DatasetSettings[ExposureSettings] | Reference) -> Pinned[ExposureSettings]:
        """The settings with the content that they are read against; raises as `SavedSettingsStore.bind`."""
        return self._saved.pin(ExposureSettings, settings)

    def factors(
        self, exposures: Pinned[ExposureSettings], universe: UniverseChoice | None
    ) -> dict[str, list[str]]:
        """Group to its factors, both sorted: those on a universe, or without one all that there are."""
        chosen = None if universe is None else self._universes.chosen(universe, exposures.data)
        return exposure_factors(self._inputs(exposures), chosen)

    def dates(self, exposures: Pinned[ExposureSettings], universe: UniverseChoice) -> list[dt.date]:
        """The days on which there can be exposures."""
        return self._universes.chosen(universe, exposures.data).dates()

    def assets(
        self, exposures: Pinned[ExposureSettings], universe: UniverseChoice, id_type: str | None
    ) -> list[str]:
        """The assets of a universe with any exposure on any day, sorted."""
        chosen = self._universes.chosen(universe, exposures.data)
        return exposure_coverage(self._inputs(exposures), chosen, id_type)

    def frame(
        self,
        exposures: Pinned[ExposureSettings],
        universe: UniverseChoice,
        standardize_universe: UniverseChoice | None,
        query: FrameQuery,
    ) -> pl.DataFrame:
        """The exposures; raises as `exposures.exposures_of_universe`."""
        chosen = self._universes.chosen(universe, exposures.data)
        among = (
            None
            if standardize_universe is None
            else self._universes.chosen(standardize_universe, exposures.data)
        )
        return exposures_of_universe(self._inputs(exposures), chosen, query, among)

    def _inputs(self, exposures: Pinned[ExposureSettings]) -> ExposureInputs:
        content = self._saved.open(exposures)
        return ExposureInputs(content.dataset, content.settings, content.uploads, self._context)
