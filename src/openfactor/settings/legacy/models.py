"""Factors and models of the older dialects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field, field_validator, model_validator

from openfactor.errors import SettingsError
from openfactor.settings import exposures as current_exposures
from openfactor.settings import groupings as current_groupings
from openfactor.settings import model as current_model
from openfactor.settings import universe as current_universe
from openfactor.settings.exposures import CategoricalExposureGroupSettings, ContinuousExposureGroupSettings
from openfactor.settings.hierarchies import Hierarchy, unknown
from openfactor.settings.legacy.universe import MenuOf, UniverseSettings
from openfactor.settings.menus import ExposureSettingsMenu
from openfactor.settings.values import DatasetSettings, Value


class _OnHierarchy(Value):
    """A description of factors; the second dialect called the hierarchy `name`, as the current one does."""

    hierarchy: str = Field(min_length=1)
    """A factor group of the dataset."""

    @model_validator(mode="before")
    @classmethod
    def _current_name(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields = {key: value for key, value in data.items() if key != "hierarchy_type"}
        if "name" in fields and "hierarchy" not in fields:
            fields["hierarchy"] = fields.pop("name")
        return fields


class HierarchyLevel(_OnHierarchy):
    """Every code of a level is a factor."""

    level: int = Field(default=1, ge=1)
    """1 is the top."""

    def translate(self) -> current_groupings.HierarchyLevel:
        """In the current dialect."""
        return current_groupings.HierarchyLevel(name=self.hierarchy, level=self.level)


class HierarchyGroups(_OnHierarchy):
    """Factors put together by hand."""

    groupings: dict[str, Hierarchy]
    """Factor to its codes or labels, as in the current dialect."""

    def translate(self) -> current_groupings.HierarchyGroups:
        """In the current dialect."""
        return current_groupings.HierarchyGroups(name=self.hierarchy, groupings=self.groupings)


class ExposureSettings(Value):
    """The factors of a model: `exposures` as today, or the kinds of the first dialect."""

    exposures: list[current_exposures.ExposureGroupSettings] | None = None
    """Second dialect: the groups, as in the current one."""
    market: bool = True
    """Include the market."""
    styles: dict[str, list[str]] | None = None
    """Style to substyles, codes or labels; None: all, an empty list of substyles: the style as a whole."""
    standardize_styles: bool = True
    """Standardize the styles with equal weights."""
    industries: HierarchyGroups | HierarchyLevel | None = HierarchyLevel(hierarchy="trbc", level=1)
    """The industries; None: none."""
    regions: HierarchyGroups | HierarchyLevel | None = HierarchyLevel(hierarchy="continent", level=2)
    """The regions; None: none."""
    other: dict[str, str] = {}
    """Name of the factor to the code or label of the exposure that it is."""

    @field_validator("exposures", mode="before")
    @classmethod
    def _single_group(cls, value: Any) -> Any:
        return value if isinstance(value, list) or value is None else [value]

    @model_validator(mode="after")
    def _one_dialect(self) -> ExposureSettings:
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        del defaults["exposures"]
        older = sorted(name for name, default in defaults.items() if getattr(self, name) != default)
        if self.exposures is not None and older:
            raise ValueError(f"exposures and {', '.join(older)} are of two dialects; give one of them")
        return self

    @classmethod
    def default(cls) -> ExposureSettings:
        """All defaults."""
        return cls()

    def translate(self, menu: ExposureSettingsMenu) -> current_exposures.ExposureSettings:
        """In the current dialect, on a dataset that offers `menu`.

        Raises
        ------
        SettingsError
            With what the dataset does not have.
        """
        if self.exposures is not None:
            return current_exposures.ExposureSettings(exposures=self.exposures)
        problems: list[str] = []
        groups: list[Any] = []
        market = _market(menu)
        if self.market and market is None:
            problems.append("market: no continuous group is a market; give market=False")
        elif self.market and market is not None:
            groups.append(ContinuousExposureGroupSettings(hierarchy=_top_level(market)))
        continuous = [name for name in menu.continuous_hierarchies if name != market]
        groups += self._styles(menu, continuous, problems)
        for field, description in (("industries", self.industries), ("regions", self.regions)):
            if description is not None and description.hierarchy not in menu.categorical_hierarchies:
                known = unknown(description.hierarchy, menu.categorical_hierarchies)
                problems.append(f"{field}: {known}; {field}=None leaves them out")
            elif description is not None:
                groups.append(CategoricalExposureGroupSettings(hierarchy=description.translate()))
        groups += self._other(menu, problems)
        if problems:
            raise SettingsError("the exposures do not fit the dataset:", problems)
        return current_exposures.ExposureSettings(exposures=groups)

    def _styles(self, menu: ExposureSettingsMenu, continuous: list[str], problems: list[str]) -> list[Any]:
        method: current_exposures.Standardization = "equal_weighted" if self.standardize_styles else "none"
        if self.styles is None:
            return [
                ContinuousExposureGroupSettings(hierarchy=_top_level(name), standardize_method=method)
                for name in continuous
            ]
        groupings: dict[str, dict[str, Hierarchy]] = {}
        for style, substyles in self.styles.items():
            name = _group_with(style, menu, continuous)
            if name is None:
                problems.append(f"styles: {unknown(style, _codes(menu, continuous))}")
            else:
                groupings.setdefault(name, {})[menu.tree(name).find(style).label] = substyles or [style]
        return [
            ContinuousExposureGroupSettings(
                hierarchy=current_groupings.HierarchyGroups(name=name, groupings=factors),
                standardize_method=method,
            )
            for name, factors in groupings.items()
        ]

    def _other(self, menu: ExposureSettingsMenu, problems: list[str]) -> list[Any]:
        groups: list[Any] = []
        for factor, code in self.other.items():
            name = _group_with(code, menu, menu.continuous_hierarchies)
            if name is None:
                problems.append(f"other: {unknown(code, _codes(menu, menu.continuous_hierarchies))}")
                continue
            description = current_groupings.HierarchyGroups(name=name, groupings={factor: [code]})
            groups.append(ContinuousExposureGroupSettings(hierarchy=description, factor_group="other"))
        return groups


def _top_level(name: str) -> current_groupings.HierarchyLevel:
    return current_groupings.HierarchyLevel(name=name)


def _group_with(entry: str, menu: ExposureSettingsMenu, names: Iterable[str]) -> str | None:
    """The first of the continuous groups that has a code or label."""
    for name in names:
        tree = menu.tree(name)
        if entry in tree.nodes or entry in tree.labels.values():
            return name
    return None


def _codes(menu: ExposureSettingsMenu, names: Iterable[str]) -> list[str]:
    return [code for name in names for code in menu.tree(name).nodes]


def _market(menu: ExposureSettingsMenu) -> str | None:
    """The continuous group that is the market."""
    if "market" in menu.continuous_hierarchies:
        return "market"
    single = [name for name in menu.continuous_hierarchies if len(menu.tree(name).leaves) == 1]
    return single[0] if len(single) == 1 else None


class ModelConstructionSettings(current_model.ModelConstructionSettings):
    """The regression; its universe may be of an older dialect."""

    estimation_universe: str | int | UniverseSettings | current_universe.UniverseSettings | None = None  # type: ignore[assignment]
    """The assets that the factor returns are estimated on."""

    def translate(self) -> current_model.ModelConstructionSettings:
        """In the current dialect."""
        universe = self.estimation_universe
        values = {name: getattr(self, name) for name in current_model.ModelConstructionSettings.model_fields}
        values["estimation_universe"] = (
            universe.translate() if isinstance(universe, UniverseSettings) else universe
        )
        return current_model.ModelConstructionSettings(**values)


class FactorRiskModelSettings(Value):
    """A factor model, on the dataset that its universe names."""

    universe: list[UniverseSettings] = Field(min_length=1, max_length=1)
    """The assets, the trading days and the dataset. A single value may be given without a list."""
    exposures: list[ExposureSettings | current_exposures.ExposureSettings] = [ExposureSettings()]
    """The factors, one entry per stage."""
    modelconstruction: list[ModelConstructionSettings | current_model.ModelConstructionSettings] = [
        ModelConstructionSettings()
    ]
    """The regression, one entry per stage, or one for all of them."""
    halflife_idio_vra: int | float | None = Field(default=None, gt=0)
    """Half-life, in trading periods, of the regime adjustment of specific volatilities."""

    @field_validator("universe", "exposures", "modelconstruction", mode="before")
    @classmethod
    def _single_value(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]

    def bound(self, menu_of: MenuOf) -> DatasetSettings[current_model.FactorRiskModelSettings]:
        """In the current dialect, on the dataset that its universe names.

        Raises
        ------
        SettingsError
            The universe names no dataset, or the dataset does not have what `exposures` name.
        """
        dataset = self.universe[0].dataset_name
        menu = menu_of(dataset)
        return current_model.FactorRiskModelSettings(
            universe=[self.universe[0].translate()],
            exposures=[
                exposures.translate(menu) if isinstance(exposures, ExposureSettings) else exposures
                for exposures in self.exposures
            ],
            modelconstruction=[
                regression.translate() if isinstance(regression, ModelConstructionSettings) else regression
                for regression in self.modelconstruction
            ],
            halflife_idio_vra=self.halflife_idio_vra,
        ).with_dataset(dataset)
