"""The older dialects of the settings, which only translate to the present one.

Two dialects share these names. In the first, market, styles, industries, regions and others were kinds of
their own: `UniverseSettings(industry=IndustrySettings(...))`, `ExposureSettings(industries=...)`. In the
second they had become groups, as today, but settings named their dataset: `UniverseSettings(dataset=...)`.
Names that did not change are those of `openfactor.settings`.

A group of a dataset has no such kind any more. The market is the group "market", or else the only continuous
group with a single factor; every other continuous group holds styles.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from openfactor.errors import SettingsError
from openfactor.settings import exposures as now_exposures
from openfactor.settings import model as now_model
from openfactor.settings import riskdataset as now_riskdataset
from openfactor.settings import universe as now_universe
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    RollingBetaSettings,
    RollingHuberBetaSettings,
    Selection,
    TimeSeriesBetaExposureGroupSettings,
)
from openfactor.settings.hierarchies import Hierarchy, unknown
from openfactor.settings.menus import ExposureSettingsMenu
from openfactor.settings.riskdataset import DerivedRiskDatasetSettings, RootRiskDatasetSettings
from openfactor.settings.universe import (
    CategoricalFilterSettings,
    MCapFilterSettings,
    PortfolioOrganizerSettings,
)
from openfactor.settings.values import DatasetSettings, Value

__all__ = [
    "CalendarSettings",
    "CategoricalExposureGroupSettings",
    "CategoricalFilterSettings",
    "ContinuousExposureGroupSettings",
    "DerivedRiskDatasetSettings",
    "ExposureSettings",
    "FactorRiskModelSettings",
    "HierarchyGroups",
    "HierarchyLevel",
    "IndustrySettings",
    "InlineUploadedExposureGroupSettings",
    "InteractionExposureGroupSettings",
    "MCapFilterSettings",
    "MCapSettings",
    "ModelConstructionSettings",
    "PortfolioOrganizerSettings",
    "RegionSettings",
    "RiskDatasetHuberRegressionExposureSettings",
    "RiskDatasetReferencedExposureSettings",
    "RiskDatasetSettings",
    "RiskDatasetUnitExposureSettings",
    "RiskDatasetUploadedExposureSettings",
    "RollingBetaSettings",
    "RollingHuberBetaSettings",
    "RootRiskDatasetSettings",
    "TimeSeriesBetaExposureGroupSettings",
    "UniverseSettings",
]

Menu = Callable[[str], ExposureSettingsMenu]
"""Gives what a dataset offers, by its name."""


def _dataset_of(found: str | None, what: str) -> str:
    if not found:
        raise SettingsError(f"the {what} names no risk dataset:", ["give UniverseSettings(dataset=...)"])
    return found


class CalendarSettings(Value):
    """A calendar that may name its dataset."""

    dataset: str | None = None
    filters: list[list[str]] = [["XNYS"]]

    def translate(self) -> now_universe.CalendarSettings:
        return now_universe.CalendarSettings(filters=self.filters)


class IndustrySettings(Value):
    """A filter on industries."""

    hierarchy: str = "trbc"
    include: Selection = "All"
    exclude: list[str] = []

    def translate(self) -> CategoricalFilterSettings:
        return CategoricalFilterSettings(hierarchy=self.hierarchy, include=self.include, exclude=self.exclude)


class RegionSettings(IndustrySettings):
    """A filter on regions."""

    hierarchy: str = "continent"


class MCapSettings(Value):
    """Bounds on the market cap."""

    lower: float = Field(default=0.0, ge=0)
    upper: float = Field(default=1e20, gt=0)
    gdp_deflator_asof: dt.date | None = None

    @field_validator("gdp_deflator_asof")
    @classmethod
    def _no_deflator(cls, value: dt.date | None) -> None:
        if value is not None:
            raise ValueError("bounds that move with GDP are not offered; give bounds in today's money")

    def translate(self) -> MCapFilterSettings:
        return MCapFilterSettings(lower=self.lower, upper=self.upper)


class UniverseSettings(Value):
    """A universe that names its dataset. Without `industry` or `region` there is no such filter."""

    dataset: str | None = None
    id_type: str = "bayesid"
    calendar: CalendarSettings | now_universe.CalendarSettings = CalendarSettings()
    industry: IndustrySettings | None = None
    region: RegionSettings | None = None
    mcap: MCapSettings | None = None
    categorical_filters: list[CategoricalFilterSettings] = []
    portfolio_filter: str | int | PortfolioOrganizerSettings | None = None
    mcap_filter: MCapFilterSettings = MCapFilterSettings()

    @classmethod
    def default(cls) -> UniverseSettings:
        return cls()

    @property
    def dataset_name(self) -> str:
        """The dataset; SettingsError if there is none."""
        own = self.calendar.dataset if isinstance(self.calendar, CalendarSettings) else None
        return _dataset_of(self.dataset or own, "universe")

    def translate(self) -> now_universe.UniverseSettings:
        calendar = self.calendar
        filters = [item.translate() for item in (self.industry, self.region) if item is not None]
        return now_universe.UniverseSettings(
            id_type=self.id_type,
            calendar=calendar.translate() if isinstance(calendar, CalendarSettings) else calendar,
            categorical_filters=[*filters, *self.categorical_filters],
            portfolio_filter=self.portfolio_filter,
            mcap_filter=self.mcap.translate() if self.mcap is not None else self.mcap_filter,
        )

    def bound(self, menu: Menu) -> DatasetSettings[now_universe.UniverseSettings]:
        """In the present dialect."""
        return self.translate().with_dataset(self.dataset_name)


class _OnHierarchy(Value):
    """A description of factors; the second dialect said `name`, and which kind it is, as today."""

    hierarchy: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _present_name(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {key: value for key, value in data.items() if key != "hierarchy_type"}
        if "name" in known and "hierarchy" not in known:
            known["hierarchy"] = known.pop("name")
        return known


class HierarchyLevel(_OnHierarchy):
    """Every code of a level is a factor."""

    level: int = Field(default=1, ge=1)

    def translate(self) -> now_exposures.HierarchyLevel:
        return now_exposures.HierarchyLevel(name=self.hierarchy, level=self.level)


class HierarchyGroups(_OnHierarchy):
    """Factors put together by hand."""

    groupings: dict[str, Hierarchy]

    def translate(self) -> now_exposures.HierarchyGroups:
        return now_exposures.HierarchyGroups(name=self.hierarchy, groupings=self.groupings)


class ExposureSettings(Value):
    """The factors of a model: `exposures` as today, or the kinds of the first dialect."""

    exposures: list[now_exposures.ExposureGroupSettings] | None = None
    market: bool = True
    styles: dict[str, list[str]] | None = None
    """Style to substyles, codes or labels; None: all, an empty list of substyles: the style as a whole."""
    standardize_styles: bool = True
    industries: HierarchyGroups | HierarchyLevel | None = HierarchyLevel(hierarchy="trbc", level=1)
    regions: HierarchyGroups | HierarchyLevel | None = HierarchyLevel(hierarchy="continent", level=2)
    other: dict[str, str] = {}
    """Name of the factor to the code or label of the exposure that it is."""

    @field_validator("exposures", mode="before")
    @classmethod
    def _single_group(cls, value: Any) -> Any:
        return value if isinstance(value, list) or value is None else [value]

    @model_validator(mode="after")
    def _one_dialect(self) -> ExposureSettings:
        older = sorted(self.model_fields_set - {"exposures"})
        if self.exposures is not None and older:
            raise ValueError(f"exposures and {', '.join(older)} are of two dialects; give one of them")
        return self

    @classmethod
    def default(cls) -> ExposureSettings:
        return cls()

    def translate(self, menu: ExposureSettingsMenu) -> now_exposures.ExposureSettings:
        """On a dataset that offers `menu`; SettingsError with what it does not have."""
        if self.exposures is not None:
            return now_exposures.ExposureSettings(exposures=self.exposures)
        problems: list[str] = []
        groups: list[Any] = []
        market = _market(menu)
        if self.market and market is None:
            problems.append("market: no continuous group is a market; give market=False")
        elif self.market:
            groups.append(ContinuousExposureGroupSettings(hierarchy=market))  # type: ignore[arg-type]
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
        return now_exposures.ExposureSettings(exposures=groups)

    def _styles(self, menu: ExposureSettingsMenu, continuous: list[str], problems: list[str]) -> list[Any]:
        method: now_exposures.Standardization = "equal_weighted" if self.standardize_styles else "none"
        if self.styles is None:
            return [
                ContinuousExposureGroupSettings(hierarchy=name, standardize_method=method)  # type: ignore[arg-type]
                for name in continuous
            ]
        found: dict[str, dict[str, Hierarchy]] = {}
        for style, substyles in self.styles.items():
            for name in continuous:
                tree = menu.tree(name)
                if style in tree.nodes or style in tree.labels.values():
                    found.setdefault(name, {})[tree.find(style).label] = substyles or [style]
                    break
            else:
                known = [code for name in continuous for code in menu.tree(name).nodes]
                problems.append(f"styles: {unknown(style, known)}")
        return [
            ContinuousExposureGroupSettings(
                hierarchy=now_exposures.HierarchyGroups(name=name, groupings=groupings),
                standardize_method=method,
            )
            for name, groupings in found.items()
        ]

    def _other(self, menu: ExposureSettingsMenu, problems: list[str]) -> list[Any]:
        groups: list[Any] = []
        for factor, code in self.other.items():
            for name in menu.continuous_hierarchies:
                tree = menu.tree(name)
                if code in tree.nodes or code in tree.labels.values():
                    description = now_exposures.HierarchyGroups(name=name, groupings={factor: [code]})
                    groups.append(
                        ContinuousExposureGroupSettings(hierarchy=description, factor_group="other")
                    )
                    break
            else:
                known = [c for name in menu.continuous_hierarchies for c in menu.tree(name).nodes]
                problems.append(f"other: {unknown(code, known)}")
        return groups


def _market(menu: ExposureSettingsMenu) -> str | None:
    """The continuous group that is the market."""
    if "market" in menu.continuous_hierarchies:
        return "market"
    single = [name for name in menu.continuous_hierarchies if len(menu.tree(name).leaves) == 1]
    return single[0] if len(single) == 1 else None


class ModelConstructionSettings(now_model.ModelConstructionSettings):
    """The regression; its universe may be of an older dialect."""

    estimation_universe: str | int | UniverseSettings | now_universe.UniverseSettings | None = None  # type: ignore[assignment]
    """The assets that the factor returns are estimated on."""

    def translate(self) -> now_model.ModelConstructionSettings:
        universe = self.estimation_universe
        values = {name: getattr(self, name) for name in now_model.ModelConstructionSettings.model_fields}
        values["estimation_universe"] = (
            universe.translate() if isinstance(universe, UniverseSettings) else universe
        )
        return now_model.ModelConstructionSettings(**values)


class FactorRiskModelSettings(Value):
    """A factor model, on the dataset that its universe names."""

    universe: list[UniverseSettings] = Field(min_length=1, max_length=1)
    exposures: list[ExposureSettings | now_exposures.ExposureSettings] = [ExposureSettings()]
    modelconstruction: list[ModelConstructionSettings | now_model.ModelConstructionSettings] = [
        ModelConstructionSettings()
    ]
    halflife_idio_vra: int | float | None = Field(default=None, gt=0)

    @field_validator("universe", "exposures", "modelconstruction", mode="before")
    @classmethod
    def _single_value(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]

    def bound(self, menu: Menu) -> DatasetSettings[now_model.FactorRiskModelSettings]:
        """In the present dialect."""
        dataset = self.universe[0].dataset_name
        offered = menu(dataset)
        exposures, regressions = self.exposures, self.modelconstruction
        return now_model.FactorRiskModelSettings(
            universe=[self.universe[0].translate()],
            exposures=[e.translate(offered) if isinstance(e, ExposureSettings) else e for e in exposures],
            modelconstruction=[
                m.translate() if isinstance(m, ModelConstructionSettings) else m for m in regressions
            ],
            halflife_idio_vra=self.halflife_idio_vra,
        ).with_dataset(dataset)


class RiskDatasetUploadedExposureSettings(Value):
    """Groups of an upload by the part that they play, or, in the second dialect, as today."""

    exposure_type: Literal["uploaded"] = "uploaded"
    exposure_source: str = Field(min_length=1)
    market_factor_group: str | None = None
    region_factor_group: str | None = None
    industry_factor_group: str | None = None
    style_factor_group: str | None = None
    other_factor_group: str | None = None
    style_factor_fill_miss: bool = True
    style_factor_huberize: bool = True
    continuous_factor_groups: list[str] = []
    categorical_factor_groups: list[str] = []
    factor_groups_gaussianize: list[str] = []
    factor_groups_gaussianize_maintain_zeros: list[str] = []
    factor_groups_fill_miss: list[str] = []
    hierarchy_sources: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_dialect(self) -> RiskDatasetUploadedExposureSettings:
        parts = [name for name in sorted(self.model_fields_set) if name.endswith("_factor_group")]
        lists = [name for name in sorted(self.model_fields_set) if "factor_groups" in name]
        if parts and lists:
            raise ValueError(
                f"{', '.join(parts)} and {', '.join(lists)} are of two dialects; give one of them"
            )
        return self

    def translate(self) -> now_riskdataset.RiskDatasetUploadedExposureSettings:
        style = [self.style_factor_group] if self.style_factor_group else []
        continuous = [self.market_factor_group, *style, self.other_factor_group]
        categorical = [self.industry_factor_group, self.region_factor_group]
        ranked = style if self.style_factor_huberize else []
        filled = style if self.style_factor_fill_miss else []
        return now_riskdataset.RiskDatasetUploadedExposureSettings(
            exposure_source=self.exposure_source,
            continuous_factor_groups=[*filter(None, continuous), *self.continuous_factor_groups],
            categorical_factor_groups=[*filter(None, categorical), *self.categorical_factor_groups],
            factor_groups_gaussianize=[*ranked, *self.factor_groups_gaussianize],
            factor_groups_gaussianize_maintain_zeros=self.factor_groups_gaussianize_maintain_zeros,
            factor_groups_fill_miss=[*filled, *self.factor_groups_fill_miss],
            hierarchy_sources=self.hierarchy_sources,
        )


class RiskDatasetReferencedExposureSettings(Value):
    """Groups of the reference by the part that they play, or as today; None takes all."""

    exposure_type: Literal["referenced"] = "referenced"
    market_factor_groups: list[str] | None = None
    region_factor_groups: list[str] | None = None
    industry_factor_groups: list[str] | None = None
    style_factor_groups: list[str] | None = None
    other_factor_groups: list[str] | None = None
    continuous_factor_groups: list[str] | None = None
    categorical_factor_groups: list[str] | None = None

    @field_validator(
        "market_factor_groups", "region_factor_groups", "industry_factor_groups", "style_factor_groups",
        "other_factor_groups", mode="before",
    )  # fmt: skip
    @classmethod
    def _single_group(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _all_or_none(self) -> RiskDatasetReferencedExposureSettings:
        for parts in (("market", "style", "other"), ("industry", "region")):
            given = [part for part in parts if getattr(self, f"{part}_factor_groups") is not None]
            if given and len(given) < len(parts):
                lacking = ", ".join(f"{part}_factor_groups" for part in parts if part not in given)
                raise ValueError(
                    f"groups have no parts any more: give {lacking} too, as a list (empty for none)"
                )
        return self

    def translate(self) -> now_riskdataset.RiskDatasetReferencedExposureSettings:
        def together(given: list[str] | None, *parts: list[str] | None) -> list[str] | None:
            if given is not None or parts[0] is None:
                return given
            return [group for part in parts for group in part or ()]

        return now_riskdataset.RiskDatasetReferencedExposureSettings(
            continuous_factor_groups=together(
                self.continuous_factor_groups,
                self.market_factor_groups,
                self.style_factor_groups,
                self.other_factor_groups,
            ),
            categorical_factor_groups=together(
                self.categorical_factor_groups, self.industry_factor_groups, self.region_factor_groups
            ),
        )


class RiskDatasetHuberRegressionExposureSettings(now_riskdataset.RiskDatasetHuberRegressionExposureSettings):
    """As today, where `huberize` is `gaussianize`."""

    @model_validator(mode="before")
    @classmethod
    def _present_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key.replace("huberize", "gaussianize", 1): value for key, value in data.items()}

    def translate(self) -> now_riskdataset.RiskDatasetHuberRegressionExposureSettings:
        return now_riskdataset.RiskDatasetHuberRegressionExposureSettings(**dict(self))


class RiskDatasetUnitExposureSettings(Value):
    """A factor of exposure 1 that is a market, a region or an industry, or as today."""

    exposure_type: Literal["unit"] = "unit"
    factor: str = "market"
    factor_group: str = "market"
    factor_type: Literal["market", "region", "industry", "continuous", "categorical"] = "market"

    @classmethod
    def market(cls) -> RiskDatasetUnitExposureSettings:
        return cls()

    @classmethod
    def region(cls) -> RiskDatasetUnitExposureSettings:
        return cls(factor="world", factor_group="region", factor_type="region")

    @classmethod
    def industry(cls) -> RiskDatasetUnitExposureSettings:
        return cls(factor="industry", factor_group="industry", factor_type="industry")

    def translate(self) -> now_riskdataset.RiskDatasetUnitExposureSettings:
        return now_riskdataset.RiskDatasetUnitExposureSettings(
            factor=self.factor,
            factor_group=self.factor_group,
            factor_type="continuous" if self.factor_type in ("market", "continuous") else "categorical",
        )


AnyExposure = (
    RiskDatasetUploadedExposureSettings
    | RiskDatasetReferencedExposureSettings
    | RiskDatasetHuberRegressionExposureSettings
    | RiskDatasetUnitExposureSettings
)


class RiskDatasetSettings(Value):
    """A derived dataset. By default the first dialect keeps assets in the currencies of the uploaded ones,
    the second all."""

    reference_dataset: str | int
    exposures: list[AnyExposure] = [RiskDatasetReferencedExposureSettings()]
    exchange_codes: list[str] | None = None
    trim_assets: Literal["none", "asset_union", "ccy_union"] | None = None
    trim_start_date: Literal["none", "earliest_start", "latest_start"] | dt.date = "earliest_start"
    trim_end_date: Literal["none", "earliest_end", "latest_end"] | dt.date = "latest_end"
    estimation_universe: Literal["from_reference"] = "from_reference"
    """Whom to estimate on is said by the model: `ModelConstructionSettings.estimation_universe`."""

    def translate(self) -> DerivedRiskDatasetSettings:
        """In the present dialect."""
        exposures = [entry.translate() for entry in self.exposures]
        by_part = any(
            isinstance(e, RiskDatasetUploadedExposureSettings)
            and not (e.continuous_factor_groups or e.categorical_factor_groups)
            for e in self.exposures
        )
        return DerivedRiskDatasetSettings(
            reference_dataset=self.reference_dataset,
            exposures=exposures,
            exchange_codes=self.exchange_codes,
            trim_assets=self.trim_assets or ("ccy_union" if by_part else "none"),
            trim_start_date=self.trim_start_date,
            trim_end_date=self.trim_end_date,
        )
