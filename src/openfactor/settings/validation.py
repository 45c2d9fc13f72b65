"""Holds settings against what a dataset offers; every problem in one error."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from openfactor.errors import SettingsError
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    TimeSeriesBetaExposureGroupSettings,
)
from openfactor.settings.factors import Factors, FactorsError, HierarchyGroup, factors_of
from openfactor.settings.hierarchies import Tree, unknown
from openfactor.settings.menus import (
    CalendarSettingsMenu,
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    ModelConstructionSettingsMenu,
    UniverseSettingsMenu,
)
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings
from openfactor.settings.universe import CalendarSettings, UniverseSettings
from openfactor.settings.values import Settings


def validate(settings: Settings, menu: FactorRiskModelSettingsMenu) -> None:
    """Raise SettingsError with everything in `settings` that the dataset does not have.

    Settings of portfolios have nothing that a dataset could lack.
    """
    problems: list[str] = []
    exposure_menu = menu.exposure_settings_menu
    if isinstance(settings, FactorRiskModelSettings):
        what, problems = "model", _model(settings, menu)
    elif isinstance(settings, ExposureSettings):
        what, problems = "exposures", _exposures(settings, exposure_menu, None)
        problems += _currencies(settings, menu.modelconstruction_settings_menu)
    elif isinstance(settings, UniverseSettings):
        what, problems = "universe", _universe("universe", settings, exposure_menu.universe_settings_menu)
    elif isinstance(settings, CalendarSettings):
        what, problems = "calendar", _calendar("calendar", settings, menu.calendar_settings_menu)
    elif isinstance(settings, ModelConstructionSettings):
        what, problems = "regression", _construction(settings, menu.modelconstruction_settings_menu)
        if isinstance(settings.estimation_universe, UniverseSettings):
            problems += _universe(
                "estimation_universe", settings.estimation_universe, exposure_menu.universe_settings_menu
            )
    if problems:
        verb = "do" if what == "exposures" else "does"
        raise SettingsError(f"the {what} {verb} not fit the dataset:", problems)


def hierarchy_factors(
    group: HierarchyGroup, menu: ExposureSettingsMenu, universe: UniverseSettings | None
) -> Factors:
    """The factors of a group on a dataset, cut to the universe; FactorsError as `factors_of`."""
    name = group.hierarchy.name
    if isinstance(group, ContinuousExposureGroupSettings):
        known: Collection[str] = menu.continuous_hierarchies
    else:
        known = menu.categorical_hierarchies
    if name not in known:
        raise FactorsError([unknown(name, known)])
    if isinstance(group, ContinuousExposureGroupSettings):
        return factors_of(group, menu.tree(name))
    tree = menu.universe_settings_menu.tree(name)
    return factors_of(group, tree, _kept(universe, name, tree))


def _kept(universe: UniverseSettings | None, name: str, tree: Tree) -> Collection[str] | None:
    """Leaves that the universe keeps of a hierarchy; None where it does not filter."""
    for item in universe.categorical_filters if universe else ():
        if item.hierarchy == name and not tree.problems(item.include, item.exclude):
            return tree.select(item.include, item.exclude)
    return None


def _model(settings: FactorRiskModelSettings, menu: FactorRiskModelSettingsMenu) -> list[str]:
    exposure_menu = menu.exposure_settings_menu
    universe, exposures = settings.inline_universe, settings.inline_exposures
    construction = settings.inline_construction
    problems = _universe("universe", universe, exposure_menu.universe_settings_menu)
    problems += _exposures(exposures, exposure_menu, universe)
    estimation = construction.estimated_on
    if estimation is not None:
        problems += _universe("estimation_universe", estimation, exposure_menu.universe_settings_menu)
        if estimation.calendar != universe.calendar:
            problems.append("estimation_universe.calendar: must be the calendar of the universe")
    problems += _currencies(exposures, menu.modelconstruction_settings_menu)
    problems += _construction(construction, menu.modelconstruction_settings_menu)
    return problems + _of_groups(construction, exposures)


def _exposures(
    settings: ExposureSettings, menu: ExposureSettingsMenu, universe: UniverseSettings | None
) -> list[str]:
    problems = []
    seen: dict[str, set[str]] = {}
    for group in settings.exposures:
        if isinstance(group, TimeSeriesBetaExposureGroupSettings | InlineUploadedExposureGroupSettings):
            continue  # their factors are those of an upload
        members = group.exposure_groups if isinstance(group, InteractionExposureGroupSettings) else [group]
        names = [""]
        for member in members:
            where = f"exposures: {member.exposure_type} group {member.factor_group!r}"
            try:
                found = hierarchy_factors(member, menu, universe)
            except FactorsError as error:
                problems += [f"{where}: {problem}" for problem in error.problems]
                found = {}
            names = [f"{n}:{factor}" if n else factor for n in names for factor in found]
        if again := sorted(seen.setdefault(group.factor_group, set()) & set(names)):
            problems.append(f"exposures: {group.factor_group!r} gets {', '.join(again)} from several groups")
        seen[group.factor_group] |= set(names)
    return problems


def _currencies(settings: ExposureSettings, menu: ModelConstructionSettingsMenu) -> list[str]:
    problems = []
    for group in settings.exposures:
        if isinstance(group, TimeSeriesBetaExposureGroupSettings):
            where = f"exposures: tsbeta group {group.factor_group!r}: currency"
            problems += _choice(where, [group.currency], menu.currencies)
    return problems


def _universe(where: str, settings: UniverseSettings, menu: UniverseSettingsMenu) -> list[str]:
    problems = _choice(f"{where}.id_type", [settings.id_type], menu.id_types)
    problems += _calendar(f"{where}.calendar", settings.calendar, menu.calendar_settings_menu)
    for item in settings.categorical_filters:
        place = f"{where}.categorical_filters[{item.hierarchy!r}]"
        problems += _choice(place, [item.hierarchy], menu.categorical_hierarchies)
        if item.hierarchy in menu.categorical_hierarchies:
            found = menu.tree(item.hierarchy).problems(item.include, item.exclude)
            problems += [f"{place}.{problem}" for problem in found]
    return problems


def _calendar(where: str, settings: CalendarSettings, menu: CalendarSettingsMenu) -> list[str]:
    exchanges = {exchange for group in settings.filters for exchange in group}
    return _choice(where, sorted(exchanges), menu.exchanges)


def _construction(settings: ModelConstructionSettings, menu: ModelConstructionSettingsMenu) -> list[str]:
    problems = _choice("modelconstruction.currency", [settings.currency], menu.currencies)
    return problems + _choice("modelconstruction.weights", [settings.weights], menu.weights)


def _of_groups(settings: ModelConstructionSettings, exposures: ExposureSettings) -> list[str]:
    """What the regression says of groups of categories against the groups that there are."""
    groups = exposures.exposures
    categorical = [g.factor_group for g in groups if isinstance(g, CategoricalExposureGroupSettings)]
    interactions = [
        g.factor_group
        for g in groups
        if isinstance(g, InteractionExposureGroupSettings)
        and any(isinstance(m, CategoricalExposureGroupSettings) for m in g.exposure_groups)
    ]
    known = list(dict.fromkeys([*categorical, *interactions]))
    problems = _choice("zero_sum_constraints", settings.zero_sum_constraints, known)
    problems += _choice("thin_category_shrinkage", settings.thin_category_shrinkage, known)
    unconstrained = [g for g in dict.fromkeys(categorical) if g not in settings.zero_sum_constraints]
    if unconstrained:
        problems.append(
            f"zero_sum_constraints: no entry for the categorical group {', '.join(unconstrained)}; "
            "say 'mcap_weighted', 'equal_weights' or 'none'"
        )
    return problems


def _choice(where: str, wanted: Iterable[str], known: Collection[str]) -> list[str]:
    return [f"{where}: {unknown(name, known)}" for name in wanted if name not in known]
