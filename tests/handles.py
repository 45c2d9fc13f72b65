"""Handles on engine objects without a workspace on disk: what tests build in memory, as users see it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from openfactor import Client
from openfactor.client import exposures, riskmodel, universes
from openfactor.context import Context
from openfactor.contract.refs import ModelRef, Pinned
from openfactor.dataset import RiskDataset
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.model import Estimates, FittedModel
from openfactor.settings import ExposureSettings, FactorRiskModelSettings, UniverseSettings
from openfactor.settings.validation import validate
from openfactor.settings.values import inline
from openfactor.workspace.exposures import Exposures
from openfactor.workspace.riskmodels import RiskModels
from openfactor.workspace.universes import Universes


class _OneDataset:
    """Stands for the saved settings of a workspace with one dataset, whose content never changes."""

    def __init__(self, name: str, dataset: RiskDataset, read: UploadReader) -> None:
        self._name, self._dataset, self._read = name, dataset, read

    def pin(self, settings: Any) -> Any:
        kind: Any = Pinned[type(settings)]
        return kind(setting=settings, data=self._dataset.version(self._name))

    def pin_on(self, data: Any, settings: Any) -> Any:
        return self.pin(settings)

    def open(self, pinned: Any) -> Any:
        return SimpleNamespace(
            dataset=self._dataset, settings=pinned.setting, uploads=self._read, data=pinned.data
        )

    def follow(self, universe: Any) -> Any:
        return inline(universe)


def workspace_of(name: str, dataset: RiskDataset, read: UploadReader = no_uploads) -> Any:
    """Universes and exposures on one dataset."""
    saved: Any = _OneDataset(name, dataset, read)
    of_universes = Universes(saved, Context())
    return SimpleNamespace(
        saved=saved, universes=of_universes, exposures=Exposures(saved, of_universes, Context())
    )


class Universe(universes.Universe):
    """A universe on a dataset."""

    def __init__(
        self, name: str, dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads
    ) -> None:
        workspace = workspace_of(name, dataset, read)
        super().__init__(workspace, workspace.saved.pin(settings))
        self.content = dataset
        workspace.universes.membership(self.pinned)


class ExposureMatrix(exposures.Exposures):
    """Exposures on a dataset."""

    def __init__(
        self, name: str, dataset: RiskDataset, settings: ExposureSettings, read: UploadReader = no_uploads
    ) -> None:
        validate(settings, dataset.properties.factor_risk_model_settings_menu)
        workspace = workspace_of(name, dataset, read)
        super().__init__(workspace, workspace.saved.pin(settings))


class RiskModel(riskmodel.RiskModel):
    """A model of estimates."""

    def __init__(
        self,
        dataset: RiskDataset,
        settings: FactorRiskModelSettings,
        estimates: Estimates,
        read: UploadReader = no_uploads,
    ) -> None:
        saved: Any = _OneDataset("dataset", dataset, read)
        settings = getattr(settings, "setting", settings)  # a model's own are bound to a dataset
        ref = ModelRef(pinned=saved.pin(settings), fingerprint=estimates.fingerprint)
        fitted = FittedModel(dataset, settings, read, Context(), estimates=estimates, data=ref.pinned.data)
        store: Any = SimpleNamespace(fitted=lambda model: fitted)
        workspace: Any = SimpleNamespace(
            riskmodels=RiskModels(saved, store), estimates=lambda model: fitted.estimates
        )
        super().__init__(workspace, ref)


def engine_of(handle: Any) -> Any:
    """The workspace of this process behind a handle or client, over messages too."""
    return getattr(handle._workspace, "_local", handle._workspace)


def fitted_of(model: riskmodel.RiskModel) -> FittedModel:
    """The engine's model behind a handle of this process."""
    fitted: FittedModel = engine_of(model).riskmodels.fitted(model.ref)
    return fitted


def arrays_of(model: riskmodel.RiskModel) -> Estimates:
    """The arrays behind a model, over messages too."""
    return fitted_of(model).estimates


def dataset_of_name(client: Client, name: str) -> RiskDataset:
    """The engine's dataset behind a name of a client of this process."""
    dataset: RiskDataset = engine_of(client).saved._riskdatasets.open(name)
    return dataset
