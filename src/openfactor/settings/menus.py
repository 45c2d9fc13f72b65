"""What a dataset offers: the values that settings may name, nested as the settings are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Menu(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class CalendarSettingsMenu(_Menu):
    exchanges: list[str]
    """Exchange codes, sorted."""


class UniverseSettingsMenu(_Menu):
    calendar_settings_menu: CalendarSettingsMenu
    id_types: list[str]
    """Id types in which assets can be reported."""
    categorical_hierarchies: dict[str, list[str]]
    """Sparse factor groups and their categories."""
    categorical_hierarchies_labels: dict[str, dict[str, str]]
    """For each, category to label."""


class ExposureSettingsMenu(_Menu):
    universe_settings_menu: UniverseSettingsMenu
    continuous_hierarchies: dict[str, list[str]]
    """Dense factor groups and their factors."""
    continuous_hierarchies_labels: dict[str, dict[str, str]]
    """For each, factor to label."""

    @property
    def categorical_hierarchies(self) -> dict[str, list[str]]:
        """The categorical groups, as in the universe menu."""
        return self.universe_settings_menu.categorical_hierarchies


class ModelConstructionSettingsMenu(_Menu):
    weights: list[str]
    """Weighting schemes for which the dataset has data."""
    currencies: list[str]
    """Currencies with exchange rates."""


class FactorRiskModelSettingsMenu(_Menu):
    exposure_settings_menu: ExposureSettingsMenu
    modelconstruction_settings_menu: ModelConstructionSettingsMenu


class BuildReport(_Menu):
    """What went into a dataset and what did not."""

    first_date: str
    last_date: str
    n_days: int
    n_listings: int
    n_entities: int
    n_rows: int
    rows_read: dict[str, int]
    """Upload type to rows read."""
    rows_dropped: dict[str, dict[str, int]]
    """Upload type to reason to rows dropped."""
    warnings: list[str]


class RiskDatasetProperties(_Menu):
    """All menus of a dataset, and how it was built."""

    factor_risk_model_settings_menu: FactorRiskModelSettingsMenu
    build_report: BuildReport

    @property
    def exposure_settings_menu(self) -> ExposureSettingsMenu:
        return self.factor_risk_model_settings_menu.exposure_settings_menu

    @property
    def universe_settings_menu(self) -> UniverseSettingsMenu:
        return self.exposure_settings_menu.universe_settings_menu

    @property
    def calendar_settings_menu(self) -> CalendarSettingsMenu:
        return self.universe_settings_menu.calendar_settings_menu

    @property
    def modelconstruction_settings_menu(self) -> ModelConstructionSettingsMenu:
        return self.factor_risk_model_settings_menu.modelconstruction_settings_menu
