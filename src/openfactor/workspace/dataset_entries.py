"""What is registered of risk datasets: their settings, inputs and status."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import polars as pl

from openfactor.database import RISK_DATASET, Entries, Entry, Registry
from openfactor.errors import ConflictError, NotFoundError, OpenfactorError, SettingsError, StorageError
from openfactor.results import DatasetStatus
from openfactor.settings import AnyRiskDatasetSettings, DerivedRiskDatasetSettings
from openfactor.settings.hierarchies import unknown
from openfactor.uploads import UploadStore
from openfactor.workspace.dataset_contents import DatasetContents, DatasetInputs

_TEXT, _TIME = pl.String, pl.Datetime("us")
_TABLE: dict[str, pl.DataType | type[pl.DataType]] = {
    "name": _TEXT, "id": pl.Int64, "kind": _TEXT, "status": _TEXT, "problem": _TEXT,
    "reference_dataset": _TEXT, "cache_key": _TEXT, "latest_cache_key": _TEXT, "data_date": pl.Date,
    "created_on": _TIME, "last_updated_on": _TIME,
}  # fmt: skip


class _State(NamedTuple):
    """What a dataset can be used for."""

    status: DatasetStatus
    problem: str | None = None
    """Why it is corrupt."""
    data_date: dt.date | None = None
    """Its last day, if it can be used."""


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
        """What a dataset is built from.

        Raises
        ------
        SettingsError: the settings are not valid any more. StorageError: they are damaged.
        """
        return entry.settings  # type: ignore[return-value]

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

    def replaced(
        self, entries: Entries, name: str, settings: AnyRiskDatasetSettings, *, replace: bool
    ) -> Entry | None:
        """The dataset of a name, which one with these settings replaces; None if there is none.

        Raises
        ------
        ConflictError: the name is taken, or the dataset would be built on itself, however many datasets are
        in between. NotFoundError: the reference does not exist.
        """
        old = entries.replaceable(RISK_DATASET, name, replace=replace)
        if isinstance(settings, DerivedRiskDatasetSettings):
            line = entries.lineage(entries.get(RISK_DATASET, settings.reference_dataset))
            if old is not None and old.id in {entry.id for entry in line}:
                raise ConflictError(f"the risk dataset {name!r} cannot be its own reference")
        return old

    def status(self, entry: Entry) -> DatasetStatus:
        """Whether a dataset can be used and is up to date."""
        return self._state(entry, self._latest_or_none(entry)).status

    def table(self) -> pl.DataFrame:
        """One row per dataset: name, id, kind, status, problem (of a corrupt one), reference_dataset,
        cache_key (fingerprint of the stored data), latest_cache_key (what an update would give; null when
        that cannot be built), data_date (last day), created_on, last_updated_on.
        """
        return pl.DataFrame(
            [self._row(entry) for entry in self._registry.entries(RISK_DATASET)], schema=_TABLE
        )

    def _row(self, entry: Entry) -> dict[str, object]:
        latest = self._latest_or_none(entry)
        state = self._state(entry, latest)
        kind = entry.value.get("kind")
        return {
            "name": entry.name,
            "id": entry.id,
            "kind": None if kind is None else str(kind),
            "status": state.status,
            "problem": state.problem,
            "reference_dataset": None if entry.parent is None else str(entry.parent),
            "cache_key": entry.fingerprint,
            "latest_cache_key": latest,
            "data_date": state.data_date,
            "created_on": entry.created_on,
            "last_updated_on": entry.last_updated_on,
        }

    def _latest_or_none(self, entry: Entry) -> str | None:
        """The fingerprint that a dataset would have if it were built now; None if it cannot be built."""
        try:
            return self.pin(self.settings_of(entry)).fingerprint
        except OpenfactorError:
            return None

    def _state(self, entry: Entry, latest: str | None) -> _State:
        with self._registry.reading() as entries:
            line = entries.lineage(entry)
        if line[-1].id in {other.id for other in line[:-1]}:
            named = " on ".join(repr(other.name) for other in line)
            return _State("corrupt", f"it is built on itself: {named}; give one of them another reference")
        if line[-1].parent is not None:  # which does not exist
            return self._state_of(entry, latest, has_parent=False)
        # whether a reference is up to date does not matter here, only whether it can be used
        usable = all(self._state_of(e, None).status in ("ready", "data_stale") for e in line[1:])
        return self._state_of(entry, latest, has_parent=usable)

    def _state_of(self, entry: Entry, latest: str | None, *, has_parent: bool = True) -> _State:
        """The state of a dataset whose references can, or cannot, be used."""
        try:
            self.settings_of(entry)
        except (SettingsError, StorageError) as error:
            return _State("corrupt", str(error))
        if not has_parent:
            return _State("not_ready")
        fingerprint = entry.fingerprint or ""
        if not self._contents.exists(fingerprint):
            return _State("needs_update")
        try:
            data_date = self._contents.open(fingerprint).days[-1]
        except StorageError as error:
            return _State("corrupt", str(error))
        return _State("ready" if latest == fingerprint else "data_stale", None, data_date)

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
