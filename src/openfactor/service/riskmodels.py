"""`client.equity.riskmodels`: factor models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfactor.service.protocol import Workspace
from openfactor.settings import DatasetSettings, FactorRiskModelSettings

if TYPE_CHECKING:
    from openfactor.model import RiskModel


class RiskModelEngine:
    """A model that can be fitted: settings that are valid on their dataset."""

    def __init__(self, workspace: Workspace, bound: DatasetSettings[FactorRiskModelSettings]) -> None:
        self._workspace = workspace
        self.settings = bound

    def __repr__(self) -> str:
        return f"<risk model on {self.settings.dataset!r}; get_model() fits it>"

    def get_model(self) -> RiskModel:
        """Fit the model, or read it when the same was fitted before."""
        return self._workspace.riskmodel(self.settings)


def load_engine(
    workspace: Workspace, settings: DatasetSettings[FactorRiskModelSettings] | str | int
) -> RiskModelEngine:
    """The engine of settings that fit their dataset; else SettingsError."""
    return RiskModelEngine(workspace, workspace.saved.bind("FactorRiskModelSettings", settings))
