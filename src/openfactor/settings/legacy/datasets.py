"""Derived risk datasets of the older dialects."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from openfactor.settings import riskdataset as current
from openfactor.settings.values import Value


class RiskDatasetUploadedExposureSettings(Value):
    """Groups of an upload: by role in the first dialect, as in the current one in the second."""

    exposure_type: Literal["uploaded"] = "uploaded"
    exposure_source: str = Field(min_length=1)
    """Upload of type `exposures`."""
    market_factor_group: str | None = None
    """First dialect: the continuous group with the market."""
    region_factor_group: str | None = None
    """First dialect: the categorical group of regions."""
    industry_factor_group: str | None = None
    """First dialect: the categorical group of industries."""
    style_factor_group: str | None = None
    """First dialect: the continuous group of styles."""
    other_factor_group: str | None = None
    """First dialect: another continuous group."""
    style_factor_fill_miss: bool = True
    """First dialect: give assets without a style exposure the mean of the day."""
    style_factor_huberize: bool = True
    """First dialect: replace the style exposures of a day by their normal scores."""
    continuous_factor_groups: list[str] = []
    """Second dialect, as in the current one."""
    categorical_factor_groups: list[str] = []
    """Second dialect, as in the current one."""
    factor_groups_gaussianize: list[str] = []
    """Second dialect, as in the current one."""
    factor_groups_gaussianize_maintain_zeros: list[str] = []
    """Second dialect, as in the current one."""
    factor_groups_fill_miss: list[str] = []
    """Second dialect, as in the current one."""
    hierarchy_sources: dict[str, str] = {}
    """As in the current dialect."""

    @model_validator(mode="after")
    def _one_dialect(self) -> RiskDatasetUploadedExposureSettings:
        given = [name for name in sorted(type(self).model_fields) if getattr(self, name)]
        parts = [name for name in given if name.endswith("_factor_group")]
        lists = [name for name in given if "factor_groups" in name]
        if parts and lists:
            raise ValueError(
                f"{', '.join(parts)} and {', '.join(lists)} are of two dialects; give one of them"
            )
        return self

    def translate(self) -> current.RiskDatasetUploadedExposureSettings:
        """In the current dialect."""
        style = [self.style_factor_group] if self.style_factor_group else []
        continuous = [self.market_factor_group, *style, self.other_factor_group]
        categorical = [self.industry_factor_group, self.region_factor_group]
        ranked = style if self.style_factor_huberize else []
        filled = style if self.style_factor_fill_miss else []
        return current.RiskDatasetUploadedExposureSettings(
            exposure_source=self.exposure_source,
            continuous_factor_groups=[*filter(None, continuous), *self.continuous_factor_groups],
            categorical_factor_groups=[*filter(None, categorical), *self.categorical_factor_groups],
            factor_groups_gaussianize=[*ranked, *self.factor_groups_gaussianize],
            factor_groups_gaussianize_maintain_zeros=self.factor_groups_gaussianize_maintain_zeros,
            factor_groups_fill_miss=[*filled, *self.factor_groups_fill_miss],
            hierarchy_sources=self.hierarchy_sources,
        )


class RiskDatasetReferencedExposureSettings(Value):
    """Groups of the reference, by role or as in the current dialect; None: all."""

    exposure_type: Literal["referenced"] = "referenced"
    market_factor_groups: list[str] | None = None
    """First dialect: continuous groups. A single group needs no list, here and below."""
    region_factor_groups: list[str] | None = None
    """First dialect: categorical groups."""
    industry_factor_groups: list[str] | None = None
    """First dialect: categorical groups."""
    style_factor_groups: list[str] | None = None
    """First dialect: continuous groups."""
    other_factor_groups: list[str] | None = None
    """First dialect: continuous groups."""
    continuous_factor_groups: list[str] | None = None
    """Second dialect, as in the current one."""
    categorical_factor_groups: list[str] | None = None
    """Second dialect, as in the current one."""

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
                missing = ", ".join(f"{part}_factor_groups" for part in parts if part not in given)
                raise ValueError(
                    f"groups no longer have roles: give {missing} too, as a list (empty for none)"
                )
        return self

    def translate(self) -> current.RiskDatasetReferencedExposureSettings:
        """In the current dialect."""

        def together(given: list[str] | None, *parts: list[str] | None) -> list[str] | None:
            if given is not None or parts[0] is None:
                return given
            return [group for part in parts for group in part or ()]

        return current.RiskDatasetReferencedExposureSettings(
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


class RiskDatasetHuberRegressionExposureSettings(current.RiskDatasetHuberRegressionExposureSettings):
    """As in the current dialect, with `huberize` for `gaussianize`."""

    @model_validator(mode="before")
    @classmethod
    def _current_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key.replace("huberize", "gaussianize", 1): value for key, value in data.items()}

    def translate(self) -> current.RiskDatasetHuberRegressionExposureSettings:
        """In the current dialect."""
        return current.RiskDatasetHuberRegressionExposureSettings(**dict(self))


class RiskDatasetUnitExposureSettings(Value):
    """A factor to which every asset has an exposure of 1: a market, a region or an industry."""

    exposure_type: Literal["unit"] = "unit"
    factor: str = "market"
    """Name of the factor."""
    factor_group: str = "market"
    """Name of its group."""
    factor_type: Literal["market", "region", "industry", "continuous", "categorical"] = "market"
    """The role of the group, or as in the current dialect."""

    @classmethod
    def market(cls) -> RiskDatasetUnitExposureSettings:
        """A market."""
        return cls()

    @classmethod
    def region(cls) -> RiskDatasetUnitExposureSettings:
        """The world as the only region."""
        return cls(factor="world", factor_group="region", factor_type="region")

    @classmethod
    def industry(cls) -> RiskDatasetUnitExposureSettings:
        """A single industry."""
        return cls(factor="industry", factor_group="industry", factor_type="industry")

    def translate(self) -> current.RiskDatasetUnitExposureSettings:
        """In the current dialect."""
        return current.RiskDatasetUnitExposureSettings(
            factor=self.factor,
            factor_group=self.factor_group,
            factor_type="continuous" if self.factor_type in ("market", "continuous") else "categorical",
        )


AnyExposure = Annotated[
    RiskDatasetUploadedExposureSettings
    | RiskDatasetReferencedExposureSettings
    | RiskDatasetHuberRegressionExposureSettings
    | RiskDatasetUnitExposureSettings,
    Field(discriminator="exposure_type"),
]


class RiskDatasetSettings(Value):
    """A derived dataset."""

    reference_dataset: str | int
    """The dataset, by name or id, that it is derived from."""
    exposures: list[AnyExposure] = [RiskDatasetReferencedExposureSettings()]
    """The factor groups of the new dataset."""
    exchange_codes: list[str] | None = None
    """As in the current dialect."""
    trim_assets: Literal["none", "asset_union", "ccy_union"] | None = None
    """As in the current dialect. None: `ccy_union` where uploaded groups are given by role, otherwise
    `none`."""
    trim_start_date: Literal["none", "earliest_start", "latest_start"] | dt.date = "earliest_start"
    """As in the current dialect."""
    trim_end_date: Literal["none", "earliest_end", "latest_end"] | dt.date = "latest_end"
    """As in the current dialect."""
    estimation_universe: Literal["from_reference"] = "from_reference"
    """Has no effect: models have `ModelConstructionSettings.estimation_universe`."""

    def translate(self) -> current.DerivedRiskDatasetSettings:
        """In the current dialect."""
        exposures = [entry.translate() for entry in self.exposures]
        by_role = any(
            isinstance(e, RiskDatasetUploadedExposureSettings)
            and not (e.continuous_factor_groups or e.categorical_factor_groups)
            for e in self.exposures
        )
        return current.DerivedRiskDatasetSettings(
            reference_dataset=self.reference_dataset,
            exposures=exposures,
            exchange_codes=self.exchange_codes,
            trim_assets=self.trim_assets or ("ccy_union" if by_role else "none"),
            trim_start_date=self.trim_start_date,
            trim_end_date=self.trim_end_date,
        )
