"""Holds settings against what a dataset offers; every problem in one error."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from openfactor.errors import SettingsError
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureGroupSettings,
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
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings, Stage
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
        what, problems = "exposures", _exposures(settings, exposure_menu, None, {})
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
    exposure_menu, regression_menu = menu.exposure_settings_menu, menu.modelconstruction_settings_menu
    universe, stages = settings.inline_universe, settings.stages
    problems = _universe("universe", universe, exposure_menu.universe_settings_menu)
    factors: dict[str, set[str]] = {}
    for number, stage in enumerate(stages, 1):
        found = _exposures(stage.exposures, exposure_menu, universe, factors)
        found += _currencies(stage.exposures, regression_menu)
        if number == 1 or len(settings.modelconstruction) > 1:
            found += _construction(stage.construction, regression_menu)
            found += _estimation_universe(stage.construction, universe, exposure_menu.universe_settings_menu)
        shared = [s.exposures for s in stages] if len(settings.modelconstruction) == 1 else [stage.exposures]
        found += _of_groups(stage, shared, factors)
        problems += [f"stage {number}: {problem}" if settings.n_stages > 1 else problem for problem in found]
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
    """Problems of the groups; notes the factors of each in `seen`, which has those of earlier stages."""
    problems = []
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
    problems += _choice("modelconstruction.weights", [settings.weights], menu.weights)
    return problems + _choice("known_factor_map: series", settings.known_factor_map.values(), menu.series)


def _of_groups(
    stage: Stage, every: Sequence[ExposureSettings], factors: Mapping[str, Collection[str]]
) -> list[str]:
    """What the regression says of groups and factors against those that there are.

    every : exposures of all stages that the regression serves
    factors : of each group, where they can be known without an upload
    """
    settings = stage.construction
    groups = [group for exposures in every for group in exposures.exposures]
    categorical, dense = _by_kind(groups)
    problems = _choice("zero_sum_constraints", settings.zero_sum_constraints, categorical)
    problems += _choice("thin_category_shrinkage", settings.thin_category_shrinkage, categorical)
    for where, wanted, known in (
        ("thin_category_shrinkage_overrides", settings.thin_category_shrinkage_overrides, categorical),
        ("known_factor_map", settings.known_factor_map, dense),
    ):
        for group, factor in wanted:
            problems += _choice(where, [group], known)
            if group in known and group in factors:
                problems += _choice(f"{where}: group {group!r}", [factor], sorted(factors[group]))
    plain = [g for g in stage.exposures.exposures if isinstance(g, CategoricalExposureGroupSettings)]
    unconstrained = [
        name
        for name in dict.fromkeys(g.factor_group for g in plain)
        if name not in settings.zero_sum_constraints
    ]
    if unconstrained:
        problems.append(
            f"zero_sum_constraints: no entry for the categorical group {', '.join(unconstrained)}; "
            "say 'mcap_weighted', 'equal_weights' or 'none'"
        )
    return problems


def _by_kind(groups: Sequence[ExposureGroupSettings]) -> tuple[list[str], list[str]]:
    """Names of the groups with categories, plain ones first, and of the others."""
    categorical, products, dense = [], [], []
    for group in groups:
        if isinstance(group, CategoricalExposureGroupSettings):
            categorical.append(group.factor_group)
        elif isinstance(group, InteractionExposureGroupSettings) and any(
            isinstance(m, CategoricalExposureGroupSettings) for m in group.exposure_groups
        ):
            products.append(group.factor_group)
        else:
            dense.append(group.factor_group)
    return list(dict.fromkeys([*categorical, *products])), list(dict.fromkeys(dense))


def _choice(where: str, wanted: Iterable[str], known: Collection[str]) -> list[str]:
    return [f"{where}: {unknown(name, known)}" for name in wanted if name not in known]
