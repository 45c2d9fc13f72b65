"""Checks settings against what a dataset offers; one error has every problem."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from openfactor.errors import SettingsError
from openfactor.settings.exposures import (
    ExposureGroupSettings,
    ExposureSettings,
    HierarchyGroup,
)
from openfactor.settings.factors import Factors, FactorsError, factors_of
from openfactor.settings.hierarchies import Tree, unknown
from openfactor.settings.menus import (
    CalendarSettingsMenu,
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    ModelConstructionSettingsMenu,
    UniverseSettingsMenu,
)
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings, Stage
from openfactor.settings.universe import CalendarSettings, UniverseSettings
from openfactor.settings.values import Settings


def validate(settings: Settings, menu: FactorRiskModelSettingsMenu) -> None:
    """Check that a dataset has everything that settings of models or parts of them name.

    Parameters
    ----------
    settings
        Inline, without references to saved settings; those of portfolios name nothing of a dataset.
    menu
        What the dataset offers.

    Raises
    ------
    SettingsError
        With everything that the dataset does not have.
    """
    exposure_menu, regression_menu = menu.exposure_settings_menu, menu.modelconstruction_settings_menu
    what, problems = "the settings do", []
    match settings:
        case FactorRiskModelSettings():
            what, problems = "the model does", _model(settings, menu)
        case ExposureSettings():
            what, problems = "the exposures do", _exposures(settings, exposure_menu, None, {})
            problems += _currencies(settings, regression_menu)
        case UniverseSettings():
            what = "the universe does"
            problems = _universe("universe", settings, menu.universe_settings_menu)
        case CalendarSettings():
            what = "the calendar does"
            problems = _calendar("calendar", settings, menu.calendar_settings_menu)
        case ModelConstructionSettings():
            what, problems = "the regression does", _construction(settings, regression_menu)
            if isinstance(settings.estimation_universe, UniverseSettings):
                estimation = settings.estimation_universe
                problems += _universe("estimation_universe", estimation, menu.universe_settings_menu)
    if problems:
        raise SettingsError(f"{what} not fit the dataset:", problems)


def hierarchy_factors(
    group: HierarchyGroup, menu: ExposureSettingsMenu, universe: UniverseSettings | None
) -> Factors:
    """The factors of a group on a dataset, restricted to the universe; FactorsError as `factors_of`."""
    name = group.hierarchy.name
    known = menu.categorical_hierarchies if group.is_categorical else menu.continuous_hierarchies
    if name not in known:
        raise FactorsError([unknown(name, known)])
    if not group.is_categorical:
        return factors_of(group, menu.tree(name))
    tree = menu.universe_settings_menu.tree(name)
    return factors_of(group, tree, _kept(universe, name, tree))


def _kept(universe: UniverseSettings | None, name: str, tree: Tree) -> Collection[str] | None:
    """Leaves of a hierarchy that the universe keeps; None if it has no filter on it."""
    for item in universe.categorical_filters if universe else ():
        if item.hierarchy == name and not tree.problems(item.include, item.exclude):
            return tree.select(item.include, item.exclude)
    return None


def _model(settings: FactorRiskModelSettings, menu: FactorRiskModelSettingsMenu) -> list[str]:
    exposure_menu, regression_menu = menu.exposure_settings_menu, menu.modelconstruction_settings_menu
    universe, stages = settings.inline_universe, settings.stages
    problems = _universe("universe", universe, exposure_menu.universe_settings_menu)
    factors: dict[str, set[str]] = {}
    for number, stage in enumerate(stages, 1):
        of_stage = _exposures(stage.exposures, exposure_menu, universe, factors)
        of_stage += _currencies(stage.exposures, regression_menu)
        if number == 1 or len(settings.modelconstruction) > 1:
            of_stage += _construction(stage.construction, regression_menu)
            of_stage += _estimation_universe(stage.construction, universe, menu.universe_settings_menu)
        shared = [s.exposures for s in stages] if len(settings.modelconstruction) == 1 else [stage.exposures]
        of_stage += _of_groups(stage, shared, factors)
        problems += [f"stage {number}: {text}" if settings.n_stages > 1 else text for text in of_stage]
    money = {(stage.construction.currency, stage.construction.fx_convert_returns) for stage in stages}
    if len(money) > 1:
        problems.append("modelconstruction: currency and fx_convert_returns must be the same in all stages")
    return list(dict.fromkeys(problems))


def _estimation_universe(
    construction: ModelConstructionSettings, universe: UniverseSettings, menu: UniverseSettingsMenu
) -> list[str]:
    estimation = construction.estimated_on
    if estimation is None:
        return []
    problems = _universe("estimation_universe", estimation, menu)
    if estimation.calendar != universe.calendar:
        problems.append("estimation_universe.calendar: must be the calendar of the universe")
    return problems


def _exposures(
    settings: ExposureSettings,
    menu: ExposureSettingsMenu,
    universe: UniverseSettings | None,
    seen: dict[str, set[str]],
) -> list[str]:
    """Problems of the groups. Adds the factors of each to `seen`, which has those of earlier stages."""
    problems = []
    for group in settings.exposures:
        if not group.hierarchy_groups:
            continue  # its factors are those of an upload
        names = [""]
        for member in group.hierarchy_groups:
            where = f"exposures: {member.exposure_type} group {member.factor_group!r}"
            try:
                factors = hierarchy_factors(member, menu, universe)
            except FactorsError as error:
                problems += [f"{where}: {problem}" for problem in error.problems]
                factors = {}
            names = [f"{name}:{factor}" if name else factor for name in names for factor in factors]
        if again := sorted(seen.setdefault(group.factor_group, set()) & set(names)):
            problems.append(f"exposures: {group.factor_group!r} gets {', '.join(again)} from several groups")
        seen[group.factor_group] |= set(names)
    return problems


def _currencies(settings: ExposureSettings, menu: ModelConstructionSettingsMenu) -> list[str]:
    problems = []
    for group in settings.exposures:
        where = f"exposures: {group.exposure_type} group {group.factor_group!r}: currency"
        problems += _choice(where, group.currencies, menu.currencies)
    return problems


def _universe(where: str, settings: UniverseSettings, menu: UniverseSettingsMenu) -> list[str]:
    problems = _choice(f"{where}.id_type", [settings.id_type], menu.id_types)
    problems += _calendar(f"{where}.calendar", settings.calendar, menu.calendar_settings_menu)
    for item in settings.categorical_filters:
        place = f"{where}.categorical_filters[{item.hierarchy!r}]"
        problems += _choice(place, [item.hierarchy], menu.categorical_hierarchies)
        if item.hierarchy in menu.categorical_hierarchies:
            wrong = menu.tree(item.hierarchy).problems(item.include, item.exclude)
            problems += [f"{place}.{problem}" for problem in wrong]
    return problems


def _calendar(where: str, settings: CalendarSettings, menu: CalendarSettingsMenu) -> list[str]:
    exchanges = {exchange for group in settings.filters for exchange in group}
    return _choice(where, sorted(exchanges), menu.exchanges)


def _construction(settings: ModelConstructionSettings, menu: ModelConstructionSettingsMenu) -> list[str]:
    problems = _choice("modelconstruction.currency", [settings.currency], menu.currencies)
    problems += _choice("modelconstruction.weights", [settings.weights], menu.weights)
    return problems + _choice("known_factor_map: series", settings.known_factor_map.values(), menu.series)


def _of_groups(
    stage: Stage, every: Sequence[ExposureSettings], factors: Mapping[str, Collection[str]]
) -> list[str]:
    """Groups and factors that the regression names and the exposures lack, and groups it must name.

    Parameters
    ----------
    every
        Exposures of all stages that use the regression.
    factors
        Group to its factors, unless they are those of an upload.
    """
    settings = stage.construction
    groups = [group for exposures in every for group in exposures.exposures]
    categorical, continuous = _by_kind(groups)
    problems = _choice("zero_sum_constraints", settings.zero_sum_constraints, categorical)
    problems += _choice("thin_category_shrinkage", settings.thin_category_shrinkage, categorical)
    for where, named, known in (
        ("thin_category_shrinkage_overrides", settings.thin_category_shrinkage_overrides, categorical),
        ("known_factor_map", settings.known_factor_map, continuous),
    ):
        for group, factor in named:
            problems += _choice(where, [group], known)
            if group in known and group in factors:
                problems += _choice(f"{where}: group {group!r}", [factor], sorted(factors[group]))
    plain = (g for g in stage.exposures.exposures if g.is_categorical and len(g.hierarchy_groups) == 1)
    unconstrained = [
        name
        for name in dict.fromkeys(group.factor_group for group in plain)
        if name not in settings.zero_sum_constraints
    ]
    if unconstrained:
        problems.append(
            f"zero_sum_constraints: no entry for the categorical group {', '.join(unconstrained)}; "
            "say 'mcap_weighted', 'equal_weights' or 'none'"
        )
    return problems


def _by_kind(groups: Sequence[ExposureGroupSettings]) -> tuple[list[str], list[str]]:
    """Names of the categorical groups, plain ones before interactions, and of the continuous groups."""
    categorical, products, continuous = [], [], []
    for group in groups:
        if not group.is_categorical:
            continuous.append(group.factor_group)
        elif len(group.hierarchy_groups) == 1:
            categorical.append(group.factor_group)
        else:
            products.append(group.factor_group)
    return list(dict.fromkeys([*categorical, *products])), list(dict.fromkeys(continuous))


def _choice(where: str, names: Iterable[str], known: Collection[str]) -> list[str]:
    return [f"{where}: {unknown(name, known)}" for name in names if name not in known]
