"""Universes as users hold them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from openfactor.contract.refs import Dated, FrameQuery, Layout
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.exposures.counts import universe_counts
from openfactor.exposures.membership import Membership
from openfactor.exposures.universe_frames import universe_coverage, universe_frame
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike
from openfactor.settings.universe import UniverseSettings
from openfactor.settings.validation import validate


def universe_on(
    name: str, dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads
) -> Universe:
    """The universe on the dataset of that name.

    Raises
    ------
    SettingsError: with everything in the settings that the dataset does not have; else as `members`.
    """
    validate(settings, dataset.properties.factor_risk_model_settings_menu)
    return Universe(name, dataset, settings, read)


class Universe(BoundToProcess):
    """The assets of a universe, day by day.

    Membership is decided by the stored values of the day itself. A listing can be a member from its first
    price to its last.
    """

    def __init__(
        self, name: str, dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads
    ) -> None:
        self.dataset = name
        self.settings = settings
        self.membership = Membership.of(dataset, settings, read)
        """What the frames are made from."""

    def __repr__(self) -> str:
        return f"<universe on {self.data}, assets as {self.settings.id_type}>"

    @property
    def data(self) -> DataVersion:
        """Which data it stands on."""
        return self.membership.dataset.version(self.dataset)

    @property
    def id_types(self) -> list[str]:
        """The id types in which assets can be given."""
        return list(self.membership.dataset.identifiers.company_types)

    def dates(self, *, range_only: bool = False, trade_only: bool = False) -> list[dt.date]:
        """The days of the dataset, ascending.

        Parameters
        ----------
        range_only : the first and the last of them
        trade_only : only trading days of the universe's calendar
        """
        return self.membership.dates(range_only=range_only, trading_only=trade_only)

    def coverage(self, id_type: str | None = None) -> list[str]:
        """The assets that are members on any day, by their identifiers of these days, sorted; see
        `universe_coverage`."""
        return universe_coverage(self.membership, id_type)

    def get(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
        layout: Layout = "long",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """One row per day and member: date, and the id type, by the identifier of the day; sorted.

        Parameters
        ----------
        start, end : first and last date of the rows, both included
        id_type : by default the universe's
        filter_tradedays : only trading days of the universe's calendar
        layout : "wide" for one row per day, with one Boolean column per identifier
        dated : "returns" for the members of each trading day at the date of the trading day after it

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        query = FrameQuery.between(
            "members", start, end, id_type=id_type, trading_days_only=filter_tradedays, layout=layout,
            dated=dated,
        )  # fmt: skip
        return universe_frame(self.membership, query)

    def counts(
        self,
        dates: bool = True,
        categorical_hierarchy_levels: Mapping[str, int] | None = None,
        labels: bool = True,
    ) -> pl.DataFrame:
        """How many members there are on trading days, those of `get`; see `universe_counts`."""
        return universe_counts(
            self.membership,
            dates=dates,
            categorical_hierarchy_levels=categorical_hierarchy_levels,
            labels=labels,
        )

    def input_id_mapping(self, id_type: str | None = None) -> pl.DataFrame:
        """The identifiers of all types that lead to the assets which are ever members.

        Columns: input_id_type, input_id, start_date, end_date (both included), and the id type, by default
        the universe's; an identifier of a company stands for its first listing. Sorted.

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        return universe_frame(self.membership, FrameQuery(frame="input_id_mapping", id_type=id_type))
