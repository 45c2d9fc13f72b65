"""How factor returns are estimated."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from openfactor.settings.exposures import (
    ExposureSettings,
    InteractionExposureGroupSettings,
    WeightingScheme,
)
from openfactor.settings.universe import UniverseSettings
from openfactor.settings.values import Settings, inline

ZeroSum = Literal["none", "equal_weights", "mcap_weighted"]


class ModelConstructionSettings(Settings):
    """The cross-sectional regression of one day."""

    currency: str = "USD"
    """Currency of the returns that are explained."""
    weights: WeightingScheme = "SqrtCap"
    """Regression weights: square root of the market cap, the cap, or 1 / idio_vol squared."""
    estimation_universe: str | int | UniverseSettings | None = None
    """The assets that the factor returns are estimated on; by default the whole universe. A name
    outside of the model's universe is never in it. Saved settings by name or id, or inline."""
    return_clip_bounds: tuple[Annotated[float, Field(le=0)] | None, Annotated[float, Field(ge=0)] | None] = (
        -0.1,
        0.1,
    )
    """Bounds on the returns used to estimate; specific returns come from the unclipped ones."""
    thin_category_shrinkage: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Group to the effective number of names below which a category is shrunk towards zero."""
    zero_sum_constraints: dict[str, ZeroSum] = {}
    """One entry for each categorical group: how its factor returns sum to zero."""
    fx_convert_returns: bool = True
    """Convert returns to `currency`; if not, local returns are explained."""

    reference_fields: ClassVar[dict[str, str]] = {"estimation_universe": "UniverseSettings"}

    @property
    def estimated_on(self) -> UniverseSettings | None:
        """`estimation_universe`, which must be inline by now."""
        return None if self.estimation_universe is None else inline(self.estimation_universe)


def _wrap(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class FactorRiskModelSettings(Settings):
    """A factor model: a universe, its exposures and the regression."""

    universe: Annotated[list[str | int | UniverseSettings], Field(min_length=1, max_length=1)]
    """The assets and the trading days: saved settings by name or id, or inline. A single value may be given
    without a list."""
    exposures: Annotated[list[str | int | ExposureSettings], Field(min_length=1, max_length=1)] = [
        ExposureSettings()
    ]
    """The factors, likewise; one entry a regression stage, of which there is one."""
    modelconstruction: Annotated[
        list[str | int | ModelConstructionSettings], Field(min_length=1, max_length=1)
    ] = [ModelConstructionSettings()]
    """The regression, likewise; one entry a stage."""

    reference_fields: ClassVar[dict[str, str]] = {
        "universe": "UniverseSettings",
        "exposures": "ExposureSettings",
        "modelconstruction": "ModelConstructionSettings",
    }

    @field_validator("universe", "exposures", "modelconstruction", mode="before")
    @classmethod
    def _single_value(cls, value: Any) -> Any:
        return _wrap(value)

    @property
    def inline_universe(self) -> UniverseSettings:
        """The universe, which must not be a name any more."""
        return inline(self.universe[0])

    @property
    def inline_exposures(self) -> ExposureSettings:
        """The exposures, which must not be a name any more."""
        return inline(self.exposures[0])

    @property
    def inline_construction(self) -> ModelConstructionSettings:
        """The regression, which must not be a name any more."""
        return inline(self.modelconstruction[0])

    @property
    def min_names(self) -> dict[str, float]:
        """Factor group to the effective number of names below which its categories are shrunk. An interaction
        has the largest of its members' unless it has its own."""
        asked = self.inline_construction.thin_category_shrinkage
        out = dict(asked)
        for group in self.inline_exposures.exposures:
            if isinstance(group, InteractionExposureGroupSettings):
                inherited = max(asked.get(member.factor_group, 0.0) for member in group.exposure_groups)
                out.setdefault(group.factor_group, inherited)
        return out

    @model_validator(mode="after")
    def _same_calendar(self) -> Self:
        universe, construction = self.universe[0], self.modelconstruction[0]
        if isinstance(universe, UniverseSettings) and isinstance(construction, ModelConstructionSettings):
            estimation = construction.estimation_universe
            if isinstance(estimation, UniverseSettings) and estimation.calendar != universe.calendar:
                raise ValueError("the estimation universe must have the calendar of the universe")
        return self
