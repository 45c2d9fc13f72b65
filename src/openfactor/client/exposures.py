"""`client.equity.exposures`: exposures of the assets of a universe."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from openfactor.client.handle import PinnedHandle
from openfactor.client.loader import Loader
from openfactor.client.savedsettings import SettingsRegistry
from openfactor.client.universes import Universe
from openfactor.contract.calls import UniverseChoice, Workspace
from openfactor.contract.refs import Dated, FrameQuery, Layout
from openfactor.settings import ExposureSettings, UniverseSettings
from openfactor.settings.dates import DateLike

if TYPE_CHECKING:
    import polars as pl

    from openfactor.settings import legacy

AnyUniverse = Universe | UniverseSettings | str | int


class Exposures(PinnedHandle[ExposureSettings]):
    """The exposures of the assets of a universe, as they stand on each day."""

    def __repr__(self) -> str:
        groups = dict.fromkeys(group.factor_group for group in self.settings.exposures)
        return f"<exposures on {self.data}: {', '.join(groups) or 'no factors'}>"

    def factors(self, universe: AnyUniverse | None = None) -> dict[str, list[str]]:
        """Group to its factors, both sorted: those on a universe, or without one all that there are."""
        chosen = None if universe is None else self._choice(universe)
        return self._workspace.exposures.factors(self.pinned, chosen)

    def dates(self, universe: AnyUniverse, *, range_only: bool = False) -> list[dt.date]:
        """The days on which there can be exposures, or the first and the last of them."""
        days = self._workspace.exposures.dates(self.pinned, self._choice(universe))
        return [days[0], days[-1]] if range_only and days else days

    def coverage(self, universe: AnyUniverse, id_type: str | None = None) -> list[str]:
        """The assets of a universe with any exposure on any day, sorted: those in `get`.

        Raises
        ------
        SettingsError: as `get`.
        """
        return self._workspace.exposures.assets(self.pinned, self._choice(universe), id_type)

    def get(
        self,
        universe: AnyUniverse,
        *,
        standardize_universe: AnyUniverse | None = None,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """date, the id type, `{group}.{factor}` (Float32): one row per day and company, sorted.

        Parameters
        ----------
        universe : its settings, the name or id of saved ones, or a universe; one of another dataset gives
            only its settings
        standardize_universe : whom `standardize_method` and `net_of` look at; by default the universe
        start, end : first and last day, both included
        id_type : by default the universe's; a company is shown as the first of its listings that is a member
        filter_tradedays : only trading days of the universe's calendar
        layout : long: date, the id type, factor, exposure; without the empty ones
        dated : exposures, by default: the day on which they are known; returns: the trading day after it,
            whose returns they explain

        Null where a dense exposure is missing, 0 where an asset is not in a category; assets without any
        exposure are left out.

        Raises
        ------
        SettingsError: with everything in the universe that the dataset does not have, or universes with
        different calendars.
        """
        query = FrameQuery.between(
            "exposures", start, end, id_type=id_type, trading_days_only=filter_tradedays,
            layout=layout, dated=dated,
        )  # fmt: skip
        among = None if standardize_universe is None else self._choice(standardize_universe)
        return self._workspace.exposures.frame(self.pinned, self._choice(universe), among, query)

    def _choice(self, universe: AnyUniverse) -> UniverseChoice:
        """As the contract takes it; of a universe on other data, its settings."""
        if not isinstance(universe, Universe):
            return universe
        same = (
            universe.data.dataset == self.data.dataset and universe.data.fingerprint == self.data.fingerprint
        )
        return universe.pinned if same else universe.settings


class ExposureLoader(Loader[ExposureSettings, Exposures]):
    """Exposures of the assets of a universe."""

    def __init__(self, workspace: Workspace, settings: SettingsRegistry[ExposureSettings]) -> None:
        super().__init__("exposures", workspace, "exposures", Exposures, settings)

    def load(self, settings: Any) -> Any:
        """As any other settings. Those of `openfactor.settings.legacy` need no dataset: they take that of the
        universe which they are asked for.
        """
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
        """date, the id type, `{group}.{factor}`: as `Exposures.get`."""
        among = None if standardize_universe is None else standardize_universe.translate()
        return self._on(universe).get(
            universe.translate(), standardize_universe=among, start=start, end=end, id_type=id_type,
            filter_tradedays=filter_tradedays,
        )  # fmt: skip

    def dates(self, universe: legacy.UniverseSettings, *, range_only: bool = False) -> list[dt.date]:
        """The days on which there can be exposures, or the first and the last of them."""
        return self._on(universe).dates(universe.translate(), range_only=range_only)

    def _on(self, universe: legacy.UniverseSettings) -> Exposures:
        name = universe.dataset_name
        menu = self._workspace.riskdatasets.describe(name).exposure_settings_menu
        bound = self.settings.translate(menu).with_dataset(name)
        return Exposures(self._workspace, self._workspace.exposures.bind(bound))
