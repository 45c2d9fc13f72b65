"""Risk datasets by name or id."""

from __future__ import annotations

import polars as pl

from openfactor.results import DatasetStatus, DataVersion, RiskDatasetProperties
from openfactor.riskdatasets import RiskDatasetStore
from openfactor.settings import AnyRiskDatasetSettings
from openfactor.settings.menus import RiskDatasetSettingsMenu
from openfactor.settings.values import Reference


class RiskDatasets:
    """Implements `RiskDatasetCalls`."""

    def __init__(self, store: RiskDatasetStore) -> None:
        self._store = store

    def names(self) -> list[str]:
        """Names, sorted."""
        return self._store.names()

    def name_of(self, key: Reference) -> str:
        """The name of a dataset; NotFoundError if there is none."""
        return self._store.name_of(key)

    def create(self, name: str, settings: AnyRiskDatasetSettings, *, replace: bool = False) -> None:
        """Build and name a dataset; raises as `RiskDatasetStore.create`."""
        self._store.create(name, settings, replace=replace)

    def update(self, name: Reference, *, force: bool = False) -> bool:
        """Build a dataset again if its inputs have newer data; whether it was."""
        return self._store.update(name, force=force)

    def delete(self, name: Reference) -> None:
        """Remove a dataset."""
        self._store.delete(name)

    def settings(self, name: Reference) -> AnyRiskDatasetSettings:
        """What it is built from."""
        return self._store.settings(name)

    def status(self, name: Reference) -> DatasetStatus:
        """Whether it can be used and is up to date."""
        return self._store.status(name)

    def table(self) -> pl.DataFrame:
        """One row per dataset."""
        return self._store.table()

    def menu(self) -> RiskDatasetSettingsMenu:
        """What settings of a dataset may name."""
        return self._store.menu()

    def describe(self, name: Reference) -> RiskDatasetProperties:
        """Menus for settings, and the build report."""
        return self._store.describe(name)

    def version(self, name: Reference) -> DataVersion:
        """Which data it has now."""
        return self._store.open(name).version(self._store.name_of(name))

    def assets(self, name: Reference, id_type: str | None) -> list[str]:
        """The assets that it has on any day, sorted."""
        return self._store.open(name).assets(id_type)

    def coverage(self, name: Reference) -> pl.DataFrame:
        """Numbers of listings per stored day."""
        return self._store.open(name).coverage

    def series(self, name: Reference) -> pl.DataFrame:
        """Its time series: date, series, value."""
        return self._store.open(name).series
