"""Which assets and which days: calendars and universes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from openfactor.settings.values import Settings


class CalendarSettings(Settings):
    """The trading days of a combination of exchanges."""

    settings_kind: ClassVar[str] = "CalendarSettings"

    filters: Annotated[list[Annotated[list[str], Field(min_length=1)]], Field(min_length=1)] = [["XNYS"]]
    """Exchange codes (MIC). Applied to closed days: a day is closed when, for at least one inner
    list, all of its exchanges are closed. `[["A", "B"]]` trades when A or B is open, `[["A"], ["B"]]`
    only when both are."""


class CategoricalFilterSettings(Settings):
    """Keeps the assets that belong to an included category and to no excluded one."""

    hierarchy: str = Field(min_length=1)
    """A categorical (sparse) factor group of the dataset."""
    include: list[str] | Literal["All"] = "All"
    """Codes or labels, of any level of the hierarchy. Where several codes have a label, the one nearest to
    the top is meant."""
    exclude: list[str] = []
    """The same; where several codes have a label, the one farthest from the top is meant."""


class PortfolioOrganizerSettings(Settings):
    """Portfolios, and the uploads that they are in."""

    settings_kind: ClassVar[str] = "PortfolioOrganizerSettings"

    enabled_portfolios: str | Annotated[dict[str, str], Field(min_length=1)]
    """The name of a `portfolios` upload for all that is in it, or portfolio id to the upload's name."""

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
    """A set of assets for every trading day, decided from that day's stored values."""

    settings_kind: ClassVar[str] = "UniverseSettings"

    id_type: str = "bayesid"
    """The identifiers to report assets in; one of the dataset's `id_types`."""
    calendar: CalendarSettings = CalendarSettings()
    """The trading days."""
    categorical_filters: list[CategoricalFilterSettings] = []
    """All must hold; at most one a hierarchy."""
    portfolio_filter: str | int | PortfolioOrganizerSettings | None = None
    """Only companies that one of the portfolios holds on any day of its history: saved settings by name or
    id, or inline. All listings of a company pass. This is one list of assets for all days, so that the past
    has the assets of the present: unlike everything else in a universe, it knows the future."""
    mcap_filter: MCapFilterSettings = MCapFilterSettings()
    """Bounds on the market cap. A name without one passes only where the lower bound is 0."""

    reference_fields: ClassVar[dict[str, str]] = {"portfolio_filter": "PortfolioOrganizerSettings"}

    @field_validator("categorical_filters")
    @classmethod
    def _one_filter_a_hierarchy(
        cls, filters: list[CategoricalFilterSettings]
    ) -> list[CategoricalFilterSettings]:
        names = [f.hierarchy for f in filters]
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise ValueError(f"more than one filter on {', '.join(repeated)}; merge them into one")
        return filters
