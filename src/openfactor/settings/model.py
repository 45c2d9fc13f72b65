"""How factor returns are estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from openfactor.settings.exposures import (
    ExposureSettings,
    WeightingScheme,
)
from openfactor.settings.forecasts import half_life
from openfactor.settings.universe import UniverseSettings
from openfactor.settings.values import Settings, inline

ZeroSum = Literal["none", "equal_weights", "mcap_weighted"]
ModelMode = Literal[
    "get-or-compute-and-persist", "get-or-compute", "compute", "compute-and-persist", "get-or-fail"
]
"""Whether stored estimates are used, and whether new ones are stored."""
Strength = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
"""Of a shrinkage; greater numbers would leave nothing of what is shrunk, and nothing to solve."""
T = TypeVar("T")


def _pairs(value: Any) -> Any:
    """Keys that are "group,factor", as JSON has them, become pairs."""
    if not isinstance(value, dict):
        return value
    return {tuple(key.split(",", 1)) if isinstance(key, str) else key: item for key, item in value.items()}


ByFactor = Annotated[dict[tuple[str, str], T], BeforeValidator(_pairs)]
"""By group and factor; in JSON the key is "group,factor", split at the first comma."""


class ModelConstructionSettings(Settings):
    """The cross-sectional regression, one per trading day."""

    settings_kind: ClassVar[str] = "ModelConstructionSettings"

    currency: str = "USD"
    """Currency (ISO 4217) of the explained returns."""
    weights: WeightingScheme = "SqrtCap"
    """Regression weights: square root of the market cap, the cap, 1 / idio_vol², or all equal."""
    estimation_universe: str | int | UniverseSettings | None = None
    """The assets on which factor returns are estimated: saved settings by name or id, or inline. None: the
    whole universe. Assets outside the model's universe are never used."""
    return_clip_bounds: tuple[Annotated[float, Field(le=0)] | None, Annotated[float, Field(ge=0)] | None] = (
        -0.1,
        0.1,
    )
    """Lower and upper bound, as fractions, on the returns in the regression; None: no bound. Specific returns
    are those of the unclipped returns. The bounds do not move with the market: a market return of -12% is
    estimated at about -9% with the default."""
    return_clip_deviations: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Replaces `return_clip_bounds` by bounds per day: the median of the estimation set plus and minus this
    many robust standard deviations (1.4826 times the median absolute deviation). None: not used."""
    multiday_returns: Literal["weighted", "left_out"] = "weighted"
    """Treatment of a return over m trading days, after m - 1 days without a price: `weighted` divides its
    regression weight by m, as its variance is that of m days; `left_out` drops it."""
    thin_category_shrinkage: dict[str, Strength] = {}
    """Group to the effective number of assets below which the return of a category is shrunk towards zero."""
    thin_category_shrinkage_overrides: ByFactor[Strength] = {}
    """Group and category to the strength of its shrinkage, whatever its number of assets, as a multiple of
    its diagonal in the normal equations: 1 halves the return of a category uncorrelated with the rest."""
    zero_sum_constraints: dict[str, ZeroSum] = {}
    """Categorical group to the weights with which its factor returns sum to zero; one entry per group."""
    known_factor_map: ByFactor[str] = {}
    """Continuous group and factor to the series of the dataset with its returns, as fractions: they are taken
    as given, compounded since the previous trading day, and the other factors explain the rest."""
    fx_convert_returns: bool = True
    """Convert returns to `currency`; otherwise local returns are explained."""
    huber_epsilon: Annotated[float, Field(gt=1, le=1e6, allow_inf_nan=False)] | None = None
    """Residuals beyond this many robust standard deviations count linearly instead of squared (Huber); 1.35
    keeps 95% of the efficiency under normal returns. None: all residuals are squared."""

    reference_fields: ClassVar[dict[str, str]] = {"estimation_universe": "UniverseSettings"}

    @property
    def estimated_on(self) -> UniverseSettings | None:
        """`estimation_universe`; SettingsError if it is the name or the id of saved settings."""
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
        """Factor group to the effective number of assets below which its categories are shrunk. An
        interaction without its own has the largest of its members'.
        """
        given = self.construction.thin_category_shrinkage
        limits = dict(given)
        for group in self.exposures.exposures:
            members = group.hierarchy_groups
            if len(members) > 1:
                inherited = max(given.get(member.factor_group, 0.0) for member in members)
                limits.setdefault(group.factor_group, inherited)
        return limits


class FactorRiskModelSettings(Settings):
    """A factor model: a universe, exposures and a regression, or several stages of them.

    The first stage explains the returns of assets, each further stage the specific returns of the one before.
    """

    settings_kind: ClassVar[str] = "FactorRiskModelSettings"

    universe: Annotated[list[str | int | UniverseSettings], Field(min_length=1, max_length=1)]
    """The assets and the trading days: saved settings by name or id, or inline. A single value needs no
    list."""
    exposures: Annotated[list[str | int | ExposureSettings], Field(min_length=1)] = [ExposureSettings()]
    """The factors, likewise; one entry per stage."""
    modelconstruction: Annotated[list[str | int | ModelConstructionSettings], Field(min_length=1)] = [
        ModelConstructionSettings()
    ]
    """The regression, likewise; one entry per stage, or one for all stages."""
    halflife_idio_vra: Annotated[int | float, AfterValidator(half_life)] | None = None
    """Half-life, in trading periods, of the regime adjustment of specific volatilities; an infinite one
    weights all periods equally. None: no adjustment. The regressions do not depend on it."""

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
        """The universe; SettingsError if it is the name or the id of saved settings."""
        return inline(self.universe[0])

    @property
    def n_stages(self) -> int:
        """Number of stages."""
        return len(self.exposures)

    @property
    def stages(self) -> list[Stage]:
        """The stages in order; SettingsError if anything is the name or the id of saved settings."""
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
        """These settings with one more stage, whose regression is by default that of the previous stage."""
        constructions = list(self.modelconstruction)
        if modelconstruction is not None or len(constructions) > 1:
            constructions *= self.n_stages if len(constructions) == 1 else 1
            constructions.append(constructions[-1] if modelconstruction is None else modelconstruction)
        values = {name: getattr(self, name) for name in type(self).model_fields}
        changed = {"exposures": [*self.exposures, exposures], "modelconstruction": constructions}
        return type(self)(**(values | changed))

    @property
    def estimation_only(self) -> Self:
        """These settings without what only forecasts use: equal ones have equal estimates."""
        return self.model_copy(update={"halflife_idio_vra": None})

    @model_validator(mode="after")
    def _one_construction_per_stage(self) -> Self:
        if len(self.modelconstruction) not in (1, self.n_stages):
            raise ValueError(
                f"there are {self.n_stages} entries in exposures and {len(self.modelconstruction)} in "
                "modelconstruction; give one for all stages, or one per stage"
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
