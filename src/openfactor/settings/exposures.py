"""The factors of a model."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from openfactor.settings.groupings import HierarchyDescription
from openfactor.settings.values import Settings

Selection = list[str] | Literal["All"]
WeightingScheme = Literal["SqrtCap", "Cap", "InvIdioVar", "Equal"]
Standardization = Literal["none", "equal_weighted"]
SafeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class _ExposureGroup(Settings):
    """Base of a group of factors; the properties are what other modules ask of a kind."""

    @property
    def hierarchy_groups(self) -> Sequence[HierarchyGroup]:
        """The groups of the dataset whose hierarchies give the factors, which are products if there are
        several; none for factors of an upload.
        """
        return ()

    @property
    def is_categorical(self) -> bool:
        """The factors are categories, or products with categories."""
        return False

    @property
    def currencies(self) -> Sequence[str]:
        """Currencies of returns that the exposures are estimated from."""
        return ()


class _HierarchyGroup(_ExposureGroup):
    hierarchy: HierarchyDescription
    """A factor group of the dataset, and how its codes become factors; a name alone means the top level."""
    factor_group: str = Field(default="", validate_default=True)
    """Name of the group in the model; by default that of the hierarchy."""
    include: Selection = "All"
    """Factors, or codes or labels of any level, to include."""
    exclude: list[str] = []
    """Factors, or codes or labels of any level, to exclude."""

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
    """A continuous group: every asset has an exposure to every factor (market, styles)."""

    exposure_type: Literal["continuous"] = "continuous"
    winsorize: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Move exposures more than this many robust standard deviations (1.4826 times the median absolute
    deviation) from the median of the day's estimation universe to that bound. None: no bound."""
    standardize_method: Standardization = "none"
    """`equal_weighted`: subtract the mean of the day's estimation universe and divide by its standard
    deviation, each asset counting the same."""
    net_of: list[str] = []
    """Factor groups of these settings that this group is made orthogonal to, day by day."""

    @property
    def hierarchy_groups(self) -> Sequence[HierarchyGroup]:
        """The group itself."""
        return (self,)


class CategoricalExposureGroupSettings(_HierarchyGroup):
    """A categorical group: full or partial membership in categories (industries, countries)."""

    exposure_type: Literal["categorical"] = "categorical"

    @property
    def hierarchy_groups(self) -> Sequence[HierarchyGroup]:
        """The group itself."""
        return (self,)

    @property
    def is_categorical(self) -> bool:
        """Always."""
        return True


HierarchyGroup = ContinuousExposureGroupSettings | CategoricalExposureGroupSettings


class RollingBetaSettings(Settings):
    """Ordinary least squares, with an intercept, on overlapping sums of returns."""

    method: Literal["ols"] = "ols"
    overlap: int = Field(default=5, ge=1, le=1_000)
    """Trading days of returns summed on both sides of the regression; 1: no summing."""


class RollingHuberBetaSettings(Settings):
    """Huber's robust regression, with an intercept."""

    method: Literal["huber"] = "huber"
    max_iter: int = Field(default=10, ge=1)
    """Iterations of reweighted least squares; each day starts from the result of the day before."""
    level: float | None = Field(default=None, gt=0, lt=1)
    """Significance level, a fraction, of a two-sided t-test; insignificant betas become 0. None: no test."""
    epsilon: float = Field(default=1.35, gt=1, le=1e6)
    """Residuals beyond this multiple of their scale, estimated along, count linearly instead of squared."""
    alpha: float = Field(default=0.0001, ge=0)
    """Weight of the squared beta in the objective (ridge penalty)."""


class TimeSeriesBetaExposureGroupSettings(_ExposureGroup):
    """Betas of asset returns to uploaded series of factor returns, one regression per factor."""

    exposure_type: Literal["tsbeta"] = "tsbeta"
    tsfactors_source: str = Field(min_length=1)
    """Upload of type `tsfactors`."""
    factor_group: str = Field(min_length=1)
    """Name of the group in the model."""
    include: Selection = "All"
    """Factors of the upload to include."""
    exclude: list[str] = []
    """Factors of the upload to exclude."""
    currency: str = "USD"
    """Currency (ISO 4217) of the asset returns."""
    window: int = Field(default=252, ge=2)
    """Trading days per regression, at least half of them with a return."""
    return_clip_bounds: tuple[float | None, float | None] = (None, None)
    """Lower and upper bound on the daily asset returns, as fractions; None: no bound."""
    rolling_regression: Annotated[
        RollingBetaSettings | RollingHuberBetaSettings, Field(discriminator="method")
    ] = RollingBetaSettings()
    """The regression."""
    winsorize: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Move exposures more than this many robust standard deviations (1.4826 times the median absolute
    deviation) from the median of the day's estimation universe to that bound. None: no bound."""
    gaussianize: bool = True
    """Replace the betas of a day by their normal scores."""
    gaussianize_maintain_zeros: bool = False
    """Keep betas of exactly 0 at 0."""
    net_of: list[str] = []
    """Factor groups of these settings that this group is made orthogonal to, day by day."""

    reference_fields: ClassVar[dict[str, str]] = {"tsfactors_source": "tsfactors"}

    @property
    def currencies(self) -> Sequence[str]:
        """That of the asset returns."""
        return (self.currency,)

    @field_validator("return_clip_bounds")
    @classmethod
    def _ordered(cls, bounds: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
        lower, upper = bounds
        if lower is not None and upper is not None and lower > upper:
            raise ValueError(f"the lower bound {lower:g} is above the upper one {upper:g}")
        return bounds


class InlineUploadedExposureGroupSettings(_ExposureGroup):
    """A factor group of an `exposures` upload, used in a model without building a dataset."""

    exposure_type: Literal["inline_uploaded"] = "inline_uploaded"
    exposure_source: SafeName
    """Upload of type `exposures`."""
    factor_group: SafeName
    """Name of the group in the upload and in the model."""
    include: Selection = "All"
    """Factors of the upload to include."""
    exclude: list[str] = []
    """Factors of the upload to exclude."""
    forward_fill: bool = False
    """Carry an asset's last exposure forward on days on which it has a price."""
    max_age: int | None = Field(default=None, ge=0)
    """Calendar days after which an exposure that was not renewed expires; None: never."""
    winsorize: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Move exposures more than this many robust standard deviations (1.4826 times the median absolute
    deviation) from the median of the day's estimation universe to that bound. None: no bound."""
    gaussianize: bool = False
    """Replace the exposures of a day by their normal scores."""
    gaussianize_maintain_zeros: bool = False
    """Keep exposures of exactly 0 at 0."""
    fill_miss: bool = False
    """Give assets without an exposure the mean of the day (0 after `gaussianize`)."""
    standardize_method: Standardization = "none"
    """`equal_weighted`: subtract the mean of the day's estimation universe and divide by its standard
    deviation, each asset counting the same."""
    net_of: list[str] = []
    """Factor groups of these settings that this group is made orthogonal to, day by day."""

    reference_fields: ClassVar[dict[str, str]] = {"exposure_source": "exposures"}

    @model_validator(mode="after")
    def _zeros_need_scores(self) -> Self:
        if self.gaussianize_maintain_zeros and not self.gaussianize:
            raise ValueError("gaussianize_maintain_zeros needs gaussianize")
        return self


class InteractionExposureGroupSettings(_ExposureGroup):
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
    """The groups. The factors are named after their members, joined by `:`."""
    factor_group: str = Field(default="", validate_default=True)
    """Name of the group in the model; by default the names of its members, joined by `:`."""

    @property
    def hierarchy_groups(self) -> Sequence[HierarchyGroup]:
        """The members."""
        return self.exposure_groups

    @property
    def is_categorical(self) -> bool:
        """With any categorical member."""
        return any(group.is_categorical for group in self.exposure_groups)

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
    """The groups. Several may share a `factor_group` if their factors differ. One group needs no list."""
    orthogonalization_weights: WeightingScheme = "SqrtCap"
    """Regression weights of the projections requested by `net_of`."""

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
            if missing := sorted(set(net_of) - known):
                problems.append(f"{where}: no such group in these settings: {', '.join(missing)}")
        if not problems and (cycle := _cycle(sources)):
            problems.append(f"net_of goes in a circle: {' of '.join(cycle)}")
        if problems:
            raise ValueError("; ".join(problems))
        return groups


def _cycle(sources: dict[str, set[str]]) -> list[str]:
    """Groups, each net of the next, the last being the first; empty if there is no cycle."""
    try:
        TopologicalSorter({group: sorted(sources[group]) for group in sorted(sources)}).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle[::-1]
    return []
