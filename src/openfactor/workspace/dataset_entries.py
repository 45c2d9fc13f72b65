"""What is registered of risk datasets: their settings, inputs and status."""

from __future__ import annotations

import polars as pl

from openfactor.database import RISK_DATASET, Entry, Registry
from openfactor.errors import ConflictError, NotFoundError, OpenfactorError, SettingsError, StorageError
from openfactor.results import DatasetStatus
from openfactor.settings import AnyRiskDatasetSettings, DerivedRiskDatasetSettings
from openfactor.settings.hierarchies import unknown
from openfactor.uploads import UploadStore
from openfactor.workspace.dataset_contents import DatasetContents, DatasetInputs

_TEXT, _TIME = pl.String, pl.Datetime("us")
_TABLE: dict[str, pl.DataType | type[pl.DataType]] = {
    "name": _TEXT, "id": pl.Int64, "kind": _TEXT, "status": _TEXT, "reference_dataset": _TEXT,
    "cache_key": _TEXT, "latest_cache_key": _TEXT, "data_date": pl.Date, "created_on": _TIME,
    "last_updated_on": _TIME,
}  # fmt: skip


class DatasetEntries:
    """Entries of risk datasets, and the state that they are in."""

    def __init__(self, registry: Registry, uploads: UploadStore, contents: DatasetContents) -> None:
        self._registry = registry
        self._uploads = uploads
        self._contents = contents

    def names(self) -> list[str]:
        """Names, sorted."""
        return self._registry.names(RISK_DATASET)

    def fingerprints(self) -> set[str]:
        """Of the data that datasets have now."""
        return {entry.fingerprint or "" for entry in self._registry.entries(RISK_DATASET)}

    def settings_of(self, entry: Entry) -> AnyRiskDatasetSettings:
        """What a dataset is built from; SettingsError if the settings are not valid any more."""
        return self._registry.settings_of(entry)  # type: ignore[return-value]

    def pin(self, settings: AnyRiskDatasetSettings) -> DatasetInputs:
        """The present versions of the uploads, and the present data of the reference.

        Raises
        ------
        NotFoundError: with everything that the settings name and that does not exist.
        """
        self._check_sources(settings)
        reference = None
        if isinstance(settings, DerivedRiskDatasetSettings):
            reference = self._registry.get(RISK_DATASET, settings.reference_dataset).fingerprint or ""
        return DatasetInputs(settings, self._uploads.snapshot(settings.get_references()), reference)

    def refuse_circle(self, entry: Entry, settings: AnyRiskDatasetSettings) -> None:
        """ConflictError if a dataset would be built on itself, however many datasets are in between."""
        at: AnyRiskDatasetSettings = settings
        while isinstance(at, DerivedRiskDatasetSettings):
            parent = self._registry.get(RISK_DATASET, at.reference_dataset)
            if parent.id == entry.id:
                raise ConflictError(f"the risk dataset {entry.name!r} cannot be its own reference")
            at = self.settings_of(parent)

    def status(self, entry: Entry) -> DatasetStatus:
        """Whether a dataset can be used and is up to date."""
        return self._status(entry, self._latest_or_none(entry))

    def table(self) -> pl.DataFrame:
        """One row per dataset: name, id, kind, status, reference_dataset, cache_key (fingerprint of the
        stored data), latest_cache_key (what an update would give; null when that cannot be built), data_date
        (last day), created_on, last_updated_on.
        """
        rows = []
        for entry in self._registry.entries(RISK_DATASET):
            latest = self._latest_or_none(entry)
            status = self._status(entry, latest)
            reference = entry.value.get("reference_dataset")
            usable = status in ("ready", "data_stale")
            rows.append(
                {
                    "name": entry.name,
                    "id": entry.id,
                    "kind": entry.value.get("kind"),
                    "status": status,
                    "reference_dataset": None if reference is None else str(reference),
                    "cache_key": entry.fingerprint,
                    "latest_cache_key": latest,
                    "data_date": self._contents.open(entry.fingerprint or "").days[-1] if usable else None,
                    "created_on": entry.created_on,
                    "last_updated_on": entry.last_updated_on,
                }
            )
        return pl.DataFrame(rows, schema=_TABLE)

    def _latest_or_none(self, entry: Entry) -> str | None:
        """The fingerprint that a dataset would have if it were built now; None if it cannot be built."""
        try:
            return self.pin(self.settings_of(entry)).fingerprint
        except OpenfactorError:
            return None

    def _status(self, entry: Entry, latest: str | None) -> DatasetStatus:
        try:
            settings = self.settings_of(entry)
        except SettingsError:
            return "corrupt"
        if isinstance(settings, DerivedRiskDatasetSettings):
            parent = self._registry.find(RISK_DATASET, settings.reference_dataset)
            # whether the reference is up to date does not matter here, only whether it can be used
            if parent is None or self._status(parent, None) not in ("ready", "data_stale"):
                return "not_ready"
        fingerprint = entry.fingerprint or ""
        if not self._contents.exists(fingerprint):
            return "needs_update"
        try:
            self._contents.open(fingerprint)
        except StorageError:
            return "corrupt"
        return "ready" if latest == fingerprint else "data_stale"

    def _check_sources(self, settings: AnyRiskDatasetSettings) -> None:
        problems = []
        for what, name in settings.get_references():
            if what == RISK_DATASET:
                if self._registry.find(what, name) is None:
                    problems.append(f"reference_dataset: {unknown(str(name), self.names())}")
            elif name not in (known := self._uploads.names(what)):
                problems.append(f"upload of type {what}: {unknown(str(name), known)}")
        if problems:
            raise NotFoundError("\n  - ".join(["the settings name what does not exist:", *problems]))
