"""The use cases, on a folder of this machine. The only module that knows every stage.

uploads/<data type>/<name>/   Delta Lake tables
datasets/<fingerprint>/       built risk datasets
models/<dataset>/<model>/     estimates, by the fingerprints of dataset and model
openfactor.sqlite             what has a name: risk datasets and saved settings
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from tqdm import tqdm

from openfactor.dataset import RiskDataset
from openfactor.dataset.calendar import Calendar
from openfactor.errors import NotFoundError, StorageError
from openfactor.exposures import ExposureMatrix, Universe, universe_on
from openfactor.model import Estimates, RiskModel, estimate
from openfactor.model.estimation import extend
from openfactor.model.estimation import storage as estimates_storage
from openfactor.registry import Registry
from openfactor.riskdatasets import RiskDatasetStore, fingerprint
from openfactor.savedsettings import Pinned, SavedSettingsStore
from openfactor.settings import (
    CalendarSettings,
    DatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelMode,
    UniverseSettings,
)
from openfactor.settings.values import Reference
from openfactor.uploads import DATA_TYPES, UploadStore

MODELS_IN_MEMORY = 8
"""Models, with the forecasts that were asked of them, that a workspace has at hand; the least used go
first."""


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
        self._models: OrderedDict[tuple[str, str, int | None], RiskModel] = OrderedDict()
        self.saved = SavedSettingsStore(self.uploads, self.riskdatasets, registry)

    def __repr__(self) -> str:
        return f"<workspace {self._path}>"

    def calendar(self, settings: DatasetSettings[CalendarSettings] | Reference) -> Calendar:
        """The calendar; as `bind`."""
        pinned = self.saved.pin("CalendarSettings", settings)
        return Calendar(pinned.name, pinned.settings, pinned.dataset.closed, pinned.dataset.days)

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
            pinned.name, pinned.dataset, pinned.settings, pinned.uploads, self.saved.follow, self._threads
        )

    def riskmodel(
        self,
        settings: DatasetSettings[FactorRiskModelSettings] | Reference,
        mode: ModelMode = "get-or-compute-and-persist",
        progress: Callable[[int], None] = lambda days: None,
        cancel: threading.Event | None = None,
    ) -> RiskModel:
        """The fitted model; as `bind`. What was estimated once for the same settings and data is not again.

        mode : whether kept estimates may be used, and whether new ones are kept
        progress, cancel : as `model.estimate`

        Raises
        ------
        NotFoundError: mode "get-or-fail", and there are no estimates.
        """
        pinned = self.saved.pin("FactorRiskModelSettings", settings)
        key, folder = self._model_key(pinned)
        if not mode.startswith("compute"):
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key]
            if folder.exists():
                return self._keep(key, pinned, estimates_storage.load(folder))
        if mode == "get-or-fail":
            raise NotFoundError(
                f"the model on {pinned.name!r} was not fitted yet; use another mode than 'get-or-fail'"
            )
        with self._regressions(pinned.dataset, progress) as advance:
            estimates = estimate(
                pinned.dataset, pinned.settings, folder.name,
                read=pinned.uploads, threads=self._threads, progress=advance, cancel=cancel,
            )  # fmt: skip
        if not mode.endswith("persist"):
            return self._model(pinned, estimates)
        return self._keep(key, pinned, estimates_storage.save(estimates, folder))

    def update_riskmodel(self, bound: DatasetSettings[FactorRiskModelSettings], old: Estimates) -> RiskModel:
        """The model on the present data, whose dataset is brought up to date first.

        What did not change since `old` is taken over; the result is what a full fit gives, to the last bit.
        """
        with self._kept_files(old) as kept:
            self.riskdatasets.update(bound.dataset)
            pinned = self.saved.pin("FactorRiskModelSettings", bound)
            key, folder = self._model_key(pinned)
            if key in self._models:
                return self._models[key]
            if not folder.exists():
                with self._regressions(pinned.dataset) as advance:
                    estimates = extend(
                        kept, pinned.dataset, pinned.settings, folder.name,
                        read=pinned.uploads, threads=self._threads, progress=advance,
                    )  # fmt: skip
                estimates_storage.save(estimates, folder)
            return self._keep(key, pinned, estimates_storage.load(folder))

    def _model_key(self, pinned: Pinned[FactorRiskModelSettings]) -> tuple[tuple[str, str, int | None], Path]:
        """Cache key of a model, and the folder of its estimates."""
        dataset, model = pinned.dataset, pinned.settings
        estimated = model.estimation_only.model_dump(mode="json")
        mark = fingerprint("model", dataset.fingerprint, estimated, pinned.uploads.versions)
        key = (dataset.fingerprint, mark, model.halflife_idio_vra)
        return key, self._path / "models" / dataset.fingerprint / mark

    def _keep(
        self,
        key: tuple[str, str, int | None],
        pinned: Pinned[FactorRiskModelSettings],
        estimates: Estimates,
    ) -> RiskModel:
        """A model that the next request for the same gets again, with what it has computed by then."""
        self._models[key] = self._model(pinned, estimates)
        while len(self._models) > MODELS_IN_MEMORY:
            self._models.popitem(last=False)
        return self._models[key]

    def _model(self, pinned: Pinned[FactorRiskModelSettings], estimates: Estimates) -> RiskModel:
        bound = DatasetSettings(dataset=pinned.name, setting=pinned.settings)
        return RiskModel(
            pinned.dataset,
            pinned.settings,
            estimates,
            pinned.uploads,
            threads=self._threads,
            hide_progress=self._hide_progress,
            renew=lambda: self.update_riskmodel(bound, estimates),
        )

    @contextmanager
    def _regressions(
        self, dataset: RiskDataset, progress: Callable[[int], None] = lambda days: None
    ) -> Iterator[Callable[[int], None]]:
        """A progress bar of the regressions, beside another listener."""
        with tqdm(desc="regressions", unit="day", disable=self._hide_progress) as bar:

            def advance(days: int) -> None:
                bar.update(days)
                progress(days)

            bar.total = len(dataset.days)
            yield advance
            bar.total = bar.n  # trading days, which the dataset alone does not know

    @contextmanager
    def _kept_files(self, estimates: Estimates) -> Iterator[Estimates]:
        """The same estimates, with links to their files that stay when the dataset's old data go."""
        aside = self._path / "models" / f".{estimates.fingerprint}-{uuid.uuid4().hex}"
        try:
            aside.mkdir(parents=True)
            yield estimates_storage.linked(estimates, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
