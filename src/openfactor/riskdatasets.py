"""Risk datasets by name: built, kept up to date, and deleted when nobody needs them.

datasets/<fingerprint>/ has the data, models/<fingerprint>/ what was estimated on them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from openfactor import dataset as datasets
from openfactor.context import Context
from openfactor.dataset import RiskDataset
from openfactor.dataset import storage as dataset_storage
from openfactor.datawarnings import warn
from openfactor.errors import (
    ConflictError,
    NotFoundError,
    OpenfactorError,
    SettingsError,
    StorageError,
)
from openfactor.registry import RISK_DATASET, Entry, Registry, taken
from openfactor.results import DatasetStatus, RiskDatasetProperties
from openfactor.settings import AnyRiskDatasetSettings, DerivedRiskDatasetSettings
from openfactor.settings.hierarchies import unknown
from openfactor.settings.menus import RiskDatasetSettingsMenu
from openfactor.settings.values import Reference
from openfactor.uploads import DATA_TYPES, UploadSnapshot, UploadStore, check_name

ENGINE = 12
"""Part of every fingerprint. Raise it when the same inputs give other numbers than before."""


def fingerprint(*parts: object) -> str:
    """32 hexadecimal digits that stand for the parts, which must be JSON values."""
    text = json.dumps([ENGINE, *parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Inputs:
    """All that a dataset is made from, as it was when the request came."""

    settings: AnyRiskDatasetSettings
    uploads: UploadSnapshot
    parent: str | None
    """Fingerprint of the reference dataset's data."""

    @cached_property
    def fingerprint(self) -> str:
        """Names the data that a build of these inputs gives."""
        value = self.settings.model_dump(mode="json")
        value.pop("reference_dataset", None)  # its data count, not its name
        return fingerprint("dataset", value, self.uploads.versions, self.parent)


class RiskDatasetStore:
    """The risk datasets of a workspace.

    folder : of the workspace; context : of the request, or of all requests
    """

    def __init__(
        self,
        folder: Path,
        uploads: UploadStore,
        registry: Registry,
        context: Context | None = None,
    ) -> None:
        self._path = folder
        self._uploads = uploads
        self._registry = registry
        self._context = context or Context()

    def names(self) -> list[str]:
        return self._registry.names(RISK_DATASET)

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
        old = self._registry.find(RISK_DATASET, name)
        if old is not None and not replace:
            raise taken(RISK_DATASET, name)
        if old is not None:
            self._refuse_circle(old, settings)
        self._check_sources(settings)
        inputs = self._pin(settings)
        mark = inputs.fingerprint
        self._make(name, inputs, old)
        if old is None:
            self._registry.add(RISK_DATASET, name, settings, fingerprint=mark)
        else:
            self._registry.change(old.id, value=settings, fingerprint=mark)
            self._drop(old)

    def update(self, name: Reference, *, force: bool = False) -> bool:
        """Build a dataset again if its uploads or its reference have newer data, or with `force` in any
        case; whether it was built.

        Raises
        ------
        NotFoundError: the dataset, an upload or the reference does not exist. DataError, SettingsError: they
        do not fit together. CancelledError: the request was cancelled. What there was stays.
        """
        entry = self._registry.get(RISK_DATASET, name)
        settings = self._settings_of(entry)
        self._check_sources(settings)
        inputs = self._pin(settings)
        mark = inputs.fingerprint
        if mark == entry.fingerprint and self._dataset_folder(mark).exists() and not force:
            return False
        if force:
            with self._set_aside(mark):
                self._make(entry.name, inputs, None)
        else:
            self._make(entry.name, inputs, entry)
        self._registry.change(entry.id, fingerprint=mark)
        if mark != entry.fingerprint:
            self._drop(entry)
        return True

    def delete(self, name: Reference) -> None:
        """Remove a dataset, and with it the models estimated on it, unless another name shares it.

        Raises
        ------
        NotFoundError: it does not exist. ConflictError: datasets or saved settings refer to it.
        """
        entry = self._registry.get(RISK_DATASET, name)
        self._registry.refuse_if_referred(entry)
        self._registry.remove(entry.id)
        self._drop(entry)
        self._remove_models()

    def settings(self, name: Reference) -> AnyRiskDatasetSettings:
        return self._settings_of(self._registry.get(RISK_DATASET, name))

    def name_of(self, key: Reference) -> str:
        """The name of a dataset that is given by name or id; NotFoundError if it does not exist."""
        return self._registry.get(RISK_DATASET, key).name

    def status(self, name: Reference) -> DatasetStatus:
        entry = self._registry.get(RISK_DATASET, name)
        return self._status(entry, self._latest_or_none(entry))

    def table(self) -> pl.DataFrame:
        """One row a dataset: name, id, kind, status, reference_dataset, cache_key (fingerprint of the stored
        data), latest_cache_key (what an update would give; null when that cannot be built), data_date (last
        day), created_on, last_updated_on."""
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
                    "data_date": self._dataset(entry.fingerprint or "").days[-1] if usable else None,
                    "created_on": entry.created_on,
                    "last_updated_on": entry.last_updated_on,
                }
            )
        text, time = pl.String, pl.Datetime("us")
        schema: dict[str, pl.DataType | type[pl.DataType]] = {
            "name": text, "id": pl.Int64, "kind": text, "status": text, "reference_dataset": text,
            "cache_key": text, "latest_cache_key": text, "data_date": pl.Date, "created_on": time,
            "last_updated_on": time,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema)

    def describe(self, name: Reference) -> RiskDatasetProperties:
        return self.open(name).properties

    def open(self, name: Reference) -> RiskDataset:
        """The dataset itself; its panel is mapped into memory.

        Raises
        ------
        NotFoundError: it does not exist. StorageError: its data are missing or damaged.
        """
        return self._dataset(self._registry.get(RISK_DATASET, name).fingerprint or "")

    def content(self, fingerprint: str) -> RiskDataset:
        """The data of a fingerprint, whatever name they have or had.

        Raises
        ------
        NotFoundError: they were deleted. StorageError: they are damaged.
        """
        known = self._context.cache.peek("dataset", self._dataset_folder(fingerprint))
        if known is None and not self._dataset_folder(fingerprint).exists():
            raise NotFoundError(
                f"the data {fingerprint[:8]} of a risk dataset were deleted or replaced by newer ones; load "
                "again what you read from them"
            )
        return self._dataset(fingerprint)

    def fingerprints(self) -> set[str]:
        """Of the data that datasets have now."""
        return {entry.fingerprint or "" for entry in self._registry.entries(RISK_DATASET)}

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

    def _pin(self, settings: AnyRiskDatasetSettings) -> _Inputs:
        """The present versions of the uploads, and the present data of the reference."""
        parent = None
        if isinstance(settings, DerivedRiskDatasetSettings):
            parent = self._registry.get(RISK_DATASET, settings.reference_dataset).fingerprint or ""
        return _Inputs(settings, self._uploads.snapshot(settings.get_references()), parent)

    def _latest_or_none(self, entry: Entry) -> str | None:
        try:
            settings = self._settings_of(entry)
            return self._pin(settings).fingerprint
        except OpenfactorError:
            return None

    def _status(self, entry: Entry, latest: str | None) -> DatasetStatus:
        """latest : the fingerprint that it would have if it were built now; None if it cannot be."""
        try:
            settings = self._settings_of(entry)
        except SettingsError:
            return "corrupt"
        if isinstance(settings, DerivedRiskDatasetSettings):
            parent = self._registry.find(RISK_DATASET, settings.reference_dataset)
            # whether the reference is up to date does not matter here, only whether it can be used
            if parent is None or self._status(parent, None) not in ("ready", "data_stale"):
                return "not_ready"
        mark = entry.fingerprint or ""
        if not self._dataset_folder(mark).exists():
            return "needs_update"
        try:
            self._dataset(mark)
        except StorageError:
            return "corrupt"
        return "ready" if latest == mark else "data_stale"

    def _settings_of(self, entry: Entry) -> AnyRiskDatasetSettings:
        return self._registry.settings_of(entry)  # type: ignore[return-value]

    def _make(self, name: str, inputs: _Inputs, previous: Entry | None) -> None:
        """Build the data of a dataset, unless they are there; parts of those before that did not change are
        taken over."""
        mark = inputs.fingerprint
        folder = self._dataset_folder(mark)
        with self._context.cache.single_flight("dataset", folder, self._context.check):
            if not folder.exists():
                self._build(inputs, previous, folder)
        for warning in self._dataset(mark).report.warnings:
            warn(f"risk dataset {name!r}: {warning}")

    def _build(self, inputs: _Inputs, previous: Entry | None, folder: Path) -> None:
        """Build a dataset and write it to the folder."""
        versions = {upload: f"{ENGINE} {version}" for upload, version in inputs.uploads.versions.items()}
        reuse = datasets.GroupReuse(versions, self._usable(previous))
        if isinstance(inputs.settings, DerivedRiskDatasetSettings):
            parent = self._dataset(inputs.parent or "")
            built = datasets.derive(
                inputs.settings, parent, inputs.uploads, inputs.fingerprint, reuse, self._context
            )
        else:
            built = datasets.build(inputs.settings, inputs.uploads, inputs.fingerprint, reuse, self._context)
        complete = replace(
            built,
            upload_versions=inputs.uploads.version_numbers,
            stored_content_hashes=built.hash_days(self._context),
        )
        dataset_storage.save(complete, folder, self._context)

    def _refuse_circle(self, entry: Entry, settings: AnyRiskDatasetSettings) -> None:
        """A dataset must not be built on itself, however many datasets are in between."""
        at: AnyRiskDatasetSettings = settings
        while isinstance(at, DerivedRiskDatasetSettings):
            parent = self._registry.get(RISK_DATASET, at.reference_dataset)
            if parent.id == entry.id:
                raise ConflictError(f"the risk dataset {entry.name!r} cannot be its own reference")
            at = self._settings_of(parent)

    def _drop(self, entry: Entry) -> None:
        """Remove the data of an entry that is gone or has newer data, unless another name shares them."""
        mark = entry.fingerprint
        if mark and all(e.fingerprint != mark for e in self._registry.entries(RISK_DATASET)):
            shutil.rmtree(self._dataset_folder(mark), ignore_errors=True)

    def _remove_models(self) -> None:
        """Remove estimates on data that no dataset has any more, kept until then to be extended."""
        living = self.fingerprints()
        for folder in (self._path / "models").glob("*"):
            if folder.name not in living and not folder.name.startswith("."):
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _set_aside(self, mark: str) -> Iterator[None]:
        """The data of a dataset are out of the way; they come back if the block fails."""
        folder = self._dataset_folder(mark)
        aside = folder.with_suffix(".replaced")
        self._context.cache.discard("dataset", folder)
        if folder.exists():
            folder.rename(aside)
        try:
            yield
        except BaseException:
            if aside.exists():
                aside.rename(folder)
            raise
        shutil.rmtree(aside, ignore_errors=True)

    def _usable(self, entry: Entry | None) -> RiskDataset | None:
        """The data of an entry, if there are any that can be read."""
        try:
            return None if entry is None else self._dataset(entry.fingerprint or "")
        except StorageError:
            return None

    def _dataset_folder(self, mark: str) -> Path:
        return self._path / "datasets" / mark

    def _dataset(self, mark: str) -> RiskDataset:
        folder = self._dataset_folder(mark)
        return self._context.cache.get(
            "dataset", folder, lambda: dataset_storage.load(folder), self._context.check
        )

    def _check_sources(self, settings: AnyRiskDatasetSettings) -> None:
        """NotFoundError with everything that the settings name and that is not there."""
        problems = []
        for what, name in settings.get_references():
            if what == RISK_DATASET:
                if self._registry.find(what, name) is None:
                    problems.append(f"reference_dataset: {unknown(str(name), self.names())}")
            elif name not in (known := self._uploads.names(what)):
                problems.append(f"upload of type {what}: {unknown(str(name), known)}")
        if problems:
            raise NotFoundError("\n  - ".join(["the settings name what does not exist:", *problems]))
