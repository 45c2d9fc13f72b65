"""Which assets and which trading days: calendars and universes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from openfactor.settings.values import Settings


class CalendarSettings(Settings):
    """The trading days of a combination of exchanges."""

    settings_kind: ClassVar[str] = "CalendarSettings"

    filters: Annotated[list[Annotated[list[str], Field(min_length=1)]], Field(min_length=1)] = [["XNYS"]]
    """Exchange codes (MIC). A day is a trading day when every inner list has an open exchange:
    `[["A", "B"]]` trades when A or B is open, `[["A"], ["B"]]` only when both are."""


class CategoricalFilterSettings(Settings):
    """Keeps assets in an included category and in no excluded one."""

    hierarchy: str = Field(min_length=1)
    """A categorical (sparse) factor group of the dataset."""
    include: list[str] | Literal["All"] = "All"
    """Codes or labels of any level of the hierarchy. A label shared by several codes means the one nearest
    the top."""
    exclude: list[str] = []
    """The same; a label shared by several codes means the one farthest from the top."""


class PortfolioOrganizerSettings(Settings):
    """Portfolios, and the uploads that contain them."""

    settings_kind: ClassVar[str] = "PortfolioOrganizerSettings"

    enabled_portfolios: str | Annotated[dict[str, str], Field(min_length=1)]
    """The name of a `portfolios` upload, for all of its portfolios; or portfolio id to name of its upload."""

    reference_fields: ClassVar[dict[str, str]] = {"enabled_portfolios": "portfolios"}

    @property
    def by_source(self) -> dict[str, list[str] | None]:
        """Upload to its enabled portfolios; None for all."""
        if isinstance(self.enabled_portfolios, str):
            return {self.enabled_portfolios: None}
        portfolios = self.enabled_portfolios
        sources = dict.fromkeys(portfolios.values())
        return {source: [p for p, its in portfolios.items() if its == source] for source in sources}


class MCapFilterSettings(Settings):
    """Bounds on the market cap, in USD, both inclusive."""

    lower: float = Field(default=0.0, ge=0)
    """The smallest market cap, in USD."""
    upper: float = Field(default=1e20, gt=0)
    """The largest market cap, in USD."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.upper <= self.lower:
            raise ValueError(f"upper ({self.upper:g}) must be greater than lower ({self.lower:g})")
        return self


class UniverseSettings(Settings):
    """A set of assets per trading day, chosen by the values stored for that day."""

    settings_kind: ClassVar[str] = "UniverseSettings"

    id_type: str = "bayesid"
    """Identifier type in which assets are reported: one of the dataset's `id_types`."""
    calendar: CalendarSettings = CalendarSettings()
    """The trading days."""
    categorical_filters: list[CategoricalFilterSettings] = []
    """Assets must pass all of them; at most one per hierarchy."""
    portfolio_filter: str | int | PortfolioOrganizerSettings | None = None
    """Keep only companies held by one of the portfolios on any day of its history, with all their listings.
    Saved settings by name or id, or inline. This gives one list of assets for all days: unlike everything
    else in a universe, it looks into the future."""
    mcap_filter: MCapFilterSettings = MCapFilterSettings()
    """Bounds on the market cap, in USD. Assets without one pass only if the lower bound is 0."""

    reference_fields: ClassVar[dict[str, str]] = {"portfolio_filter": "PortfolioOrganizerSettings"}

    @field_validator("categorical_filters")
    @classmethod
    def _one_filter_per_hierarchy(
        cls, filters: list[CategoricalFilterSettings]
    ) -> list[CategoricalFilterSettings]:
        names = [f.hierarchy for f in filters]
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise ValueError(f"more than one filter on {', '.join(repeated)}; merge them into one")
        return filters
