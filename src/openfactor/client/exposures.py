"""`client.equity.exposures`, also for settings of the dialect in which only the universe names a dataset."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from openfactor.client.loader import Loader
from openfactor.client.protocol import Workspace
from openfactor.client.savedsettings import SettingsRegistry
from openfactor.settings import ExposureSettings
from openfactor.settings.dates import DateLike

if TYPE_CHECKING:
    import polars as pl

    from openfactor.exposures import ExposureMatrix
    from openfactor.settings import legacy


class ExposureLoader(Loader[ExposureSettings, Any]):
    """Exposures of the assets of a universe."""

    def __init__(self, workspace: Workspace, settings: SettingsRegistry[ExposureSettings]) -> None:
        super().__init__("exposures", workspace, workspace.exposures, settings)

    def load(self, settings: Any) -> Any:
        """As any other settings. Those of `openfactor.settings.legacy` need no dataset: they take that of the
        universe which they are asked for."""
        from openfactor.settings import legacy  # slow to import, and rarely needed

        if isinstance(settings, legacy.ExposureSettings):
            return ExposuresOfUniverses(self._workspace, settings)
        return super().load(settings)


class ExposuresOfUniverses:
    """Exposures on whatever dataset a universe names."""

    def __init__(self, workspace: Workspace, settings: legacy.ExposureSettings) -> None:
        self._workspace = workspace
        self.settings = settings

    def __repr__(self) -> str:
        return "<exposures on the dataset of a universe; get(universe)>"

    def get(
        self,
        universe: legacy.UniverseSettings,
        *,
        standardize_universe: legacy.UniverseSettings | None = None,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
    ) -> pl.DataFrame:
        """date, the id type, `{group}.{factor}`: as `ExposureMatrix.get`."""
        among = None if standardize_universe is None else standardize_universe.translate()
        return self._on(universe).get(
            universe.translate(), standardize_universe=among, start=start, end=end, id_type=id_type,
            filter_tradedays=filter_tradedays,
        )  # fmt: skip

    def dates(self, universe: legacy.UniverseSettings, *, range_only: bool = False) -> list[dt.date]:
        """The days on which there can be exposures, or the first and the last of them."""
        return self._on(universe).dates(universe.translate(), range_only=range_only)

    def _on(self, universe: legacy.UniverseSettings) -> ExposureMatrix:
        name = universe.dataset_name
        menu = self._workspace.riskdatasets.describe(name).exposure_settings_menu
        return self._workspace.exposures(self.settings.translate(menu).with_dataset(name))
