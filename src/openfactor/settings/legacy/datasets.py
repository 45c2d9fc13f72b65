"""Derived risk datasets of the older dialects."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from openfactor.settings import riskdataset as current
from openfactor.settings.values import Value


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
        given = [name for name in sorted(type(self).model_fields) if getattr(self, name)]
        parts = [name for name in given if name.endswith("_factor_group")]
        lists = [name for name in given if "factor_groups" in name]
        if parts and lists:
            raise ValueError(
                f"{', '.join(parts)} and {', '.join(lists)} are of two dialects; give one of them"
            )
        return self

    def translate(self) -> current.RiskDatasetUploadedExposureSettings:
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

    def translate(self) -> current.RiskDatasetReferencedExposureSettings:
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
    """As today, where `huberize` is `gaussianize`."""

    @model_validator(mode="before")
    @classmethod
    def _current_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key.replace("huberize", "gaussianize", 1): value for key, value in data.items()}

    def translate(self) -> current.RiskDatasetHuberRegressionExposureSettings:
        return current.RiskDatasetHuberRegressionExposureSettings(**dict(self))


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

    def translate(self) -> current.RiskDatasetUnitExposureSettings:
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

    def translate(self) -> current.DerivedRiskDatasetSettings:
        """In the present dialect."""
        exposures = [entry.translate() for entry in self.exposures]
        by_part = any(
            isinstance(e, RiskDatasetUploadedExposureSettings)
            and not (e.continuous_factor_groups or e.categorical_factor_groups)
            for e in self.exposures
        )
        return current.DerivedRiskDatasetSettings(
            reference_dataset=self.reference_dataset,
            exposures=exposures,
            exchange_codes=self.exchange_codes,
            trim_assets=self.trim_assets or ("ccy_union" if by_part else "none"),
            trim_start_date=self.trim_start_date,
            trim_end_date=self.trim_end_date,
        )
