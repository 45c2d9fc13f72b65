"""Which factors a model has."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from openfactor.settings.groupings import HierarchyDescription
from openfactor.settings.values import Settings

Selection = list[str] | Literal["All"]
WeightingScheme = Literal["SqrtCap", "Cap", "InvIdioVar", "Equal"]
Standardization = Literal["none", "equal_weighted"]
SafeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class _HierarchyGroup(Settings):
    hierarchy: HierarchyDescription
    """The factor group of the dataset to take, and how its codes become factors; a name alone means the
    top level."""
    factor_group: str = Field(default="", validate_default=True)
    """The name of the group in the model; by default that of the hierarchy."""
    include: Selection = "All"
    """Factors, or codes or labels of any level, to take."""
    exclude: list[str] = []
    """Factors, or codes or labels of any level, to leave out."""

    @field_validator("hierarchy", mode="before")
    @classmethod
    def _top_level(cls, value: Any) -> Any:
        return {"hierarchy_type": "level", "name": value} if isinstance(value, str) else value

    @field_validator("factor_group")
    @classmethod
    def _named_after_hierarchy(cls, name: str, info: ValidationInfo) -> str:
        hierarchy = info.data.get("hierarchy")  # None if it is not valid
        return str(hierarchy.name) if hierarchy and not name else name


class ContinuousExposureGroupSettings(_HierarchyGroup):
    """A dense group: a number for every asset and factor (market, styles)."""

    exposure_type: Literal["continuous"] = "continuous"
    winsorize: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Move exposures that are further than this many robust standard deviations (1.4826 times the median
    absolute deviation) from the median of the day's estimation universe to that bound."""
    standardize_method: Standardization = "none"
    """`equal_weighted`: less the mean, over the standard deviation, of the estimation universe."""
    net_of: list[str] = []
    """Factor groups of these settings; what they explain of this group is taken out of it."""


class CategoricalExposureGroupSettings(_HierarchyGroup):
    """A sparse group: membership, or partial membership, in categories (industries, countries)."""

    exposure_type: Literal["categorical"] = "categorical"


class RollingBetaSettings(Settings):
    """Ordinary least squares on overlapping sums of returns."""

    method: Literal["ols"] = "ols"
    overlap: int = Field(default=5, ge=1)
    """Trading days whose returns are added up, on both sides; 1: none."""


class RollingHuberBetaSettings(Settings):
    """Huber's robust regression, with an intercept."""

    method: Literal["huber"] = "huber"
    max_iter: int = Field(default=10, ge=1)
    """Iterations of reweighted least squares; each day starts from the day before."""
    level: float | None = Field(default=None, gt=0, lt=1)
    """Significance level of a two-sided Student t-test; a beta that fails it is set to 0. None: no test."""
    epsilon: float = Field(default=1.35, gt=1)
    """Residuals of more than so many scales count linearly, not squared."""
    alpha: float = Field(default=0.0001, ge=0)
    """Weight of the squared beta in the objective."""


class TimeSeriesBetaExposureGroupSettings(Settings):
    """Betas of asset returns to uploaded series of factor returns, one regression a factor."""

    exposure_type: Literal["tsbeta"] = "tsbeta"
    tsfactors_source: str = Field(min_length=1)
    """Upload of type `tsfactors`."""
    factor_group: str = Field(min_length=1)
    """The name of the group in the model."""
    include: Selection = "All"
    """Factors of the upload to take."""
    exclude: list[str] = []
    """Factors of the upload to leave out."""
    currency: str = "USD"
    """Currency of the asset returns."""
    window: int = Field(default=252, ge=2)
    """Trading days of a regression; half of them must have a return."""
    return_clip_bounds: tuple[float | None, float | None] = (None, None)
    """Bounds on the asset returns."""
    rolling_regression: Annotated[
        RollingBetaSettings | RollingHuberBetaSettings, Field(discriminator="method")
    ] = RollingBetaSettings()
    """How a beta is estimated."""
    winsorize: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Move exposures that are further than this many robust standard deviations (1.4826 times the median
    absolute deviation) from the median of the day's estimation universe to that bound."""
    gaussianize: bool = True
    """Turn the betas of a day into normal scores."""
    gaussianize_maintain_zeros: bool = False
    """Leave betas of exactly 0 at 0 in doing so."""
    net_of: list[str] = []
    """Factor groups of these settings; what they explain of this group is taken out of it."""

    reference_fields: ClassVar[dict[str, str]] = {"tsfactors_source": "tsfactors"}

    @field_validator("return_clip_bounds")
    @classmethod
    def _ordered(cls, bounds: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
        lower, upper = bounds
        if lower is not None and upper is not None and lower > upper:
            raise ValueError(f"the lower bound {lower:g} is above the upper one {upper:g}")
        return bounds


class InlineUploadedExposureGroupSettings(Settings):
    """A factor group of an `exposures` upload, added to a model without building a dataset for it."""

    exposure_type: Literal["inline_uploaded"] = "inline_uploaded"
    exposure_source: SafeName
    """Upload of type `exposures`."""
    factor_group: SafeName
    """The group in the upload, and its name in the model."""
    include: Selection = "All"
    """Factors of the upload to take."""
    exclude: list[str] = []
    """Factors of the upload to leave out."""
    forward_fill: bool = False
    """Let an asset keep its last exposure on days on which it is priced."""
    max_age: int | None = Field(default=None, ge=0)
    """Calendar days after which an exposure that has not been renewed counts no longer; None: never."""
    winsorize: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Move exposures that are further than this many robust standard deviations (1.4826 times the median
    absolute deviation) from the median of the day's estimation universe to that bound."""
    gaussianize: bool = False
    """Turn the exposures of a day into normal scores."""
    gaussianize_maintain_zeros: bool = False
    """Leave exposures of exactly 0 at 0 in doing so."""
    fill_miss: bool = False
    """Give assets without an exposure the mean of the day, which is 0 after `gaussianize`."""
    standardize_method: Standardization = "none"
    """`equal_weighted`: less the mean, over the standard deviation, of the estimation universe."""
    net_of: list[str] = []
    """Factor groups of these settings; what they explain of this group is taken out of it."""

    reference_fields: ClassVar[dict[str, str]] = {"exposure_source": "exposures"}

    @model_validator(mode="after")
    def _zeros_of_what(self) -> Self:
        if self.gaussianize_maintain_zeros and not self.gaussianize:
            raise ValueError("gaussianize_maintain_zeros needs gaussianize")
        return self


class InteractionExposureGroupSettings(Settings):
    """Products of the factors of two or more groups, such as industry-specific styles."""

    exposure_type: Literal["interaction"] = "interaction"
    exposure_groups: Annotated[
        list[
            Annotated[
                ContinuousExposureGroupSettings | CategoricalExposureGroupSettings,
                Field(discriminator="exposure_type"),
            ]
        ],
        Field(min_length=2),
    ]
    """The groups. A factor is named by its members, with `:` between them."""
    factor_group: str = Field(default="", validate_default=True)
    """The name of the group in the model; by default those of its members, with `:` between them."""

    @field_validator("factor_group")
    @classmethod
    def _named_after_members(cls, name: str, info: ValidationInfo) -> str:
        return name or ":".join(group.factor_group for group in info.data.get("exposure_groups", ()))

    @field_validator("exposure_groups")
    @classmethod
    def _plain_members(cls, groups: list[Any]) -> list[Any]:
        for group in groups:
            if isinstance(group, ContinuousExposureGroupSettings) and group.net_of:
                raise ValueError(f"net_of of {group.factor_group!r} has no place inside an interaction")
        return groups


ExposureGroupSettings = Annotated[
    ContinuousExposureGroupSettings
    | CategoricalExposureGroupSettings
    | TimeSeriesBetaExposureGroupSettings
    | InlineUploadedExposureGroupSettings
    | InteractionExposureGroupSettings,
    Field(discriminator="exposure_type"),
]


class ExposureSettings(Settings):
    """The factor groups of a model."""

    settings_kind: ClassVar[str] = "ExposureSettings"

    exposures: list[ExposureGroupSettings] = []
    """The groups. Several may share a `factor_group` if their factors differ; a single group may be given
    without a list."""
    orthogonalization_weights: WeightingScheme = "SqrtCap"
    """Regression weights of the projections that `net_of` asks for."""

    @field_validator("exposures", mode="before")
    @classmethod
    def _single_group(cls, value: Any) -> Any:
        return [value] if isinstance(value, Settings | dict) else value

    @field_validator("exposures")
    @classmethod
    def _sources_of_projections(cls, groups: list[Any]) -> list[Any]:
        known = {g.factor_group for g in groups}
        sources: dict[str, set[str]] = {}
        problems = []
        for group in groups:
            net_of = getattr(group, "net_of", [])
            sources.setdefault(group.factor_group, set()).update(net_of)
            where = f"net_of of {group.factor_group!r}"
            if repeated := sorted({s for s in net_of if net_of.count(s) > 1}):
                problems.append(f"{where} names {', '.join(repeated)} twice")
            if group.factor_group in net_of:
                problems.append(f"{where} names the group itself")
            if strange := sorted(set(net_of) - known):
                problems.append(f"{where}: no such group in these settings: {', '.join(strange)}")
        if not problems and (circle := _circle(sources)):
            problems.append(f"net_of goes in a circle: {' of '.join(circle)}")
        if problems:
            raise ValueError("; ".join(problems))
        return groups


def _circle(sources: dict[str, set[str]]) -> list[str]:
    """Groups, each net of the next, of which the last is the first; empty if there are none."""

    def follow(path: list[str]) -> list[str]:
        for source in sorted(sources[path[-1]]):
            if source in path:
                return [*path[path.index(source) :], source]
            if found := follow([*path, source]):
                return found
        return []

    return next((found for group in sources if (found := follow([group]))), [])
