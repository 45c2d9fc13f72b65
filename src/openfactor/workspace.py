"""The use cases, on a folder of this machine. The only module that knows every stage.

uploads/<data type>/<name>/   Delta Lake tables
datasets/<fingerprint>/       built risk datasets
models/<dataset>/<model>/     estimates, by the fingerprints of dataset and model
openfactor.sqlite             what has a name: risk datasets and saved settings
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from openfactor.context import Context
from openfactor.dataset.calendar import Calendar
from openfactor.errors import StorageError
from openfactor.exposures import ExposureMatrix, Universe, universe_on
from openfactor.model import RiskModel
from openfactor.processes import EngineObject
from openfactor.processors import available_processors
from openfactor.progress import ProgressBars
from openfactor.registry import Registry
from openfactor.riskdatasets import RiskDatasetStore
from openfactor.riskmodels import RiskModelStore
from openfactor.savedmappings import SavedMappingStore
from openfactor.savedsettings import SavedSettingsStore
from openfactor.settings import (
    CalendarSettings,
    ColumnMapping,
    DatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelMode,
    UniverseSettings,
)
from openfactor.settings.values import Reference
from openfactor.uploads import DATA_TYPES, Mappings, UploadStore


class LocalWorkspace(EngineObject):
    """Uploads, risk datasets and models in one folder, which is created when it is not there.

    threads : processors to use, by default all
    progress : show progress bars; by default where standard error is a terminal
    """

    def __init__(self, path: str | Path, *, threads: int | None = None, progress: bool | None = None) -> None:
        self._path = Path(path).expanduser().resolve()
        self._threads = threads
        self._hide_progress = None if progress is None else not progress
        self._context = Context(threads or available_processors(), ProgressBars(self._hide_progress))
        self.uploads = UploadStore(
            self._path / "uploads", mappings=Mappings(self._saved_mapping), context=self._context
        )
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot open a workspace in {self._path}: {error}") from error
        registry = Registry(sa.URL.create("sqlite", database=str(self._path / "openfactor.sqlite")))
        self.riskdatasets = RiskDatasetStore(self._path, self.uploads, registry, self._context)
        self.mappings = SavedMappingStore(registry)
        self.saved = SavedSettingsStore(self.uploads, self.riskdatasets, registry)
        self.riskmodels = RiskModelStore(
            self._path, self.riskdatasets, self.saved, threads=threads, hide_progress=self._hide_progress
        )

    def __repr__(self) -> str:
        return f"<workspace {self._path}>"

    def __reduce__(self) -> Any:
        """Opened again where it is unpickled."""
        progress = None if self._hide_progress is None else not self._hide_progress
        return partial(LocalWorkspace, threads=self._threads, progress=progress), (self._path,)

    def _saved_mapping(self, name: str) -> ColumnMapping:
        return self.mappings.get(name)

    def calendar(self, settings: DatasetSettings[CalendarSettings] | Reference) -> Calendar:
        """The calendar; as `bind`."""
        pinned = self.saved.pin("CalendarSettings", settings)
        return Calendar(pinned.data, pinned.settings, pinned.dataset.closed, pinned.dataset.days)

    def lookup_ids(self, ids: Sequence[str], top_n: int = 0) -> pl.DataFrame:
        """Rows of all `idmap` uploads that lead from or to one of the ids; `top_n` rows, 0 for all.

        Columns: id, start_date, end_date, from_id_type, from_id, to_id_type, to_id, idmap (the upload);
        sorted by id and start_date.
        """
        schema = dict(DATA_TYPES["idmap"].schema)
        frames = [pl.DataFrame(schema={"id": pl.String, **schema, "idmap": pl.String})]
        uploads = self.uploads.snapshot()
        for name in self.uploads.names("idmap"):
            rows = uploads("idmap", name)
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
        pinned = self.saved.pin("UniverseSettings", settings)
        return universe_on(pinned.name, pinned.dataset, pinned.settings, pinned.uploads)

    def exposures(self, settings: DatasetSettings[ExposureSettings] | Reference) -> ExposureMatrix:
        """The exposures; as `bind`."""
        pinned = self.saved.pin("ExposureSettings", settings)
        return ExposureMatrix(
            pinned.name, pinned.dataset, pinned.settings, pinned.uploads, self.saved.follow, self._context
        )

    def riskmodel(
        self,
        settings: DatasetSettings[FactorRiskModelSettings] | Reference,
        mode: ModelMode = "get-or-compute-and-persist",
        progress: Callable[[int], None] = lambda days: None,
        cancel: threading.Event | None = None,
    ) -> RiskModel:
        """The fitted model; as `RiskModelStore.get`."""
        return self.riskmodels.get(settings, mode, progress, cancel)
