"""Which factors a model has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from openfactor.settings.values import Settings


class _ExposureGroup(Settings):
    hierarchy: str = Field(min_length=1)
    """The factor group of the dataset to take."""
    factor_group: str = ""
    """The name of the group in the model; by default that of the hierarchy."""
    include: list[str] | Literal["All"] = "All"
    """Factors to take."""
    exclude: list[str] = []
    """Factors to leave out."""

    @model_validator(mode="before")
    @classmethod
    def _group_named_after_hierarchy(cls, data: Any) -> Any:
        if isinstance(data, dict) and "hierarchy" in data and not data.get("factor_group"):
            return {**data, "factor_group": data["hierarchy"]}
        return data


class ContinuousExposureGroupSettings(_ExposureGroup):
    """A dense group: a number for every asset and factor (market, styles)."""

    exposure_type: Literal["continuous"] = "continuous"


class CategoricalExposureGroupSettings(_ExposureGroup):
    """A sparse group: membership, or partial membership, in categories (industries, countries)."""

    exposure_type: Literal["categorical"] = "categorical"


ExposureGroupSettings = Annotated[
    ContinuousExposureGroupSettings | CategoricalExposureGroupSettings, Field(discriminator="exposure_type")
]


class ExposureSettings(Settings):
    """The factor groups of a model."""

    exposures: list[ExposureGroupSettings] = []
    """One entry a group; a single group may be given without a list."""

    @field_validator("exposures", mode="before")
    @classmethod
    def _single_group(cls, value: Any) -> Any:
        return [value] if isinstance(value, _ExposureGroup | dict) else value

    @field_validator("exposures")
    @classmethod
    def _distinct_groups(cls, groups: list[_ExposureGroup]) -> list[_ExposureGroup]:
        names = [g.factor_group for g in groups]
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise ValueError(
                f"factor groups named twice: {', '.join(repeated)}; give each its own factor_group"
            )
        return groups
