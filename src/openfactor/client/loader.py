"""`client.equity.universes`, `.exposures` and `.riskmodels`: settings become what they describe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from openfactor.client.savedsettings import SettingsRegistry
from openfactor.contract.calls import Workspace
from openfactor.settings import DatasetSettings, Settings

S = TypeVar("S", bound=Settings)
T = TypeVar("T")


class Loader(Generic[S, T]):
    """What settings of one kind describe, on a risk dataset.

    Parameters
    ----------
    resource : of the workspace, which binds the settings to their content
    handle : makes the handle of bound settings
    """

    def __init__(
        self,
        what: str,
        workspace: Workspace,
        resource: str,
        handle: Callable[[Workspace, Any], T],
        settings: SettingsRegistry[S],
    ) -> None:
        self._what = what
        self._workspace = workspace
        self._resource = resource
        self._handle = handle
        self.settings = settings
        """Saved settings of this kind."""

    def __repr__(self) -> str:
        return f"<{self._what}; load(settings.with_dataset(name)), or the name of saved settings>"

    def load(self, settings: DatasetSettings[S] | str | int) -> T:
        """Settings bound by `with_dataset(name)`, or saved ones by name or id; checked against the dataset.
        Settings of `openfactor.settings.legacy` name their dataset themselves.

        What is loaded stands on the data of this moment; later commits and updates do not change it.

        Raises
        ------
        TypeError: settings without a dataset. NotFoundError: no dataset or no saved settings of that name.
        SettingsError: with all that the dataset does not have.
        """
        from openfactor.settings import legacy  # slow to import, and rarely needed

        if isinstance(settings, legacy.UniverseSettings | legacy.FactorRiskModelSettings):
            settings = settings.bound(  # type: ignore[assignment]
                lambda name: self._workspace.riskdatasets.describe(name).exposure_settings_menu
            )
        if not isinstance(settings, DatasetSettings | str | int):
            raise TypeError("bind the settings to a risk dataset first: settings.with_dataset(name)")
        return self._handle(self._workspace, getattr(self._workspace, self._resource).bind(settings))

    def validate(self, settings: DatasetSettings[S] | str | int) -> DatasetSettings[S]:
        """The settings with every name of saved settings followed, if they fit their dataset.

        Raises
        ------
        As `load`.
        """
        return self._workspace.saved.bind(self.settings.settings_type.settings_kind, settings)
