"""The use cases, on a folder of this machine. The only module that knows every stage.

uploads/<data type>/<name>/   Delta Lake tables
datasets/<fingerprint>/       built risk datasets
models/<dataset>/<model>/     estimates, by the fingerprints of dataset and model
openfactor.sqlite             names of risk datasets, their settings and fingerprints
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import warnings
from pathlib import Path

import sqlalchemy as sa
from tqdm import tqdm

from openfactor import dataset as datasets
from openfactor.dataset import RiskDataset
from openfactor.dataset import storage as dataset_storage
from openfactor.errors import ConflictError, DataWarning, NotFoundError, StorageError
from openfactor.exposures import ExposureMatrix, Universe, universe_on
from openfactor.model import RiskModel, estimate
from openfactor.model.estimation import storage as estimates_storage
from openfactor.settings import (
    DatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    RiskDatasetProperties,
    RootRiskDatasetSettings,
    UniverseSettings,
)
from openfactor.settings.validation import validate_model
from openfactor.uploads import UploadStore, check_name

ENGINE = 1
"""Part of every fingerprint. Raise it when the same inputs give other numbers than before."""

_TABLES = sa.MetaData()
_RISK_DATASETS = sa.Table(
    "risk_datasets",
    _TABLES,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("created_on", sa.DateTime, nullable=False),
)
BUILD_STEPS = 3  # identifiers, prices, market caps; each factor group is one more


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
            self._database = sa.create_engine(
                sa.URL.create("sqlite", database=str(self._path / "openfactor.sqlite"))
            )
            _TABLES.create_all(self._database)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise StorageError(f"cannot open a workspace in {self._path}: {error}") from error
        self._open: dict[str, RiskDataset] = {}

    def __repr__(self) -> str:
        return f"<workspace {self._path}>"

    # risk datasets

    def riskdataset_names(self) -> list[str]:
        with self._database.connect() as connection:
            query = sa.select(_RISK_DATASETS.c.name).order_by(_RISK_DATASETS.c.name)
            return list(connection.execute(query).scalars())

    def create_riskdataset(self, name: str, settings: RootRiskDatasetSettings) -> None:
        """Build a dataset from the latest versions of its uploads, and name it.

        Raises
        ------
        ConflictError: the name is taken. NotFoundError: an upload does not exist. DataError: the uploads
        do not fit together. Nothing is left behind.
        """
        check_name(name)
        if name in self.riskdataset_names():
            raise ConflictError(f"there is a risk dataset named {name!r} already; delete it first")
        identities = {t: self.uploads.open(t, n).identity for t, n in settings.sources.items()}
        mark = fingerprint("dataset", settings.model_dump(mode="json"), identities)
        folder = self._dataset_folder(mark)
        if not folder.exists():
            dataset_storage.save(self._build(name, settings, mark), folder)
        for warning in self._dataset(mark).report.warnings:
            warnings.warn(f"risk dataset {name!r}: {warning}", DataWarning, stacklevel=4)
        row = {
            "name": name,
            "settings": settings.model_dump(mode="json"),
            "fingerprint": mark,
            "created_on": dt.datetime.now(dt.UTC).replace(tzinfo=None),
        }
        try:
            with self._database.begin() as connection:
                connection.execute(_RISK_DATASETS.insert().values(row))
        except sa.exc.IntegrityError as error:  # another process was first
            raise ConflictError(f"there is a risk dataset named {name!r} already; delete it first") from error

    def delete_riskdataset(self, name: str) -> None:
        """Remove a dataset, and with it the models estimated on it, unless another name shares it."""
        mark = self._row(name).fingerprint
        with self._database.begin() as connection:
            connection.execute(_RISK_DATASETS.delete().where(_RISK_DATASETS.c.name == name))
            others = connection.execute(
                sa.select(_RISK_DATASETS.c.name).where(_RISK_DATASETS.c.fingerprint == mark)
            ).first()
        if others is None:
            self._open.pop(mark, None)
            shutil.rmtree(self._dataset_folder(mark), ignore_errors=True)
            shutil.rmtree(self._path / "models" / mark, ignore_errors=True)

    def riskdataset_settings(self, name: str) -> RootRiskDatasetSettings:
        return RootRiskDatasetSettings.model_validate(self._row(name).settings)

    def describe_riskdataset(self, name: str) -> RiskDatasetProperties:
        return datasets.describe(self.riskdataset(name))

    def riskdataset(self, name: str) -> RiskDataset:
        """The dataset itself; its panel is mapped into memory."""
        return self._dataset(self._row(name).fingerprint)

    # universes and exposures

    def universe(self, bound: DatasetSettings[UniverseSettings]) -> Universe:
        """The universe; SettingsError with everything that the dataset does not have."""
        return universe_on(bound.dataset, self.riskdataset(bound.dataset), bound.setting)

    def exposures(self, bound: DatasetSettings[ExposureSettings]) -> ExposureMatrix:
        """The exposures; SettingsError with everything that the dataset does not have."""
        return ExposureMatrix(bound.dataset, self.riskdataset(bound.dataset), bound.setting)

    # models

    def validate_riskmodel(self, bound: DatasetSettings[FactorRiskModelSettings]) -> None:
        """Raise SettingsError with everything that the dataset does not have."""
        properties = self.describe_riskdataset(bound.dataset)
        validate_model(bound.setting, properties.factor_risk_model_settings_menu)

    def riskmodel(self, bound: DatasetSettings[FactorRiskModelSettings]) -> RiskModel:
        """The fitted model; estimated once for the same settings and data, then read from disk."""
        self.validate_riskmodel(bound)
        dataset, settings = self.riskdataset(bound.dataset), bound.setting
        mark = fingerprint("model", dataset.fingerprint, settings.model_dump(mode="json"))
        folder = self._path / "models" / dataset.fingerprint / mark
        if not folder.exists():
            with tqdm(desc="regressions", unit="day", disable=self._hide_progress) as bar:

                def advance(days: int) -> None:
                    bar.update(days)

                bar.total = len(dataset.days)
                estimates = estimate(dataset, settings, mark, threads=self._threads, progress=advance)
                bar.total = bar.n  # trading days, which the dataset alone does not know
            estimates_storage.save(estimates, folder)
        return RiskModel(dataset, settings, estimates_storage.load(folder))

    def _build(self, name: str, settings: RootRiskDatasetSettings, mark: str) -> RiskDataset:
        rows = {t: self.uploads.open(t, n).get_data() for t, n in settings.sources.items()}
        steps = BUILD_STEPS + len(settings.dense_factor_groups) + len(settings.sparse_factor_groups)
        with tqdm(desc=f"dataset {name}", total=steps, unit="step", disable=self._hide_progress) as bar:

            def step(label: str) -> None:
                bar.set_postfix_str(label)
                bar.update()

            return datasets.build(settings, rows, mark, step)

    def _dataset_folder(self, mark: str) -> Path:
        return self._path / "datasets" / mark

    def _dataset(self, mark: str) -> RiskDataset:
        if mark not in self._open:
            self._open[mark] = dataset_storage.load(self._dataset_folder(mark))
        return self._open[mark]

    def _row(self, name: str) -> sa.Row[tuple[str, dict[str, object], str, dt.datetime]]:
        with self._database.connect() as connection:
            row = connection.execute(_RISK_DATASETS.select().where(_RISK_DATASETS.c.name == name)).first()
        if row is None:
            raise NotFoundError.of("risk dataset", name, self.riskdataset_names())
        return row
