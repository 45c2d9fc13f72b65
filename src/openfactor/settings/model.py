"""How factor returns are estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from openfactor.settings.exposures import (
    ExposureSettings,
    InteractionExposureGroupSettings,
    WeightingScheme,
)
from openfactor.settings.forecasts import half_life
from openfactor.settings.universe import UniverseSettings
from openfactor.settings.values import Settings, inline

ZeroSum = Literal["none", "equal_weights", "mcap_weighted"]
ModelMode = Literal[
    "get-or-compute-and-persist", "get-or-compute", "compute", "compute-and-persist", "get-or-fail"
]
"""Whether kept estimates are used, and whether new ones are kept."""
T = TypeVar("T")


def _pairs(value: Any) -> Any:
    """Keys that are "group,factor", as JSON has them, become pairs."""
    if not isinstance(value, dict):
        return value
    return {tuple(key.split(",", 1)) if isinstance(key, str) else key: item for key, item in value.items()}


ByFactor = Annotated[dict[tuple[str, str], T], BeforeValidator(_pairs)]
"""By group and factor; in JSON the key is "group,factor", split at the first comma."""


class ModelConstructionSettings(Settings):
    """The cross-sectional regression of one day."""

    settings_kind: ClassVar[str] = "ModelConstructionSettings"

    currency: str = "USD"
    """Currency of the returns that are explained."""
    weights: WeightingScheme = "SqrtCap"
    """Regression weights: square root of the market cap, the cap, 1 / idio_vol squared, or all equal."""
    estimation_universe: str | int | UniverseSettings | None = None
    """The assets that the factor returns are estimated on; by default the whole universe. A name
    outside of the model's universe is never in it. Saved settings by name or id, or inline."""
    return_clip_bounds: tuple[Annotated[float, Field(le=0)] | None, Annotated[float, Field(ge=0)] | None] = (
        -0.1,
        0.1,
    )
    """Bounds on the returns used to estimate; specific returns come from the unclipped ones. They do not move
    with the market: the default takes a day of -12% for one of -9%."""
    return_clip_deviations: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """In place of `return_clip_bounds`: on each day, bounds at the median of the estimation set, plus and
    minus this many robust standard deviations (1.4826 times the median absolute deviation)."""
    multiday_returns: Literal["weighted", "left_out"] = "weighted"
    """What becomes of a return over several trading days, of a name that did not trade on those between:
    `weighted`, it has the variance of m days, so that its weight is divided by m; or it is left out."""
    thin_category_shrinkage: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """Group to the effective number of names below which a category is shrunk towards zero."""
    thin_category_shrinkage_overrides: ByFactor[Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """Group and category to the strength with which it is shrunk, as a multiple of its diagonal in the normal
    equations, whatever its number of names: 1 halves the return of a category that stands alone."""
    zero_sum_constraints: dict[str, ZeroSum] = {}
    """One entry for each categorical group: how its factor returns sum to zero."""
    known_factor_map: ByFactor[str] = {}
    """Continuous group and factor to the series of the dataset that has its returns: they are taken as given,
    compounded since the trading day before, and the other factors explain what they leave."""
    fx_convert_returns: bool = True
    """Convert returns to `currency`; if not, local returns are explained."""
    huber_epsilon: Annotated[float, Field(gt=1, allow_inf_nan=False)] | None = None
    """Residuals beyond this many of their standard deviations, estimated robustly, count linearly instead of
    squared (Huber); 1.35 keeps 95% of the efficiency under normal returns. By default all count squared."""

    reference_fields: ClassVar[dict[str, str]] = {"estimation_universe": "UniverseSettings"}

    @property
    def estimated_on(self) -> UniverseSettings | None:
        """`estimation_universe`, which must be inline by now."""
        return None if self.estimation_universe is None else inline(self.estimation_universe)


def _wrap(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Stage:
    """One regression of a model."""

    exposures: ExposureSettings
    construction: ModelConstructionSettings

    @property
    def min_names(self) -> dict[str, float]:
        """Factor group to the effective number of names below which its categories are shrunk. An interaction
        has the largest of its members' unless it has its own."""
        asked = self.construction.thin_category_shrinkage
        out = dict(asked)
        for group in self.exposures.exposures:
            if isinstance(group, InteractionExposureGroupSettings):
                inherited = max(asked.get(member.factor_group, 0.0) for member in group.exposure_groups)
                out.setdefault(group.factor_group, inherited)
        return out


class FactorRiskModelSettings(Settings):
    """A factor model: a universe, its exposures and the regression, or several in a chain.

    The first stage explains the returns of assets, each further one the specific returns that the stage
    before it leaves.
    """

    settings_kind: ClassVar[str] = "FactorRiskModelSettings"

    universe: Annotated[list[str | int | UniverseSettings], Field(min_length=1, max_length=1)]
    """The assets and the trading days: saved settings by name or id, or inline. A single value may be given
    without a list."""
    exposures: Annotated[list[str | int | ExposureSettings], Field(min_length=1)] = [ExposureSettings()]
    """The factors, likewise; one entry a stage."""
    modelconstruction: Annotated[list[str | int | ModelConstructionSettings], Field(min_length=1)] = [
        ModelConstructionSettings()
    ]
    """The regression, likewise; one entry a stage, or one for all of them."""
    halflife_idio_vra: Annotated[int | float, AfterValidator(half_life)] | None = None
    """Half-life in trading periods of the regime adjustment of specific volatilities; infinite: all periods
    weigh alike; by default there is none. It does not touch the regressions."""

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
    def n_stages(self) -> int:
        return len(self.exposures)

    @property
    def stages(self) -> list[Stage]:
        """The regressions in their order; nothing may be a name any more."""
        constructions = [inline(construction) for construction in self.modelconstruction]
        if len(constructions) == 1:
            constructions *= self.n_stages
        return [
            Stage(inline(exposures), construction)
            for exposures, construction in zip(self.exposures, constructions, strict=True)
        ]

    def add_stage(
        self,
        *,
        exposures: str | int | ExposureSettings,
        modelconstruction: str | int | ModelConstructionSettings | None = None,
    ) -> Self:
        """The same with one more stage, whose regression is by default that of the stage before it."""
        constructions = list(self.modelconstruction)
        if modelconstruction is not None or len(constructions) > 1:
            constructions *= self.n_stages if len(constructions) == 1 else 1
            constructions.append(constructions[-1] if modelconstruction is None else modelconstruction)
        values = {name: getattr(self, name) for name in type(self).model_fields}
        changed = {"exposures": [*self.exposures, exposures], "modelconstruction": constructions}
        return type(self)(**(values | changed))

    @property
    def estimation_only(self) -> Self:
        """These settings without what only forecasts look at: equal ones have the same estimates."""
        return self.model_copy(update={"halflife_idio_vra": None})

    @model_validator(mode="after")
    def _one_construction_a_stage(self) -> Self:
        if len(self.modelconstruction) not in (1, self.n_stages):
            raise ValueError(
                f"there are {self.n_stages} entries in exposures and {len(self.modelconstruction)} in "
                "modelconstruction; give one for all stages, or one a stage"
            )
        return self

    @model_validator(mode="after")
    def _same_calendar(self) -> Self:
        universe = self.universe[0]
        for construction in self.modelconstruction:
            if isinstance(universe, UniverseSettings) and isinstance(construction, ModelConstructionSettings):
                estimation = construction.estimation_universe
                if isinstance(estimation, UniverseSettings) and estimation.calendar != universe.calendar:
                    raise ValueError("the estimation universe must have the calendar of the universe")
        return self
