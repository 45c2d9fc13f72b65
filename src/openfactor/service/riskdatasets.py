"""`client.equity.riskdatasets`: named risk datasets."""

from __future__ import annotations

from openfactor.errors import NotFoundError
from openfactor.service.protocol import Workspace
from openfactor.settings import RiskDatasetProperties, RootRiskDatasetSettings


class RiskDatasetApi:
    """One risk dataset."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace = workspace
        self.name = name

    def __repr__(self) -> str:
        report = self.describe().build_report
        return (
            f"<risk dataset {self.name!r}: {report.first_date} to {report.last_date}, "
            f"{report.n_days} days, {report.n_listings} listings>"
        )

    @property
    def settings(self) -> RootRiskDatasetSettings:
        return self._workspace.riskdataset_settings(self.name)

    def describe(self) -> RiskDatasetProperties:
        """The menus that settings choose from, and the build report."""
        return self._workspace.describe_riskdataset(self.name)


class RiskDatasets:
    """All risk datasets of the workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __repr__(self) -> str:
        return f"<risk datasets: {', '.join(self.get_dataset_names()) or 'none yet'}>"

    def get_dataset_names(self) -> list[str]:
        """Names, sorted."""
        return self._workspace.riskdataset_names()

    def load(self, name: str) -> RiskDatasetApi:
        """A dataset that is there; else NotFoundError."""
        if name not in self.get_dataset_names():
            raise NotFoundError.of("risk dataset", name, self.get_dataset_names())
        return RiskDatasetApi(self._workspace, name)

    def create_dataset(self, name: str, settings: RootRiskDatasetSettings) -> RiskDatasetApi:
        """Build a dataset from the latest versions of its uploads.

        Raises
        ------
        ConflictError: the name is taken. NotFoundError: an upload does not exist. DataError: the uploads
        do not fit together; every fault is named and nothing is left behind.
        """
        self._workspace.create_riskdataset(name, settings)
        return RiskDatasetApi(self._workspace, name)

    def create_or_replace_dataset(self, name: str, settings: RootRiskDatasetSettings) -> RiskDatasetApi:
        """The same, after deleting a dataset of that name."""
        self.delete_dataset_if_exists(name)
        return self.create_dataset(name, settings)

    def delete_dataset(self, name: str) -> None:
        """Delete a dataset and the models estimated on it; NotFoundError when it is not there."""
        self._workspace.delete_riskdataset(name)

    def delete_dataset_if_exists(self, name: str) -> None:
        """The same, without an error when it is not there."""
        if name in self.get_dataset_names():
            self.delete_dataset(name)
