"""The use cases, on a folder of this machine. The only module that knows every stage.

uploads/<data type>/<name>/   Delta Lake tables
datasets/<fingerprint>/       built risk datasets
models/<dataset>/<model>/     estimates, by the fingerprints of dataset and model
openfactor.sqlite             what has a name: risk datasets and saved settings
"""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa
from pydantic import ValidationError
from tqdm import tqdm

from openfactor import dataset as datasets
from openfactor.dataset import RiskDataset
from openfactor.dataset import storage as dataset_storage
from openfactor.dataset.calendar import Calendar
from openfactor.errors import (
    ConflictError,
    DataWarning,
    OpenfactorError,
    SettingsError,
    StorageError,
)
from openfactor.exposures import ExposureMatrix, Universe, universe_on
from openfactor.model import RiskModel, estimate
from openfactor.model.estimation import storage as estimates_storage
from openfactor.registry import RISK_DATASET, Entry, Registry, taken
from openfactor.settings import (
    AnyRiskDatasetSettings,
    CalendarSettings,
    DatasetSettings,
    DatasetStatus,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    RiskDatasetProperties,
    SavedSettings,
    Settings,
    UniverseSettings,
)
from openfactor.settings.hierarchies import unknown
from openfactor.settings.saved import KINDS
from openfactor.settings.validation import validate
from openfactor.settings.values import Reference
from openfactor.uploads import DATA_TYPES, UploadStore, check_name

ENGINE = 2
"""Part of every fingerprint. Raise it when the same inputs give other numbers than before."""

S = TypeVar("S", bound=Settings)


def fingerprint(*parts: object) -> str:
    """32 hexadecimal digits that stand for the parts, which must be JSON values."""
    text = json.dumps([ENGINE, *parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class LocalWorkspace:
    """Uploads, risk datasets and models in one folder, which is created when it is not there.

    threads : processors to use, by default all
    progress : show progress bars; by default where standard error is a terminal
    """

    def __init__(self, path: str | Path, *, threads: int | None = None, progress: bool | None = None) -> None:
        self._path = Path(path).expanduser().resolve()
        self._threads = threads
        self._hide_progress = None if progress is None else not progress
        self.uploads = UploadStore(self._path / "uploads", threads=threads, hide_progress=self._hide_progress)
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot open a workspace in {self._path}: {error}") from error
        self._registry = Registry(sa.URL.create("sqlite", database=str(self._path / "openfactor.sqlite")))
        self._open: dict[str, RiskDataset] = {}

    def __repr__(self) -> str:
        return f"<workspace {self._path}>"

    # risk datasets

    def riskdataset_names(self) -> list[str]:
        return self._registry.names(RISK_DATASET)

    def create_riskdataset(
        self, name: str, settings: AnyRiskDatasetSettings, *, replace: bool = False
    ) -> None:
        """Build a dataset from the latest versions of its uploads, and name it.

        With `replace`, a dataset of that name gives way once the new one is built.

        Raises
        ------
        ConflictError: the name is taken, or the dataset would be its own reference. NotFoundError: an upload
        or the reference does not exist. DataError, SettingsError: they do not fit together. Nothing is left
        behind.
        """
        check_name(name)
        old = self._registry.find(RISK_DATASET, name)
        if old is not None and not replace:
            raise taken(RISK_DATASET, name)
        if old is not None:
            self._refuse_circle(old, settings)
        mark = self._latest(settings)
        self._make(name, settings, mark, old)
        if old is None:
            self._registry.add(RISK_DATASET, name, settings, fingerprint=mark)
        else:
            self._registry.change(old.id, value=settings, fingerprint=mark)
            self._drop(old)

    def update_riskdataset(self, name: Reference, *, force: bool = False) -> bool:
        """Build a dataset again if its uploads or its reference have newer data, or with `force` in any
        case; whether it was built.

        Raises
        ------
        NotFoundError: the dataset, an upload or the reference does not exist. DataError, SettingsError: they
        do not fit together. What there was stays.
        """
        entry = self._registry.get(RISK_DATASET, name)
        settings = self._settings_of(entry)
        mark = self._latest(settings)
        if mark == entry.fingerprint and self._dataset_folder(mark).exists() and not force:
            return False
        if force:
            with self._set_aside(mark):
                self._make(entry.name, settings, mark, None)
        else:
            self._make(entry.name, settings, mark, entry)
        self._registry.change(entry.id, fingerprint=mark)
        if mark != entry.fingerprint:
            self._drop(entry)
        return True

    def delete_riskdataset(self, name: Reference) -> None:
        """Remove a dataset, and with it the models estimated on it, unless another name shares it.

        Raises
        ------
        NotFoundError: it does not exist. ConflictError: datasets or saved settings refer to it.
        """
        entry = self._registry.get(RISK_DATASET, name)
        self._refuse_if_referred(entry)
        self._registry.remove(entry.id)
        self._drop(entry)

    def riskdataset_settings(self, name: Reference) -> AnyRiskDatasetSettings:
        return self._settings_of(self._registry.get(RISK_DATASET, name))

    def riskdataset_name(self, key: Reference) -> str:
        """The name of a dataset that is given by name or id; NotFoundError if it does not exist."""
        return self._registry.get(RISK_DATASET, key).name

    def riskdataset_status(self, name: Reference) -> DatasetStatus:
        return self._status(self._registry.get(RISK_DATASET, name))

    def list_riskdatasets(self) -> pl.DataFrame:
        """One row a dataset: name, id, kind, status, reference_dataset, cache_key (fingerprint of the stored
        data), latest_cache_key (what an update would give; null when that cannot be built), data_date (last
        day), created_on, last_updated_on."""
        rows = []
        for entry in self._registry.entries(RISK_DATASET):
            status = self._status(entry)
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
                    "latest_cache_key": self._latest_or_none(entry),
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

    def describe_riskdataset(self, name: Reference) -> RiskDatasetProperties:
        return datasets.describe(self.riskdataset(name))

    def riskdataset(self, name: Reference) -> RiskDataset:
        """The dataset itself; its panel is mapped into memory.

        Raises
        ------
        NotFoundError: it does not exist. StorageError: its data are missing or damaged.
        """
        return self._dataset(self._registry.get(RISK_DATASET, name).fingerprint or "")

    # universes, exposures and models

    def bind(self, kind: str, settings: DatasetSettings[S] | Reference) -> DatasetSettings[S]:
        """Settings ready to use: read by name or id, every reference to saved settings followed, and checked
        against their dataset.

        Raises
        ------
        NotFoundError: settings or a dataset that do not exist. SettingsError: with everything that the
        dataset does not have.
        """
        if isinstance(settings, str | int):
            entry = self._registry.get(kind, settings)
            settings = DatasetSettings(dataset=entry.dataset or "", setting=self._saved_value(entry))  # type: ignore[arg-type]
        followed = settings.setting.map_references(self._follow)
        self._check(followed, settings.dataset)
        return DatasetSettings(dataset=settings.dataset, setting=followed)

    def calendar(self, settings: DatasetSettings[CalendarSettings] | Reference) -> Calendar:
        """The calendar; as `bind`."""
        bound = self.bind("CalendarSettings", settings)
        data = self.riskdataset(bound.dataset)
        return Calendar(bound.dataset, bound.setting, data.closed, data.days)

    def lookup_ids(self, ids: Sequence[str], top_n: int = 0) -> pl.DataFrame:
        """Rows of all `idmap` uploads that lead from or to one of the ids; `top_n` rows, 0 for all.

        Columns: id, start_date, end_date, from_id_type, from_id, to_id_type, to_id, idmap (the upload);
        sorted by id and start_date.
        """
        schema = dict(DATA_TYPES["idmap"].schema)
        frames = [pl.DataFrame(schema={"id": pl.String, **schema, "idmap": pl.String})]
        for name in self.uploads.names("idmap"):
            rows = self._read("idmap", name)
            for side in ("from_id", "to_id"):
                found = rows.filter(pl.col(side).is_in(list(ids))).with_columns(
                    id=pl.col(side), idmap=pl.lit(name)
                )
                frames.append(found.select(frames[0].columns).collect())
        matched = pl.concat(frames).unique().sort("id", "start_date", *frames[0].columns[3:])
        columns = ["id", "start_date", "end_date", "from_id_type", "from_id", "to_id_type", "to_id", "idmap"]
        return matched.select(columns).head(top_n or len(matched))

    def universe(self, settings: DatasetSettings[UniverseSettings] | Reference) -> Universe:
        """The universe; as `bind`."""
        bound = self.bind("UniverseSettings", settings)
        return universe_on(bound.dataset, self.riskdataset(bound.dataset), bound.setting, self._read)

    def exposures(self, settings: DatasetSettings[ExposureSettings] | Reference) -> ExposureMatrix:
        """The exposures; as `bind`."""
        bound = self.bind("ExposureSettings", settings)
        data = self.riskdataset(bound.dataset)

        def follow(universe: UniverseSettings | Reference) -> UniverseSettings:
            if isinstance(universe, UniverseSettings):
                return universe.map_references(self._follow)
            return self._saved("UniverseSettings", universe)  # type: ignore[no-any-return]

        return ExposureMatrix(bound.dataset, data, bound.setting, self._read, follow, self._threads)

    def riskmodel(self, settings: DatasetSettings[FactorRiskModelSettings] | Reference) -> RiskModel:
        """The fitted model; estimated once for the same settings and data, then read from disk."""
        bound = self.bind("FactorRiskModelSettings", settings)
        dataset, model = self.riskdataset(bound.dataset), bound.setting
        identities = self._identities(model)
        mark = fingerprint("model", dataset.fingerprint, model.model_dump(mode="json"), identities)
        folder = self._path / "models" / dataset.fingerprint / mark
        if not folder.exists():
            with tqdm(desc="regressions", unit="day", disable=self._hide_progress) as bar:

                def advance(days: int) -> None:
                    bar.update(days)

                bar.total = len(dataset.days)
                estimates = estimate(
                    dataset, model, mark, read=self._read, threads=self._threads, progress=advance
                )
                bar.total = bar.n  # trading days, which the dataset alone does not know
            estimates_storage.save(estimates, folder)
        return RiskModel(dataset, model, estimates_storage.load(folder), self._read)

    # saved settings

    def settings_names(self, kind: str) -> dict[str, int]:
        """Name to id of the saved settings of a kind."""
        return {entry.name: entry.id for entry in self._registry.entries(kind)}

    def save_settings(
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
        old = self._registry.find(kind, name)
        if old is not None and not overwrite:
            raise taken(kind, old.name)
        if isinstance(name, int):
            old = self._registry.get(kind, name)
        else:
            check_name(name)
        self._check(settings.setting.map_references(self._follow), settings.dataset)
        if old is None:
            assert isinstance(name, str)
            dataset = self.riskdataset_name(settings.dataset)
            return self._registry.add(
                kind, name, settings.setting, dataset=dataset, description=description or None
            )
        columns: dict[str, Any] = {} if description is None else {"description": description or None}
        self._registry.change(old.id, value=settings.setting, dataset=settings.dataset, **columns)
        return old.id

    def read_settings(self, kind: str, key: Reference) -> SavedSettings:
        """Saved settings; if they are not valid any more, why. NotFoundError if there are none."""
        entry = self._registry.get(kind, key)
        value, issues = None, []
        try:
            bound = DatasetSettings(dataset=entry.dataset or "", setting=entry.settings)
            self.bind(kind, bound)
            value = bound
        except ValidationError as error:
            issues = [str(error)]
        except SettingsError as error:
            issues = list(error.problems)
        except OpenfactorError as error:
            issues = [str(error)]
        return SavedSettings(
            id=entry.id, kind=kind, name=entry.name, value=value, issues=issues, raw_json=entry.value,
            description=entry.description, created_on=entry.created_on,
            last_updated_on=entry.last_updated_on,
        )  # fmt: skip

    def describe_settings(self, kind: str, key: Reference, description: str | None) -> None:
        """Set the description of saved settings; None or "" clears it."""
        entry = self._registry.get(kind, key)
        self._registry.change(entry.id, touch=False, description=description or None)

    def delete_settings(self, kind: str, key: Reference) -> None:
        """Delete saved settings; ConflictError if others refer to them, NotFoundError if there are none."""
        entry = self._registry.get(kind, key)
        self._refuse_if_referred(entry)
        self._registry.remove(entry.id)

    # within

    def _read(self, data_type: str, name: str) -> pl.LazyFrame:
        return self.uploads.open(data_type, name).get_data()

    def _identities(self, settings: Settings) -> dict[str, str]:
        """What uploads the settings name, with their versions."""
        return {
            f"{what}/{name}": self.uploads.open(what, str(name)).identity
            for what, name in settings.get_references()
            if what in DATA_TYPES
        }

    def _follow(self, what: str, reference: Reference) -> Any:
        """The saved settings that a reference means; other references stay."""
        return self._saved(what, reference) if what in KINDS else reference

    def _saved(self, kind: str, key: Reference) -> Any:
        """Saved settings, with the references in them followed."""
        return self._saved_value(self._registry.get(kind, key)).map_references(self._follow)

    def _saved_value(self, entry: Entry) -> Settings:
        try:
            return entry.settings
        except ValidationError as error:
            raise SettingsError(
                f"the saved {entry.kind} {entry.name!r} is not valid:", [str(error)]
            ) from error

    def _check(self, settings: Settings, dataset: str) -> None:
        """Raise SettingsError with what the dataset, or the uploads, do not have."""
        validate(settings, self.describe_riskdataset(dataset).factor_risk_model_settings_menu)
        problems = []
        for what, name in settings.get_references():
            if what in DATA_TYPES and name not in (known := self.uploads.names(what)):
                problems.append(f"upload of type {what}: {unknown(str(name), known)}")
        if problems:
            raise SettingsError("the settings name uploads that do not exist:", problems)

    def _latest(self, settings: AnyRiskDatasetSettings) -> str:
        """The fingerprint that a dataset would have if it were built now."""
        identities = self._identities(settings)
        value = settings.model_dump(mode="json")
        parent = None
        if isinstance(settings, DerivedRiskDatasetSettings):
            parent = self._registry.get(RISK_DATASET, settings.reference_dataset).fingerprint
            del value["reference_dataset"]  # its data count, not its name
        return fingerprint("dataset", value, identities, parent)

    def _latest_or_none(self, entry: Entry) -> str | None:
        try:
            return self._latest(self._settings_of(entry))
        except OpenfactorError:
            return None

    def _status(self, entry: Entry) -> DatasetStatus:
        try:
            settings = self._settings_of(entry)
        except SettingsError:
            return "corrupt"
        if isinstance(settings, DerivedRiskDatasetSettings):
            parent = self._registry.find(RISK_DATASET, settings.reference_dataset)
            if parent is None or self._status(parent) not in ("ready", "data_stale"):
                return "not_ready"
        mark = entry.fingerprint or ""
        if not self._dataset_folder(mark).exists():
            return "needs_update"
        try:
            self._dataset(mark)
        except StorageError:
            return "corrupt"
        return "ready" if self._latest_or_none(entry) == mark else "data_stale"

    def _settings_of(self, entry: Entry) -> AnyRiskDatasetSettings:
        return self._saved_value(entry)  # type: ignore[return-value]

    def _make(self, name: str, settings: AnyRiskDatasetSettings, mark: str, previous: Entry | None) -> None:
        """Build the data of a dataset, unless they are there; parts of those before that did not change are
        taken over."""
        folder = self._dataset_folder(mark)
        if not folder.exists():
            versions = {name: f"{ENGINE} {v}" for name, v in self._identities(settings).items()}
            parts = datasets.Parts(versions, self._usable(previous))
            with self._steps(f"dataset {name}") as step:
                if isinstance(settings, DerivedRiskDatasetSettings):
                    parent = self.riskdataset(settings.reference_dataset)
                    built = datasets.derive(settings, parent, self._read, mark, step, parts, self._threads)
                else:
                    built = datasets.build(settings, self._read, mark, step, parts)
                step("writing")
                dataset_storage.save(built, folder)
        for warning in self._dataset(mark).report.warnings:
            warnings.warn(f"risk dataset {name!r}: {warning}", DataWarning, stacklevel=5)

    @contextmanager
    def _steps(self, what: str) -> Iterator[Callable[[str], None]]:
        """A progress bar that shows the step that is under way."""
        with tqdm(desc=what, unit=" steps", disable=self._hide_progress) as bar:

            def step(label: str) -> None:
                bar.set_postfix_str(label)
                bar.update()

            yield step

    def _refuse_circle(self, entry: Entry, settings: AnyRiskDatasetSettings) -> None:
        """A dataset must not be built on itself, however many datasets are in between."""
        at: AnyRiskDatasetSettings = settings
        while isinstance(at, DerivedRiskDatasetSettings):
            parent = self._registry.get(RISK_DATASET, at.reference_dataset)
            if parent.id == entry.id:
                raise ConflictError(f"the risk dataset {entry.name!r} cannot be its own reference")
            at = self._settings_of(parent)

    def _refuse_if_referred(self, entry: Entry) -> None:
        referrers = self._registry.referrers(entry)
        if referrers:
            listed = ", ".join(f"{r.kind} {r.name!r}" for r in referrers)
            what = "risk dataset" if entry.kind == RISK_DATASET else entry.kind
            raise ConflictError(f"{what} {entry.name!r} is in use by {listed}; delete or change those first")

    def _drop(self, entry: Entry) -> None:
        """Remove the data of an entry that is gone or has newer data, unless another name shares them."""
        mark = entry.fingerprint
        if mark and all(e.fingerprint != mark for e in self._registry.entries(RISK_DATASET)):
            self._open.pop(mark, None)
            shutil.rmtree(self._dataset_folder(mark), ignore_errors=True)
            shutil.rmtree(self._path / "models" / mark, ignore_errors=True)

    @contextmanager
    def _set_aside(self, mark: str) -> Iterator[None]:
        """The data of a dataset are out of the way; they come back if the block fails."""
        folder = self._dataset_folder(mark)
        aside = folder.with_suffix(".replaced")
        self._open.pop(mark, None)
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
        if mark not in self._open:
            self._open[mark] = dataset_storage.load(self._dataset_folder(mark))
        return self._open[mark]
