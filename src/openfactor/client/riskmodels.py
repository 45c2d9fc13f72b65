"""`client.equity.riskmodels`: factor models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfactor.client.protocol import Workspace
from openfactor.client.tasks import Task
from openfactor.settings import DatasetSettings, FactorRiskModelSettings, ModelMode

if TYPE_CHECKING:
    from openfactor.model import RiskModel


class RiskModelEngine:
    """A model that can be fitted: settings that are valid on their dataset."""

    def __init__(self, workspace: Workspace, bound: DatasetSettings[FactorRiskModelSettings]) -> None:
        self._workspace = workspace
        self.settings = bound

    def __repr__(self) -> str:
        return f"<risk model on {self.settings.dataset!r}; get_model() fits it>"

    def get_model(self, mode: ModelMode = "get-or-compute-and-persist") -> RiskModel:
        """Fit the model, or read it when the same was fitted before.

        mode : "get-..." uses estimates that are kept, "compute" does not; "...-persist" keeps new ones;
            "get-or-fail" never computes

        Raises
        ------
        DataError: the data do not serve; says why. NotFoundError: nothing is kept, with "get-or-fail".
        """
        return self._workspace.riskmodel(self.settings, mode)

    def get_model_as_task(self, mode: ModelMode = "get-or-compute-and-persist") -> Task[RiskModel]:
        """`get_model` in the background; its units are trading days. It can be cancelled, and then keeps
        nothing."""
        return Task(
            f"risk model on {self.settings.dataset!r}",
            lambda progress, cancel: self._workspace.riskmodel(self.settings, mode, progress, cancel),
        )


def load_engine(
    workspace: Workspace, settings: DatasetSettings[FactorRiskModelSettings] | str | int
) -> RiskModelEngine:
    """The engine of settings that fit their dataset; else SettingsError."""
    return RiskModelEngine(workspace, workspace.saved.bind("FactorRiskModelSettings", settings))
