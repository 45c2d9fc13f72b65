"""Holds settings against what a dataset offers; every problem in one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from openfactor.errors import SettingsError
from openfactor.settings.exposures import CategoricalExposureGroupSettings, ExposureSettings
from openfactor.settings.menus import (
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    UniverseSettingsMenu,
)
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings
from openfactor.settings.universe import UniverseSettings


def validate_model(settings: FactorRiskModelSettings, menu: FactorRiskModelSettingsMenu) -> None:
    """Raise SettingsError with everything in `settings` that the dataset does not have."""
    exposure_menu, exposures = menu.exposure_settings_menu, settings.exposures[0]
    problems = _universe("universe", settings.universe[0], exposure_menu.universe_settings_menu)
    problems += _exposures(exposures, exposure_menu)
    construction = settings.modelconstruction[0]
    if construction.estimation_universe is not None:
        problems += _universe(
            "estimation_universe", construction.estimation_universe, exposure_menu.universe_settings_menu
        )
    problems += _construction(construction, exposures, menu)
    if problems:
        raise SettingsError("the model does not fit the dataset:", problems)


def validate_universe(settings: UniverseSettings, menu: UniverseSettingsMenu) -> None:
    """Raise SettingsError with everything in `settings` that the dataset does not have."""
    problems = _universe("universe", settings, menu)
    if problems:
        raise SettingsError("the universe does not fit the dataset:", problems)


def validate_exposures(settings: ExposureSettings, menu: ExposureSettingsMenu) -> None:
    """Raise SettingsError with everything in `settings` that the dataset does not have."""
    problems = _exposures(settings, menu)
    if problems:
        raise SettingsError("the exposures do not fit the dataset:", problems)


def _exposures(settings: ExposureSettings, menu: ExposureSettingsMenu) -> list[str]:
    problems = []
    for group in settings.exposures:
        known = (
            menu.categorical_hierarchies
            if isinstance(group, CategoricalExposureGroupSettings)
            else menu.continuous_hierarchies
        )
        where = f"exposures: {group.exposure_type} group {group.factor_group!r}"
        problems += _choice(where, [group.hierarchy], list(known))
        if group.hierarchy in known:
            problems += _selection(where, group.include, group.exclude, known[group.hierarchy])
    return problems


def _universe(where: str, settings: UniverseSettings, menu: UniverseSettingsMenu) -> list[str]:
    exchanges = {exchange for group in settings.calendar.filters for exchange in group}
    problems = _choice(f"{where}.id_type", [settings.id_type], menu.id_types)
    problems += _choice(f"{where}.calendar", sorted(exchanges), menu.calendar_settings_menu.exchanges)
    for item in settings.categorical_filters:
        place = f"{where}.categorical_filters[{item.hierarchy!r}]"
        problems += _choice(place, [item.hierarchy], list(menu.categorical_hierarchies))
        if item.hierarchy in menu.categorical_hierarchies:
            known = menu.categorical_hierarchies[item.hierarchy]
            problems += _selection(place, item.include, item.exclude, known)
    return problems


def _construction(
    settings: ModelConstructionSettings, exposures: ExposureSettings, menu: FactorRiskModelSettingsMenu
) -> list[str]:
    groups = exposures.exposures
    categorical = [g.factor_group for g in groups if isinstance(g, CategoricalExposureGroupSettings)]
    available = menu.modelconstruction_settings_menu
    problems = _choice("modelconstruction.currency", [settings.currency], available.currencies)
    problems += _choice("modelconstruction.weights", [settings.weights], available.weights)
    problems += _choice("zero_sum_constraints", settings.zero_sum_constraints, categorical)
    problems += _choice("thin_category_shrinkage", settings.thin_category_shrinkage, categorical)
    unconstrained = [g for g in categorical if g not in settings.zero_sum_constraints]
    if unconstrained:
        problems.append(
            f"zero_sum_constraints: no entry for the categorical group {', '.join(unconstrained)}; "
            "say 'mcap_weighted', 'equal_weights' or 'none'"
        )
    return problems


def _selection(where: str, include: list[str] | str, exclude: list[str], known: Sequence[str]) -> list[str]:
    included = known if isinstance(include, str) else include
    problems = _choice(f"{where}.include", included, known) + _choice(f"{where}.exclude", exclude, known)
    if not problems and not set(included) - set(exclude):
        problems.append(f"{where}: nothing is left after include and exclude")
    return problems


def _choice(where: str, wanted: Iterable[str], known: Sequence[str]) -> list[str]:
    problems = []
    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
            problems.append(f"{where}: there is no {name!r}; {hint}possible: {shown or 'none'}")
    return problems
