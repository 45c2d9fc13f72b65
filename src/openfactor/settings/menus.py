"""What a dataset offers: the names that settings may use, nested like the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from openfactor.settings.hierarchies import Hierarchy, Tree, hierarchy_df_to_wide
from openfactor.settings.values import Value

if TYPE_CHECKING:
    import polars as pl

Labels = dict[str, dict[str, str]]
"""Hierarchy to code to label."""


class Menu(Value):
    """The names that settings of one kind may use."""


def _check_labels(hierarchies: Mapping[str, Hierarchy], labels: Labels) -> None:
    """ValueError unless every code of every hierarchy has a label, and nothing else has."""
    problems = [f"labels of {name!r}, which is no hierarchy" for name in labels.keys() - hierarchies.keys()]
    for name, hierarchy in hierarchies.items():
        try:
            tree = Tree(hierarchy, labels.get(name, {}))
        except ValueError as error:
            problems.append(f"{name}: {error}")
        else:
            if unlabelled := sorted(tree.nodes.keys() - labels.get(name, {}).keys()):
                problems.append(f"{name}: codes without a label: {', '.join(unlabelled)}")
    if problems:
        raise ValueError("; ".join(problems))


class CalendarSettingsMenu(Menu):
    """What `CalendarSettings` choose from."""

    exchanges: list[str]
    """Exchange codes (MIC), sorted."""


class UniverseSettingsMenu(Menu):
    """What `UniverseSettings` choose from."""

    calendar_settings_menu: CalendarSettingsMenu
    """For `calendar`."""
    id_types: list[str]
    """Identifier types in which assets can be reported."""
    categorical_hierarchies: dict[str, Hierarchy]
    """Categorical factor group to its categories, as a tree or a list."""
    categorical_hierarchies_labels: Labels
    """Categorical factor group to code to label."""

    @model_validator(mode="after")
    def _labels_of_all_codes(self) -> Self:
        _check_labels(self.categorical_hierarchies, self.categorical_hierarchies_labels)
        return self

    def tree(self, name: str) -> Tree:
        """The hierarchy of a categorical group as a tree."""
        return Tree(self.categorical_hierarchies[name], self.categorical_hierarchies_labels[name])

    def hierarchy_df(self, name: str) -> pl.DataFrame:
        """One row per category: level_1, level_1_label, level_2, ..."""
        return hierarchy_df_to_wide(
            self.categorical_hierarchies[name], self.categorical_hierarchies_labels[name]
        )


class ExposureSettingsMenu(Menu):
    """What `ExposureSettings` choose from."""

    universe_settings_menu: UniverseSettingsMenu
    """With the categorical groups."""
    continuous_hierarchies: dict[str, Hierarchy]
    """Continuous factor group to its factors, as a tree or a list."""
    continuous_hierarchies_labels: Labels
    """Continuous factor group to code to label."""

    @model_validator(mode="after")
    def _labels_of_all_codes(self) -> Self:
        _check_labels(self.continuous_hierarchies, self.continuous_hierarchies_labels)
        return self

    @property
    def categorical_hierarchies(self) -> dict[str, Hierarchy]:
        """Categorical factor group to its categories."""
        return self.universe_settings_menu.categorical_hierarchies

    def tree(self, name: str) -> Tree:
        """The hierarchy of a continuous group as a tree."""
        return Tree(self.continuous_hierarchies[name], self.continuous_hierarchies_labels[name])

    def hierarchy_df(self, name: str) -> pl.DataFrame:
        """One row per factor or category: level_1, level_1_label, level_2, ..."""
        if name in self.categorical_hierarchies:
            return self.universe_settings_menu.hierarchy_df(name)
        return hierarchy_df_to_wide(
            self.continuous_hierarchies[name], self.continuous_hierarchies_labels[name]
        )


class ModelConstructionSettingsMenu(Menu):
    """What `ModelConstructionSettings` choose from."""

    weights: list[str]
    """Weighting schemes for which the dataset has data."""
    currencies: list[str]
    """Currencies (ISO 4217) with exchange rates."""
    series: list[str] = []
    """Time series that can serve as returns of known factors."""


class FactorRiskModelSettingsMenu(Menu):
    """What `FactorRiskModelSettings` choose from."""

    exposure_settings_menu: ExposureSettingsMenu
    """For `exposures`."""
    modelconstruction_settings_menu: ModelConstructionSettingsMenu
    """For `modelconstruction`."""

    @property
    def universe_settings_menu(self) -> UniverseSettingsMenu:
        """For `universe`."""
        return self.exposure_settings_menu.universe_settings_menu

    @property
    def calendar_settings_menu(self) -> CalendarSettingsMenu:
        """For the calendar of the universe."""
        return self.universe_settings_menu.calendar_settings_menu


class RiskDatasetSettingsMenu(Menu):
    """What settings of risk datasets choose from: risk datasets, and uploads by data type."""

    available_reference_datasets: list[str]
    """Names of risk datasets."""
    available_market_cap_sources: list[str]
    """Names of uploads of type `market_cap`."""
    available_price_sources: list[str]
    """Names of uploads of type `price`."""
    available_exposures_sources: list[str]
    """Names of uploads of type `exposures`."""
    available_exchange_dates_sources: list[str]
    """Names of uploads of type `exchange_dates`."""
    available_exchange_rates_sources: list[str]
    """Names of uploads of type `exchange_rates`."""
    available_series_sources: list[str]
    """Names of uploads of type `series`."""
    available_idmap_sources: list[str]
    """Names of uploads of type `idmap`."""
    available_hierarchy_sources: list[str]
    """Names of uploads of type `hierarchies`."""
    available_tsfactors_sources: list[str]
    """Names of uploads of type `tsfactors`."""
