"""Exposures as users hold them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from openfactor.context import Context
from openfactor.contract.refs import Dated, FrameQuery, Layout
from openfactor.dataset import RiskDataset
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.exposures.exposure_frames import (
    ExposureInputs,
    exposure_coverage,
    exposure_factors,
    exposures_of_universe,
)
from openfactor.exposures.membership import Membership, membership_on
from openfactor.exposures.universe import Universe
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike
from openfactor.settings.exposures import ExposureSettings
from openfactor.settings.universe import UniverseSettings
from openfactor.settings.validation import validate
from openfactor.settings.values import Reference, inline

AnyUniverse = Universe | UniverseSettings | Reference


class ExposureMatrix(BoundToProcess):
    """The exposures of the assets of a universe, as they stand on each day.

    Raises
    ------
    SettingsError: with everything in the settings that the dataset does not have.
    """

    def __init__(
        self,
        name: str,
        dataset: RiskDataset,
        settings: ExposureSettings,
        read: UploadReader = no_uploads,
        follow: Callable[[UniverseSettings | Reference], UniverseSettings] | None = None,
        context: Context | None = None,
    ) -> None:
        validate(settings, dataset.properties.factor_risk_model_settings_menu)
        self.dataset = name
        self.settings = settings
        self._inputs = ExposureInputs(dataset, settings, read, context or Context())
        self._follow = follow or inline

    def __repr__(self) -> str:
        groups = dict.fromkeys(group.factor_group for group in self.settings.exposures)
        return f"<exposures on {self.data}: {', '.join(groups) or 'no factors'}>"

    @property
    def data(self) -> DataVersion:
        """Which data they stand on."""
        return self._inputs.dataset.version(self.dataset)

    def factors(self, universe: AnyUniverse | None = None) -> dict[str, list[str]]:
        """Group to its factors, both sorted: those on a universe, or without one all that there are."""
        return exposure_factors(self._inputs, None if universe is None else self._on(universe))

    def dates(self, universe: AnyUniverse, *, range_only: bool = False) -> list[dt.date]:
        """The days on which there can be exposures, or the first and the last of them."""
        return self._on(universe).dates(range_only=range_only)

    def coverage(self, universe: AnyUniverse, id_type: str | None = None) -> list[str]:
        """The assets of a universe with any exposure on any day, sorted: those in `get`.

        Raises
        ------
        SettingsError: as `get`.
        """
        return exposure_coverage(self._inputs, self._on(universe), id_type)

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

        Null where a dense exposure is missing, 0 where an asset is not in a category; assets without any
        exposure are left out.

        Parameters
        ----------
        universe : its settings, the name or id of saved ones, or a universe; one of another dataset gives
            only its settings
        standardize_universe : whom `standardize_method` and `net_of` look at; by default the universe
        start, end : first and last date of the rows, both included
        id_type : by default the universe's; a company is shown as the first of its listings that is a member
        filter_tradedays : only trading days of the universe's calendar
        layout : "long" for one row per exposure: date, the id type, factor, exposure
        dated : "returns" for the exposures of each trading day at the date of the trading day after it, whose
            returns they explain

        Raises
        ------
        SettingsError: with everything in the universe that the dataset does not have, or universes with
        different calendars.
        """
        query = FrameQuery.between(
            "exposures", start, end, id_type=id_type, trading_days_only=filter_tradedays, layout=layout,
            dated=dated,
        )  # fmt: skip
        estimation = None if standardize_universe is None else self._on(standardize_universe)
        return exposures_of_universe(self._inputs, self._on(universe), query, estimation)

    def _on(self, universe: AnyUniverse) -> Membership:
        if isinstance(universe, Universe) and universe.dataset == self.dataset:
            return universe.membership
        settings = universe.settings if isinstance(universe, Universe) else self._follow(universe)
        return membership_on(self._inputs.dataset, settings, self._inputs.read)
