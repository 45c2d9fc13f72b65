"""Fitted models by what they were fitted on: in memory, in the store, and each computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from openfactor.context import Context
from openfactor.contract.refs import ModelRef, Pinned
from openfactor.database import Contents
from openfactor.dataset.runs import month
from openfactor.errors import ConflictError, NotFoundError, StorageError
from openfactor.model import Estimates, FittedModel, estimate
from openfactor.model.estimation import days_kept, extend
from openfactor.model.estimation import storage as estimates_storage
from openfactor.settings import FactorRiskModelSettings, ModelMode
from openfactor.store import ESTIMATES, DamagedObjectError, Leases, MissingObjectError, Objects
from openfactor.workspace.dataset_contents import fingerprint
from openfactor.workspace.riskdatasets import RiskDatasets
from openfactor.workspace.saved_settings import Content, SavedSettingsStore

ANCESTORS_TRIED = 4
"""Stored estimates of the same settings, the newest first, that are considered for extension."""

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


class ModelStore:
    """The fitted models of a workspace."""

    def __init__(
        self,
        objects: Objects,
        leases: Leases,
        contents: Contents,
        riskdatasets: RiskDatasets,
        saved: SavedSettingsStore,
        context: Context,
    ) -> None:
        self._objects = objects
        self._leases = leases
        self._contents = contents
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
        with self._context.cache.single_flight("model", key.model, self._context.check):
            fitted = self._find(key, pinned)
            if fitted is None and allowed.computes:
                fitted = self._context.cache.peek("unsaved model", key)
            if fitted is not None:
                if allowed.keeps and self._contents.find(key.model) is None:
                    return self._finish(key, self._saved.open(pinned), fitted.estimates, keep=True)
                return fitted
            if not allowed.computes:
                raise NotFoundError(
                    f"the model on {pinned.dataset!r} was not fitted yet; use another mode than {mode!r}"
                )
            content = self._saved.open(pinned)
            estimates, _kept = self._extend(key, content, None)
            return self._finish(key, content, estimates, keep=allowed.keeps)

    def update(self, pinned: _Settings, old: Estimates) -> tuple[_Settings, FittedModel]:
        """The model on the present data, whose dataset is brought up to date first, with what it stands on.

        Days that did not change since `old` are taken over; to the last bit the result is that of a full fit.
        """
        self._riskdatasets.update(pinned.dataset)
        newer = self._saved.pin(FactorRiskModelSettings, pinned.settings)
        key = _Key.of(newer)
        with self._context.cache.single_flight("model", key.model, self._context.check):
            fitted = self._find(key, newer)
            if fitted is None:
                content = self._saved.open(newer)
                estimates, _kept = self._extend(key, content, old)
                fitted = self._finish(key, content, estimates, keep=True)
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
        stored = self._contents.find(key.model) if fitted is None else None
        if stored is not None:
            try:
                estimates = self._load(stored)
            except (MissingObjectError, DamagedObjectError) as error:
                self._context.log_of(key.model).warning("fitted again: %s", error)
            else:
                fitted = self._remember("model", key, self._saved.open(pinned), estimates)
        return fitted

    def _finish(self, key: _Key, content: _Opened, estimates: Estimates, *, keep: bool) -> FittedModel:
        """The model of estimates, which are stored if they are to be kept."""
        if not keep:
            return self._remember("unsaved model", key, content, estimates)
        made_from = content.pinned.model_dump(mode="json")
        first_days = content.dataset.panel.first_days[:-1].tolist()
        names = [month(content.dataset.days[day]) for day in first_days]
        stored = estimates_storage.save(estimates, self._objects, names, made_from)
        self._contents.put(key.model, ESTIMATES, stored, dataset=key.content, settings=key.settings)
        return self._remember("model", key, content, self._load(stored))

    def _load(self, stored: str) -> Estimates:
        """Stored estimates, which are not pruned while somebody has them."""
        with self._leases.reading(stored) as lease:
            return lease.until_freed(estimates_storage.load(self._objects, stored))

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

    def _extend(
        self, key: _Key, content: _Opened, old: Estimates | None
    ) -> tuple[Estimates, Estimates | None]:
        """Estimates that take over as many days as they can, from `old` or from stored ones; and those, which
        must be held until the new ones are stored, since they share packs.
        """
        best, most = None, 0
        for candidate in self._candidates(key, old):
            days = days_kept(candidate, content.dataset, content.settings)
            if days > most:
                best, most = candidate, days
            if days == len(candidate.dates):
                break
        if best is None:
            return self._estimate(key, content), None
        self._context.log_of(key.model).info("extends %s: %d days are kept", best.fingerprint, most)
        extended = extend(
            best,
            content.dataset,
            content.settings,
            key.model,
            read=content.uploads,
            context=self._context,
        )
        return extended, best

    def _candidates(self, key: _Key, old: Estimates | None) -> Iterator[Estimates]:
        """`old`, then stored estimates of the same settings on whatever data, the newest first."""
        if old is not None:
            yield old
        for made in self._contents.list(ESTIMATES, settings=key.settings)[:ANCESTORS_TRIED]:
            try:
                yield self._load(made.content)
            except StorageError as error:
                self._context.log_of(made.recipe).warning("stored estimates cannot be extended: %s", error)
