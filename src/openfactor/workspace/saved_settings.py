"""Saved settings by name: kept, read, followed where others refer to them, and checked against a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from openfactor.contract.refs import Pinned
from openfactor.database import RISK_DATASET, Entry, Registry
from openfactor.dataset import RiskDataset
from openfactor.errors import OpenfactorError, SettingsError
from openfactor.results import SavedSettings
from openfactor.results.provenance import DataVersion
from openfactor.settings import DatasetSettings, Settings, UniverseSettings
from openfactor.settings.hierarchies import unknown
from openfactor.settings.saved import KINDS
from openfactor.settings.validation import validate
from openfactor.settings.values import Reference
from openfactor.uploads import DATA_TYPES, UploadSnapshot, UploadStore, check_name
from openfactor.workspace.riskdatasets import RiskDatasets

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Content(Generic[S]):
    """Settings with the content that they are read against, opened.

    Nothing that is computed from it reads the latest version of anything.
    """

    pinned: Pinned[S]
    dataset: RiskDataset
    uploads: UploadSnapshot
    """The uploads that the settings name, at the versions that they had."""

    @property
    def name(self) -> str:
        """Of the risk dataset; the name may refer to newer data later."""
        return self.pinned.dataset

    @property
    def settings(self) -> S:
        """With every reference to saved settings followed."""
        return self.pinned.setting

    @property
    def data(self) -> DataVersion:
        """Of the dataset and of the uploads that the settings name."""
        return self.pinned.data


class SavedSettingsStore:
    """The saved settings of a workspace. A kind is the name of a class of `settings`."""

    def __init__(self, uploads: UploadStore, riskdatasets: RiskDatasets, registry: Registry) -> None:
        self._uploads = uploads
        self._riskdatasets = riskdatasets
        self._registry = registry

    def names(self, kind: str) -> dict[str, int]:
        """Name to id of the saved settings of a kind."""
        return {entry.name: entry.id for entry in self._registry.entries(kind)}

    def save(
        self,
        kind: str,
        name: Reference,
        settings: DatasetSettings[Any],
        *,
        overwrite: bool = False,
        description: str | None = None,
    ) -> int:
        """Keep settings under a name; their id.

        Raises
        ------
        ConflictError: the name is taken. NotFoundError: the dataset or saved settings that they refer to do
        not exist, or no settings have that id. SettingsError: with everything that the dataset does not have.
        """
        if isinstance(name, str):
            check_name(name)
        with self._registry.reading() as entries:  # told before anything is opened
            entries.replaceable(kind, name, replace=overwrite)
        dataset = self._riskdatasets.open(settings.dataset)
        self._check(settings.setting.map_references(self._follow), dataset)
        columns: dict[str, Any] = {} if description is None else {"description": description or None}
        with self._registry.changing() as entries:  # what it refers to is there, and stays
            old = entries.replaceable(kind, name, replace=overwrite)
            columns["dataset"] = entries.get(RISK_DATASET, settings.dataset).name
            for what, reference in settings.setting.get_references():
                if what in KINDS:
                    entries.get(what, reference)
            if old is None:
                return entries.add(kind, str(name), settings.setting, **columns)
            entries.change(old, value=settings.setting, **columns)
            return old.id

    def read(self, kind: str, key: Reference) -> SavedSettings:
        """Saved settings; if they are not valid any more, why. NotFoundError if there are none."""
        entry = self._registry.get(kind, key)
        value, issues = None, []
        try:
            bound = _bound(entry)
            self.bind(kind, bound)
            value = bound
        except SettingsError as error:
            issues = list(error.problems)
        except OpenfactorError as error:
            issues = [str(error)]
        return SavedSettings(
            id=entry.id, kind=kind, name=entry.name, value=value, issues=issues, raw_json=entry.value,
            description=entry.description, created_on=entry.created_on,
            last_updated_on=entry.last_updated_on,
        )  # fmt: skip

    def describe(self, kind: str, key: Reference, description: str | None) -> None:
        """Set the description of saved settings; None or "" clears it."""
        with self._registry.changing() as entries:
            entries.change(entries.get(kind, key), touch=False, description=description or None)

    def delete(self, kind: str, key: Reference) -> None:
        """Delete saved settings; ConflictError if others refer to them, NotFoundError if there are none."""
        with self._registry.changing() as entries:
            entries.remove(kind, key)

    def bind(self, kind: str, settings: DatasetSettings[S] | Reference) -> DatasetSettings[S]:
        """Settings ready to use: read by name or id, every reference to saved settings followed, and checked
        against their dataset.

        Raises
        ------
        NotFoundError: settings or a dataset that do not exist. SettingsError: with everything that the
        dataset does not have.
        """
        return self._pin(kind, settings).settings

    def pin(self, kind: type[S], settings: DatasetSettings[S] | Reference) -> Pinned[S]:
        """The same, with the dataset and the uploads that they name as they are now; raises as `bind`."""
        return self._pin(kind.__name__, settings)

    def pin_on(self, data: DataVersion, settings: S) -> Pinned[S]:
        """Settings on the content of a dataset that was pinned before, with the present uploads."""
        dataset = self._riskdatasets.contents.open_pinned(data.fingerprint)
        return self._checked(settings, data.dataset, dataset)

    def open(self, pinned: Pinned[S]) -> Content[S]:
        """The content of pinned settings.

        Raises
        ------
        NotFoundError: the data of the dataset, or of an upload, do not exist any more.
        """
        dataset = self._riskdatasets.contents.open_pinned(pinned.data.fingerprint)
        return Content(pinned, dataset, self._uploads.snapshot_of(pinned.uploads))

    def _pin(self, kind: str, settings: DatasetSettings[Any] | Reference) -> Pinned[Any]:
        if isinstance(settings, str | int):
            settings = _bound(self._registry.get(kind, settings))
        return self._checked(settings.setting, settings.dataset, self._riskdatasets.open(settings.dataset))

    def _checked(self, settings: S, name: str, dataset: RiskDataset) -> Pinned[S]:
        """Settings with their references followed, if they fit the dataset."""
        followed = settings.map_references(self._follow)
        self._check(followed, dataset)
        uploads = self._uploads.snapshot(followed.get_references())
        version = dataset.version(name)
        data = version.model_copy(update={"uploads": version.uploads | uploads.versions})
        pinned: Any = Pinned[type(followed)]  # type: ignore[misc]
        return pinned(setting=followed, data=data, uploads=uploads.pinned)  # type: ignore[no-any-return]

    def follow(self, universe: UniverseSettings | Reference) -> UniverseSettings:
        """A universe, saved or not, with the references in it followed."""
        if isinstance(universe, UniverseSettings):
            return universe.map_references(self._follow)
        return self._saved("UniverseSettings", universe)  # type: ignore[no-any-return]

    def _follow(self, what: str, reference: Reference) -> Any:
        """The saved settings that a reference means; other references stay."""
        return self._saved(what, reference) if what in KINDS else reference

    def _saved(self, kind: str, key: Reference) -> Any:
        """Saved settings, with the references in them followed."""
        return self._registry.get(kind, key).settings.map_references(self._follow)

    def _check(self, settings: Settings, dataset: RiskDataset) -> None:
        """Raise SettingsError with what the dataset, or the uploads, do not have."""
        validate(settings, dataset.properties.factor_risk_model_settings_menu)
        problems = []
        for what, name in settings.get_references():
            if what in DATA_TYPES and name not in (known := self._uploads.names(what)):
                problems.append(f"upload of type {what}: {unknown(str(name), known)}")
        if problems:
            raise SettingsError("the settings name uploads that do not exist:", problems)


def _bound(entry: Entry) -> DatasetSettings[Any]:
    """Saved settings with the dataset that they are bound to; raises as `Entry.settings`."""
    settings = entry.settings
    if not entry.dataset:
        raise SettingsError(f"the saved {entry.what} cannot be used:", ["no dataset is saved with them"])
    return DatasetSettings(dataset=entry.dataset, setting=settings)
