"""Fitted models by what they were fitted on: in memory, on disk, and each computed once.

models/<dataset>/<model>/ has the estimates, by the fingerprints of dataset and model.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from openfactor.dataset import RiskDataset
from openfactor.errors import CancelledError, NotFoundError
from openfactor.model import Estimates, RiskModel, estimate
from openfactor.model.estimation import extend
from openfactor.model.estimation import storage as estimates_storage
from openfactor.progress import progress_bar
from openfactor.riskdatasets import RiskDatasetStore, fingerprint
from openfactor.savedsettings import Pinned, SavedSettingsStore
from openfactor.settings import DatasetSettings, FactorRiskModelSettings, ModelMode
from openfactor.settings.values import Reference

MODELS_IN_MEMORY = 8
"""Models kept in memory, with their forecasts; the least recently used are evicted first."""
_SECONDS_BETWEEN_LOOKS = 0.1
"""How often a request that waits for another one's fit looks whether it was cancelled."""

_PinnedModel = Pinned[FactorRiskModelSettings]


@dataclass(frozen=True)
class _Key:
    """Identifies a model in memory."""

    name: str
    """Of the risk dataset: an update looks there for new data."""
    dataset: str
    """Fingerprint of its data."""
    model: str
    """Fingerprint of the settings that matter for estimates, and of the uploads that they name."""
    halflife_idio_vra: float | None
    """Matters for forecasts alone."""


class RiskModelStore:
    """The fitted models of a workspace.

    folder : of the workspace; threads, hide_progress : as there
    """

    def __init__(
        self,
        folder: Path,
        riskdatasets: RiskDatasetStore,
        saved: SavedSettingsStore,
        *,
        threads: int | None = None,
        hide_progress: bool | None = None,
    ) -> None:
        self._path = folder / "models"
        self._riskdatasets = riskdatasets
        self._saved = saved
        self._threads = threads
        self._hide_progress = hide_progress
        self._models: OrderedDict[_Key, RiskModel] = OrderedDict()
        self._lock = threading.Lock()
        self._under_way: WeakValueDictionary[Path, threading.Lock] = WeakValueDictionary()

    def get(
        self,
        settings: DatasetSettings[FactorRiskModelSettings] | Reference,
        mode: ModelMode = "get-or-compute-and-persist",
        progress: Callable[[int], None] = lambda days: None,
        cancel: threading.Event | None = None,
    ) -> RiskModel:
        """The fitted model. However many ask for the same at once, it is fitted once.

        mode : whether stored estimates may be used, and whether new ones are stored
        progress, cancel : as `model.estimate`

        Raises
        ------
        NotFoundError: mode "get-or-fail", and there are no estimates; else as `SavedSettingsStore.pin` and
        `model.estimate`.
        """
        pinned = self._saved.pin("FactorRiskModelSettings", settings)
        key = _key(pinned)
        if mode.startswith("compute"):
            return self._fit(pinned, key, mode, progress, cancel)
        with self._alone(key, cancel):
            model = self._find(key, pinned)
            if model is not None:
                if mode.endswith("persist") and not self._folder(key).exists():
                    return self._keep(key, pinned, model.estimates)  # the stored estimates were deleted
                return model
            if mode == "get-or-fail":
                raise NotFoundError(
                    f"the model on {pinned.name!r} was not fitted yet; use another mode than 'get-or-fail'"
                )
            return self._fit(pinned, key, mode, progress, cancel)

    def update(self, bound: DatasetSettings[FactorRiskModelSettings], old: Estimates) -> RiskModel:
        """The model on the present data, whose dataset is brought up to date first.

        What did not change since `old` is taken over; the result is what a full fit gives, to the last bit.
        """
        with self._linked(old) as kept:
            self._riskdatasets.update(bound.dataset)
            pinned = self._saved.pin("FactorRiskModelSettings", bound)
            key = _key(pinned)
            with self._alone(key, None):
                model = self._find(key, pinned)
                if model is not None:
                    return model
                with self._regressions(pinned.dataset) as advance:
                    estimates = extend(
                        kept, pinned.dataset, pinned.settings, key.model,
                        read=pinned.uploads, threads=self._threads, progress=advance,
                    )  # fmt: skip
                return self._keep(key, pinned, estimates)

    def _find(self, key: _Key, pinned: _PinnedModel) -> RiskModel | None:
        """The model in memory, or from its stored estimates."""
        with self._lock:
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key]
        if self._folder(key).exists():
            return self._remember(key, self._model(pinned, estimates_storage.load(self._folder(key))))
        return None

    def _fit(
        self,
        pinned: _PinnedModel,
        key: _Key,
        mode: ModelMode,
        progress: Callable[[int], None],
        cancel: threading.Event | None,
    ) -> RiskModel:
        with self._regressions(pinned.dataset, progress) as advance:
            estimates = estimate(
                pinned.dataset, pinned.settings, key.model,
                read=pinned.uploads, threads=self._threads, progress=advance, cancel=cancel,
            )  # fmt: skip
        if mode.endswith("persist"):
            return self._keep(key, pinned, estimates)
        return self._model(pinned, estimates)

    def _keep(self, key: _Key, pinned: _PinnedModel, estimates: Estimates) -> RiskModel:
        """Store estimates; the model that reads them, which the next request for the same gets again."""
        stored = estimates_storage.save(estimates, self._folder(key))
        return self._remember(key, self._model(pinned, stored))

    def _remember(self, key: _Key, model: RiskModel) -> RiskModel:
        with self._lock:
            self._models[key] = model
            self._models.move_to_end(key)
            while len(self._models) > MODELS_IN_MEMORY:
                self._models.popitem(last=False)
        return model

    def _model(self, pinned: _PinnedModel, estimates: Estimates) -> RiskModel:
        bound = DatasetSettings(dataset=pinned.name, setting=pinned.settings)
        return RiskModel(
            pinned.dataset,
            pinned.settings,
            estimates,
            pinned.uploads,
            threads=self._threads,
            hide_progress=self._hide_progress,
            data=pinned.data,
            renew=lambda: self.update(bound, estimates),
        )

    def _folder(self, key: _Key) -> Path:
        return self._path / key.dataset / key.model

    @contextmanager
    def _alone(self, key: _Key, cancel: threading.Event | None) -> Iterator[None]:
        """Hold the model's lock: one request at a time in this process looks it up or fits it.

        Raises
        ------
        CancelledError: `cancel` was set while another request had the model.
        """
        with self._lock:
            lock = self._under_way.setdefault(self._folder(key), threading.Lock())
        while not lock.acquire(timeout=_SECONDS_BETWEEN_LOOKS):
            if cancel is not None and cancel.is_set():
                raise CancelledError("the fit was cancelled while another request was fitting the same model")
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _regressions(
        self, dataset: RiskDataset, progress: Callable[[int], None] = lambda days: None
    ) -> Iterator[Callable[[int], None]]:
        """A progress bar of the regressions, beside another listener."""
        with progress_bar("regressions", self._hide_progress) as bar:

            def advance(days: int) -> None:
                bar.update(days)
                progress(days)

            bar.total = len(dataset.days)
            yield advance
            bar.total = bar.n  # trading days, which the dataset alone does not know

    @contextmanager
    def _linked(self, estimates: Estimates) -> Iterator[Estimates]:
        """The same estimates, with links to their files that stay when the dataset's old data go."""
        aside = self._path / f".{estimates.fingerprint}-{uuid.uuid4().hex}"
        try:
            aside.mkdir(parents=True)
            yield estimates_storage.linked(estimates, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _key(pinned: _PinnedModel) -> _Key:
    settings = pinned.settings
    estimated = settings.estimation_only.model_dump(mode="json")
    mark = fingerprint("model", pinned.dataset.recipe, estimated, pinned.uploads.versions)
    return _Key(pinned.name, pinned.dataset.recipe, mark, settings.halflife_idio_vra)
