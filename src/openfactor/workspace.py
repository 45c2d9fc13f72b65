"""The use cases, on a folder of this machine. The only module that knows every stage.

uploads/<data type>/<name>/   Delta Lake tables
datasets/<fingerprint>/       built risk datasets
models/<dataset>/<model>/     estimates, by the fingerprints of dataset and model
openfactor.sqlite             what has a name: risk datasets and saved settings
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from tqdm import tqdm

from openfactor.dataset.calendar import Calendar
from openfactor.errors import StorageError
from openfactor.exposures import ExposureMatrix, Universe, universe_on
from openfactor.model import RiskModel, estimate
from openfactor.model.estimation import storage as estimates_storage
from openfactor.registry import Registry
from openfactor.riskdatasets import RiskDatasetStore, fingerprint, identities
from openfactor.savedsettings import SavedSettingsStore
from openfactor.settings import (
    CalendarSettings,
    DatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    UniverseSettings,
)
from openfactor.settings.values import Reference
from openfactor.uploads import DATA_TYPES, UploadStore


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
        registry = Registry(sa.URL.create("sqlite", database=str(self._path / "openfactor.sqlite")))
        self.riskdatasets = RiskDatasetStore(
            self._path, self.uploads, registry, threads=threads, hide_progress=self._hide_progress
        )
        self.saved = SavedSettingsStore(self.uploads, self.riskdatasets, registry)

    def __repr__(self) -> str:
        return f"<workspace {self._path}>"

    def calendar(self, settings: DatasetSettings[CalendarSettings] | Reference) -> Calendar:
        """The calendar; as `bind`."""
        bound = self.saved.bind("CalendarSettings", settings)
        data = self.riskdatasets.open(bound.dataset)
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
        bound = self.saved.bind("UniverseSettings", settings)
        return universe_on(bound.dataset, self.riskdatasets.open(bound.dataset), bound.setting, self._read)

    def exposures(self, settings: DatasetSettings[ExposureSettings] | Reference) -> ExposureMatrix:
        """The exposures; as `bind`."""
        bound = self.saved.bind("ExposureSettings", settings)
        data = self.riskdatasets.open(bound.dataset)
        return ExposureMatrix(
            bound.dataset, data, bound.setting, self._read, self.saved.follow, self._threads
        )

    def riskmodel(self, settings: DatasetSettings[FactorRiskModelSettings] | Reference) -> RiskModel:
        """The fitted model; estimated once for the same settings and data, then read from disk."""
        bound = self.saved.bind("FactorRiskModelSettings", settings)
        dataset, model = self.riskdatasets.open(bound.dataset), bound.setting
        versions = identities(self.uploads, model)
        estimated = model.estimation_only.model_dump(mode="json")
        mark = fingerprint("model", dataset.fingerprint, estimated, versions)
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
        return RiskModel(
            dataset, model, estimates_storage.load(folder), self._read,
            threads=self._threads, hide_progress=self._hide_progress,
        )  # fmt: skip

    def _read(self, data_type: str, name: str) -> pl.LazyFrame:
        return self.uploads.open(data_type, name).get_data()
