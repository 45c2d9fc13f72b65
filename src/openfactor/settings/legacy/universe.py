"""Calendars and universes of the older dialects, which may name their dataset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from pydantic import Field, field_validator

from openfactor.errors import SettingsError
from openfactor.settings import universe as current
from openfactor.settings.exposures import Selection
from openfactor.settings.menus import ExposureSettingsMenu
from openfactor.settings.universe import (
    CategoricalFilterSettings,
    MCapFilterSettings,
    PortfolioOrganizerSettings,
)
from openfactor.settings.values import DatasetSettings, Value

MenuOf = Callable[[str], ExposureSettingsMenu]
"""Returns what a dataset offers, by its name."""


class CalendarSettings(Value):
    """A calendar that may name its dataset."""

    dataset: str | None = None
    """Name of the risk dataset."""
    filters: list[list[str]] = [["XNYS"]]
    """As in the current dialect."""

    def translate(self) -> current.CalendarSettings:
        """In the current dialect."""
        return current.CalendarSettings(filters=self.filters)


class IndustrySettings(Value):
    """A filter on industries."""

    hierarchy: str = "trbc"
    """A categorical factor group of the dataset."""
    include: Selection = "All"
    """Codes or labels of any level to keep."""
    exclude: list[str] = []
    """Codes or labels of any level to leave out."""

    def translate(self) -> CategoricalFilterSettings:
        """In the current dialect."""
        return CategoricalFilterSettings(hierarchy=self.hierarchy, include=self.include, exclude=self.exclude)


class RegionSettings(IndustrySettings):
    """A filter on regions."""

    hierarchy: str = "continent"


class MCapSettings(Value):
    """Bounds on the market cap, both inclusive."""

    lower: float = Field(default=0.0, ge=0)
    """The smallest market cap, in USD."""
    upper: float = Field(default=1e20, gt=0)
    """The largest market cap, in USD."""
    gdp_deflator_asof: dt.date | None = None
    """Not offered: must be None."""

    @field_validator("gdp_deflator_asof")
    @classmethod
    def _no_deflator(cls, value: dt.date | None) -> None:
        if value is not None:
            raise ValueError("bounds that move with GDP are not offered; give bounds in today's money")

    def translate(self) -> MCapFilterSettings:
        """In the current dialect."""
        return MCapFilterSettings(lower=self.lower, upper=self.upper)


class UniverseSettings(Value):
    """A universe that names its dataset. Without `industry` or `region` there is no such filter."""

    dataset: str | None = None
    """Name of the risk dataset; None: the calendar names it."""
    id_type: str = "bayesid"
    """The identifiers to report assets in."""
    calendar: CalendarSettings | current.CalendarSettings = CalendarSettings()
    """The trading days."""
    industry: IndustrySettings | None = None
    """First dialect: the filter on industries."""
    region: RegionSettings | None = None
    """First dialect: the filter on regions."""
    mcap: MCapSettings | None = None
    """First dialect: bounds on the market cap."""
    categorical_filters: list[CategoricalFilterSettings] = []
    """Second dialect: filters, as in the current one."""
    portfolio_filter: str | int | PortfolioOrganizerSettings | None = None
    """As in the current dialect."""
    mcap_filter: MCapFilterSettings = MCapFilterSettings()
    """Second dialect: bounds on the market cap, as in the current one."""

    @classmethod
    def default(cls) -> UniverseSettings:
        """All defaults."""
        return cls()

    @property
    def dataset_name(self) -> str:
        """The dataset; SettingsError if there is none."""
        own = self.calendar.dataset if isinstance(self.calendar, CalendarSettings) else None
        dataset = self.dataset or own
        if not dataset:
            raise SettingsError("the universe names no risk dataset:", ["give UniverseSettings(dataset=...)"])
        return dataset

    def translate(self) -> current.UniverseSettings:
        """In the current dialect."""
        calendar = self.calendar
        filters = [item.translate() for item in (self.industry, self.region) if item is not None]
        return current.UniverseSettings(
            id_type=self.id_type,
            calendar=calendar.translate() if isinstance(calendar, CalendarSettings) else calendar,
            categorical_filters=[*filters, *self.categorical_filters],
            portfolio_filter=self.portfolio_filter,
            mcap_filter=self.mcap.translate() if self.mcap is not None else self.mcap_filter,
        )

    def bound(self, menu_of: MenuOf) -> DatasetSettings[current.UniverseSettings]:
        """In the current dialect, on the dataset that it names; SettingsError if it names none."""
        return self.translate().with_dataset(self.dataset_name)
