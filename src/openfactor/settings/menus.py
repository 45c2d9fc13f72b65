"""What a dataset offers: the values that settings may name, nested as the settings are."""

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
    """What settings of one kind may name."""


def _check_labels(hierarchies: Mapping[str, Hierarchy], labels: Labels) -> None:
    """One label for each code of each hierarchy, and no other."""
    problems = [f"labels of {name!r}, which is no hierarchy" for name in labels.keys() - hierarchies.keys()]
    for name, hierarchy in hierarchies.items():
        try:
            tree = Tree(hierarchy, labels.get(name, {}))
        except ValueError as error:
            problems.append(f"{name}: {error}")
        else:
            if lacking := sorted(tree.nodes.keys() - labels.get(name, {}).keys()):
                problems.append(f"{name}: codes without a label: {', '.join(lacking)}")
    if problems:
        raise ValueError("; ".join(problems))


class CalendarSettingsMenu(Menu):
    exchanges: list[str]
    """Exchange codes, sorted."""


class UniverseSettingsMenu(Menu):
    calendar_settings_menu: CalendarSettingsMenu
    id_types: list[str]
    """Id types in which assets can be reported."""
    categorical_hierarchies: dict[str, Hierarchy]
    """Sparse factor groups and their categories, as a tree or a list."""
    categorical_hierarchies_labels: Labels
    """For each, code to label."""

    @model_validator(mode="after")
    def _labels_of_all_codes(self) -> Self:
        _check_labels(self.categorical_hierarchies, self.categorical_hierarchies_labels)
        return self

    def tree(self, name: str) -> Tree:
        """A categorical hierarchy, to look things up in."""
        return Tree(self.categorical_hierarchies[name], self.categorical_hierarchies_labels[name])

    def hierarchy_df(self, name: str) -> pl.DataFrame:
        """One row a category: level_1, level_1_label, level_2, ..."""
        return hierarchy_df_to_wide(
            self.categorical_hierarchies[name], self.categorical_hierarchies_labels[name]
        )


class ExposureSettingsMenu(Menu):
    universe_settings_menu: UniverseSettingsMenu
    continuous_hierarchies: dict[str, Hierarchy]
    """Dense factor groups and their factors, as a tree or a list."""
    continuous_hierarchies_labels: Labels
    """For each, code to label."""

    @model_validator(mode="after")
    def _labels_of_all_codes(self) -> Self:
        _check_labels(self.continuous_hierarchies, self.continuous_hierarchies_labels)
        return self

    @property
    def categorical_hierarchies(self) -> dict[str, Hierarchy]:
        """The categorical groups, as in the universe menu."""
        return self.universe_settings_menu.categorical_hierarchies

    def tree(self, name: str) -> Tree:
        """A continuous hierarchy, to look things up in."""
        return Tree(self.continuous_hierarchies[name], self.continuous_hierarchies_labels[name])

    def hierarchy_df(self, name: str) -> pl.DataFrame:
        """One row a factor or category: level_1, level_1_label, level_2, ..."""
        if name in self.categorical_hierarchies:
            return self.universe_settings_menu.hierarchy_df(name)
        return hierarchy_df_to_wide(
            self.continuous_hierarchies[name], self.continuous_hierarchies_labels[name]
        )


class ModelConstructionSettingsMenu(Menu):
    weights: list[str]
    """Weighting schemes for which the dataset has data."""
    currencies: list[str]
    """Currencies with exchange rates."""
    series: list[str] = []
    """Time series that can be the returns of known factors."""


class FactorRiskModelSettingsMenu(Menu):
    exposure_settings_menu: ExposureSettingsMenu
    modelconstruction_settings_menu: ModelConstructionSettingsMenu

    @property
    def universe_settings_menu(self) -> UniverseSettingsMenu:
        return self.exposure_settings_menu.universe_settings_menu

    @property
    def calendar_settings_menu(self) -> CalendarSettingsMenu:
        return self.universe_settings_menu.calendar_settings_menu


class RiskDatasetSettingsMenu(Menu):
    """What settings of risk datasets may name."""

    available_reference_datasets: list[str]
    available_market_cap_sources: list[str]
    available_price_sources: list[str]
    available_exposures_sources: list[str]
    available_exchange_dates_sources: list[str]
    available_exchange_rates_sources: list[str]
    available_series_sources: list[str]
    available_idmap_sources: list[str]
    available_hierarchy_sources: list[str]
    available_tsfactors_sources: list[str]
