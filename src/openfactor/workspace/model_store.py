"""Fitted models by what they were fitted on: in memory, on disk, and each computed once.

models/<dataset>/<settings>-<model>/ has the estimates: the fingerprint of the dataset's data, the hash of the
settings that matter for estimates, and the fingerprint of the model, which has the uploads in it as well.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openfactor.context import Context
from openfactor.contract.refs import ModelRef, Pinned
from openfactor.errors import ConflictError, NotFoundError, StorageError
from openfactor.model import Estimates, FittedModel, estimate
from openfactor.model.estimation import days_kept, extend
from openfactor.model.estimation import storage as estimates_storage
from openfactor.settings import FactorRiskModelSettings, ModelMode
from openfactor.workspace.dataset_contents import fingerprint
from openfactor.workspace.riskdatasets import RiskDatasets
from openfactor.workspace.saved_settings import Content, SavedSettingsStore

ANCESTORS_KEPT = 2
"""Stored estimates of the same settings on data that no dataset has any more; older ones are removed."""
VERSIONS_KEPT = 4
"""Stored estimates of the same settings on the same data, for several versions of uploads that the settings
name; older ones are removed."""

_Settings = Pinned[FactorRiskModelSettings]
_Opened = Content[FactorRiskModelSettings]


@dataclass(frozen=True)
class _Mode:
    """What a `ModelMode` allows."""

    reads: bool
    computes: bool
    keeps: bool


_MODES: dict[ModelMode, _Mode] = {
    "get-or-fail": _Mode(reads=True, computes=False, keeps=False),
    "get-or-compute": _Mode(reads=True, computes=True, keeps=False),
    "get-or-compute-and-persist": _Mode(reads=True, computes=True, keeps=True),
    "compute": _Mode(reads=False, computes=True, keeps=False),
    "compute-and-persist": _Mode(reads=False, computes=True, keeps=True),
}


@dataclass(frozen=True)
class _Key:
    """Identifies a model."""

    dataset: str
    """Name; results say on which dataset they stand."""
    content: str
    """Fingerprint of the dataset's data."""
    settings: str
    """Hash of the settings that matter for estimates."""
    model: str
    """Fingerprint of all that the estimates are made from."""
    halflife_idio_vra: float | None
    """Matters for forecasts alone."""

    @classmethod
    def of(cls, pinned: _Settings) -> _Key:
        """The key of a model on pinned content."""
        estimated = pinned.setting.estimation_only.model_dump(mode="json")
        versions = {key: upload.content for key, upload in pinned.uploads.items()}
        return cls(
            pinned.dataset,
            pinned.data.fingerprint,
            fingerprint("settings", estimated),
            fingerprint("model", pinned.data.fingerprint, estimated, versions),
            pinned.setting.halflife_idio_vra,
        )

    @property
    def folder(self) -> str:
        """Of the stored estimates, below `models`."""
        return f"{self.content}/{self.settings}-{self.model}"


class ModelStore:
    """The fitted models of a workspace.

    Parameters
    ----------
    folder : of the workspace
    """

    def __init__(
        self, folder: Path, riskdatasets: RiskDatasets, saved: SavedSettingsStore, context: Context
    ) -> None:
        self._path = folder / "models"
        self._riskdatasets = riskdatasets
        self._saved = saved
        self._context = context

    def get(self, pinned: _Settings, mode: ModelMode = "get-or-compute-and-persist") -> FittedModel:
        """The fitted model. However many ask for the same at once, it is fitted once.

        Where it is not stored, estimates of the same settings on older or newer data are extended: only days
        that differ are regressed. To the last bit the result is that of a full fit.

        Parameters
        ----------
        mode : whether stored estimates may be used, and whether new ones are stored

        Raises
        ------
        NotFoundError: mode "get-or-fail", and there are no estimates; or the data that were pinned do not
        exist any more. DataError: as `model.estimate`. CancelledError: the request was cancelled.
        """
        allowed, key = _MODES[mode], _Key.of(pinned)
        if not allowed.reads:
            content = self._saved.open(pinned)
            return self._finish(key, content, self._estimate(key, content), keep=allowed.keeps)
        with self._context.cache.single_flight("model", key.folder, self._context.check):
            fitted = self._find(key, pinned)
            if fitted is None and allowed.computes:
                fitted = self._context.cache.peek("unsaved model", key)
            if fitted is not None:
                if allowed.keeps and not self._folder(key).exists():
                    return self._finish(key, self._saved.open(pinned), fitted.estimates, keep=True)
                return fitted
            if not allowed.computes:
                raise NotFoundError(
                    f"the model on {pinned.dataset!r} was not fitted yet; use another mode than {mode!r}"
                )
            content = self._saved.open(pinned)
            estimates = self._extend(key, content, None)
            return self._finish(key, content, estimates, keep=allowed.keeps)

    def update(self, pinned: _Settings, old: Estimates) -> tuple[_Settings, FittedModel]:
        """The model on the present data, whose dataset is brought up to date first, with what it stands on.

        Days that did not change since `old` are taken over; to the last bit the result is that of a full fit.
        """
        with self._linked(old) as kept:
            self._riskdatasets.update(pinned.dataset)
            newer = self._saved.pin(FactorRiskModelSettings, pinned.settings)
            key = _Key.of(newer)
            with self._context.cache.single_flight("model", key.folder, self._context.check):
                fitted = self._find(key, newer)
                if fitted is None:
                    content = self._saved.open(newer)
                    fitted = self._finish(key, content, self._extend(key, content, kept), keep=True)
                return newer, fitted

    def fitted(self, model: ModelRef) -> FittedModel:
        """A model that was fitted before: from memory, from its stored estimates, or fitted again.

        Raises
        ------
        NotFoundError: the data that it stands on do not exist any more. ConflictError: it was fitted by
        another release, whose numbers differ.
        """
        key = _Key.of(model.pinned)
        if key.model != model.fingerprint:
            raise ConflictError("this model was fitted by another release of openfactor; fit it again")
        cache = self._context.cache
        fitted: FittedModel | None = cache.peek("model", key) or cache.peek("unsaved model", key)
        return (fitted or self.get(model.pinned, "get-or-compute")).on(self._context)

    def _find(self, key: _Key, pinned: _Settings) -> FittedModel | None:
        """The model in memory, or from its stored estimates."""
        fitted: FittedModel | None = self._context.cache.peek("model", key)
        if fitted is None and self._folder(key).exists():
            stored = estimates_storage.load(self._folder(key))
            fitted = self._remember("model", key, self._saved.open(pinned), stored)
        return fitted

    def _finish(self, key: _Key, content: _Opened, estimates: Estimates, *, keep: bool) -> FittedModel:
        """The model of estimates, which are stored if they are to be kept."""
        if not keep:
            return self._remember("unsaved model", key, content, estimates)
        made_from = content.pinned.model_dump(mode="json")
        stored = estimates_storage.save(estimates, self._folder(key), made_from)
        self._remove_ancestors(key)
        return self._remember("model", key, content, stored)

    def _remember(self, kind: str, key: _Key, content: _Opened, estimates: Estimates) -> FittedModel:
        # what is kept must not be cancelled, or tell its progress, with the request that made it
        no_request = Context(self._context.threads, cache=self._context.cache)
        fitted = FittedModel(
            content.dataset,
            content.settings,
            content.uploads,
            no_request,
            estimates=estimates,
            data=content.data,
        )
        return self._context.cache.put(kind, key, fitted)

    def _estimate(self, key: _Key, content: _Opened) -> Estimates:
        estimates = estimate(
            content.dataset, content.settings, key.model, read=content.uploads, context=self._context
        )
        self._context.log_of(key.model).info("estimated %d days", len(estimates.dates))
        return estimates

    def _extend(self, key: _Key, content: _Opened, old: Estimates | None) -> Estimates:
        """Estimates that take over as many days as they can, from `old` or from stored ones."""
        candidates = [] if old is None else [old]
        for folder in self._ancestors(key):
            try:
                candidates.append(estimates_storage.load(folder))
            except StorageError:
                self._context.log_of(key.model).warning("estimates in %s are damaged or were removed", folder)
        days = [days_kept(estimates, content.dataset, content.settings) for estimates in candidates]
        if not any(days):
            return self._estimate(key, content)
        best = candidates[days.index(max(days))]
        self._context.log_of(key.model).info("extends %s: %d days are kept", best.fingerprint, max(days))
        with self._linked(best) as kept:
            return extend(
                kept,
                content.dataset,
                content.settings,
                key.model,
                read=content.uploads,
                context=self._context,
            )

    def _ancestors(self, key: _Key) -> list[Path]:
        """Stored estimates of the same settings, on whatever data, the newest first."""
        folders = [path for path in self._path.glob(f"*/{key.settings}-*") if path != self._folder(key)]
        return sorted(folders, key=_modified, reverse=True)

    def _remove_ancestors(self, key: _Key) -> None:
        """Remove estimates of the same settings but for the newest: on the same data, and on data that no
        dataset has.
        """
        living, ancestors = self._riskdatasets.fingerprints(), self._ancestors(key)
        gone = [folder for folder in ancestors if folder.parent.name not in living]
        same = [folder for folder in ancestors if folder.parent.name == key.content]
        for folder in (*gone[ANCESTORS_KEPT:], *same[VERSIONS_KEPT - 1 :]):
            shutil.rmtree(folder, ignore_errors=True)
            self._context.log_of(folder.name.rpartition("-")[2]).info("old estimates were removed")

    def _folder(self, key: _Key) -> Path:
        return self._path / key.folder

    @contextmanager
    def _linked(self, estimates: Estimates) -> Iterator[Estimates]:
        """The same estimates, with links to their files that outlive the removal of these."""
        aside = self._path / f".{estimates.fingerprint}-{uuid.uuid4().hex}"
        try:
            aside.mkdir(parents=True)
            yield estimates_storage.linked(estimates, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _modified(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # removed meanwhile
        return 0.0
