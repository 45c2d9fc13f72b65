"""Risk datasets by name or id: built, kept up to date, and removed."""

from __future__ import annotations

from contextlib import suppress

import polars as pl

from openfactor.context import Context
from openfactor.database import RISK_DATASET, Entry, EntryChangedError, Registry
from openfactor.dataset import RiskDataset
from openfactor.datawarnings import warn
from openfactor.results import DatasetStatus, DataVersion, RiskDatasetProperties
from openfactor.settings import AnyRiskDatasetSettings
from openfactor.settings.menus import RiskDatasetSettingsMenu
from openfactor.settings.values import Reference
from openfactor.store import Leases, Objects
from openfactor.uploads import DATA_TYPES, UploadStore, check_name
from openfactor.workspace.dataset_contents import DatasetContents, DatasetInputs
from openfactor.workspace.dataset_entries import DatasetEntries


class RiskDatasets:
    """Implements `RiskDatasetCalls`."""

    def __init__(
        self,
        objects: Objects,
        leases: Leases,
        uploads: UploadStore,
        registry: Registry,
        context: Context,
    ) -> None:
        self._uploads = uploads
        self._registry = registry
        self.contents = DatasetContents(objects, leases, registry.contents, context)
        """The data by fingerprint, whatever name they have."""
        self._entries = DatasetEntries(registry, uploads, self.contents)

    def names(self) -> list[str]:
        """Names, sorted."""
        return self._entries.names()

    def name_of(self, key: Reference) -> str:
        """The name of a dataset; NotFoundError if there is none of that name or id."""
        return self._entry(key).name

    def create(self, name: str, settings: AnyRiskDatasetSettings, *, replace: bool = False) -> None:
        """Build a dataset from the latest versions of its uploads, and name it.

        With `replace`, a dataset of that name gives way once the new one is built.

        Raises
        ------
        ConflictError: the name is taken, or the dataset would be its own reference. NotFoundError: an upload
        or the reference does not exist. DataError, SettingsError: they do not fit together. CancelledError:
        the request was cancelled. Nothing is left behind.
        """
        check_name(name)
        inputs = self._entries.pin(settings)
        with self._registry.reading() as entries:  # told before anything is built
            old = self._entries.replaced(entries, name, settings, replace=replace)
        is_named = False
        while not is_named:
            self._build(name, inputs, None if old is None else old.fingerprint)
            with self._registry.changing() as entries:
                old = self._entries.replaced(entries, name, settings, replace=replace)
                is_named = entries.is_stored(inputs.fingerprint)  # else it was pruned meanwhile
                if is_named and old is None:
                    entries.add(RISK_DATASET, name, settings, fingerprint=inputs.fingerprint)
                elif is_named and old is not None:
                    entries.change(old, value=settings, fingerprint=inputs.fingerprint)

    def update(self, name: Reference, *, force: bool = False) -> bool:
        """Build a dataset again if its uploads or its reference have newer data, or with `force` in any
        case; whether it was built.

        Raises
        ------
        NotFoundError: the dataset, an upload or the reference does not exist. DataError, SettingsError: they
        do not fit together. CancelledError: the request was cancelled. The dataset stays as it was.
        """
        key, built = self._entry(name).id, set[str]()
        while True:  # whoever is in the way has changed something, so that somebody always gets on
            entry = self._entry(key)
            inputs = self._entries.pin(self._entries.settings_of(entry))
            recipe = inputs.fingerprint
            again = force and recipe not in built
            if recipe == entry.fingerprint and self.contents.exists(recipe) and not again:
                return bool(built)
            self._build(entry.name, inputs, None if again else entry.fingerprint, again=again)
            built.add(recipe)
            with suppress(EntryChangedError), self._registry.changing() as entries:
                if entries.is_stored(recipe):  # else it was pruned meanwhile
                    entries.change(entry, fingerprint=recipe)
                    return True

    def delete(self, name: Reference) -> None:
        """Remove a dataset. Its data stay until they are pruned, so that what was read from them goes on.

        Raises
        ------
        NotFoundError: it does not exist. ConflictError: datasets or saved settings refer to it.
        """
        with self._registry.changing() as entries:
            entries.remove(RISK_DATASET, name)

    def settings(self, name: Reference) -> AnyRiskDatasetSettings:
        """What a dataset is built from; SettingsError if the settings are not valid any more."""
        return self._entries.settings_of(self._entry(name))

    def status(self, name: Reference) -> DatasetStatus:
        """Whether a dataset can be used and is up to date."""
        return self._entries.status(self._entry(name))

    def table(self) -> pl.DataFrame:
        """One row per dataset; see `DatasetEntries.table`."""
        return self._entries.table()

    def menu(self) -> RiskDatasetSettingsMenu:
        """What settings of a dataset may name: uploads by data type, and datasets."""
        sources = {
            f"available_{t}_sources": self._uploads.names(t)
            for t in DATA_TYPES
            if f"available_{t}_sources" in RiskDatasetSettingsMenu.model_fields
        }
        return RiskDatasetSettingsMenu(
            available_reference_datasets=self.names(),
            available_hierarchy_sources=self._uploads.names("hierarchies"),
            **sources,
        )

    def describe(self, name: Reference) -> RiskDatasetProperties:
        """Menus for settings, and the build report."""
        return self.open(name).properties

    def version(self, name: Reference) -> DataVersion:
        """Which data a dataset has now."""
        return self.open(name).version(self.name_of(name))

    def assets(self, name: Reference, id_type: str | None) -> list[str]:
        """The assets of any day, sorted; SettingsError if the dataset does not have the id type."""
        return self.open(name).assets(id_type)

    def coverage(self, name: Reference) -> pl.DataFrame:
        """Numbers of listings per stored day."""
        return self.open(name).coverage

    def series(self, name: Reference) -> pl.DataFrame:
        """Time series that belong to no asset: date, series, value."""
        return self.open(name).series

    def open(self, name: Reference) -> RiskDataset:
        """The dataset itself; its panel is mapped into memory.

        Raises
        ------
        NotFoundError: it does not exist. StorageError: its data are missing or damaged.
        """
        return self.contents.open(self._entry(name).fingerprint or "")

    def fingerprints(self) -> set[str]:
        """Of the data that datasets have now."""
        return self._entries.fingerprints()

    def _entry(self, key: Reference) -> Entry:
        return self._registry.get(RISK_DATASET, key)

    def _build(self, name: str, inputs: DatasetInputs, previous: str | None, *, again: bool = False) -> None:
        """Build the data of a dataset, and warn of what its report warns of."""
        self.contents.build(inputs, previous, again=again)
        for warning in self.contents.open(inputs.fingerprint).report.warnings:
            warn(f"risk dataset {name!r}: {warning}")
