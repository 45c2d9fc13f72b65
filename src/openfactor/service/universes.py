"""`client.equity.universes`: which assets, on which days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfactor.service.bound import check_bound
from openfactor.service.protocol import Workspace
from openfactor.settings import DatasetSettings, UniverseSettings

if TYPE_CHECKING:
    from openfactor.exposures import Universe


class Universes:
    """Universes on risk datasets."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def load(self, settings: DatasetSettings[UniverseSettings]) -> Universe:
        """Settings bound by `with_dataset(name)`, checked against that dataset.

        Raises
        ------
        TypeError: settings without a dataset. SettingsError: with all that the dataset does not have.
        """
        check_bound(settings)
        return self._workspace.universe(settings)
