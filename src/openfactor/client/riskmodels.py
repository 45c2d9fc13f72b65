"""`client.equity.riskmodels`: models that can be fitted."""

from __future__ import annotations

from typing import Any

from openfactor.client.handle import Handle
from openfactor.client.riskmodel import RiskModel
from openfactor.client.tasks import Task
from openfactor.contract.calls import Workspace
from openfactor.contract.refs import Pinned
from openfactor.settings import DatasetSettings, FactorRiskModelSettings, ModelMode


class RiskModelEngine(Handle):
    """A model that can be fitted: settings that are valid on their dataset, and the data of that moment."""

    def __init__(self, workspace: Workspace, pinned: Pinned[FactorRiskModelSettings]) -> None:
        self._workspace = workspace
        self.pinned = pinned
        """The settings and the content that they are read against."""

    def __repr__(self) -> str:
        return f"<risk model on {self.pinned.dataset!r}; get_model() fits it>"

    @property
    def _refers_to(self) -> Any:
        return self.pinned

    @property
    def settings(self) -> DatasetSettings[FactorRiskModelSettings]:
        """Bound to the dataset, with every reference to saved ones followed."""
        return self.pinned.settings

    def get_model(self, mode: ModelMode = "get-or-compute-and-persist") -> RiskModel:
        """Fit the model, or read it when the same was fitted before.

        Parameters
        ----------
        mode : "get-..." uses estimates that are kept, "compute" does not; "...-persist" keeps new ones;
            "get-or-fail" never computes

        Raises
        ------
        DataError: the data cannot support estimation; says why. NotFoundError: nothing is kept, with
        "get-or-fail".
        """
        return RiskModel(self._workspace, self._workspace.riskmodels.fit(self.pinned, mode))

    def get_model_as_task(self, mode: ModelMode = "get-or-compute-and-persist") -> Task[RiskModel]:
        """`get_model` in the background. It can be cancelled, and then keeps nothing."""
        name = f"risk model on {self.pinned.dataset!r}"
        return Task(
            self._workspace, name, "riskmodels", "fit", (self.pinned, mode),
            lambda model: RiskModel(self._workspace, model),
        )  # fmt: skip
