"""How a risk dataset is built from uploads."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from openfactor.settings.values import Settings


class RootRiskDatasetSettings(Settings):
    """A risk dataset made of uploads alone. Each `..._source` is the name of an upload."""

    kind: Literal["root"] = "root"
    market_cap_source: str = Field(min_length=1)
    """Upload of type `market_cap`: one row a day and entity, on the entity's main listing."""
    price_source: str = Field(min_length=1)
    """Upload of type `price`."""
    exposures_source: str = Field(min_length=1)
    """Upload of type `exposures`."""
    exchange_dates_source: str = Field(min_length=1)
    """Upload of type `exchange_dates`: the days on which an exchange is closed."""
    exchange_rates_source: str = Field(min_length=1)
    """Upload of type `exchange_rates`: units of a currency that one USD buys."""
    idmap_source: str = Field(min_length=1)
    """Upload of type `idmap`; the mapping of listings to entities is read from it."""
    dense_factor_groups: dict[str, None] = {}
    """Continuous groups: every asset has a loading on every factor (market, styles)."""
    sparse_factor_groups: dict[str, None] = {}
    """Categorical groups: only non-zero loadings are uploaded (industries, estimation universe)."""
    master_id_type: str = "bayesid"
    """Id type of the listings."""
    master_id_core_type: str = "bayesid_core"
    """Id type of the entities (companies)."""
    as_of_date: dt.date
    """Only id mappings that start on or before this date are used."""
    exposure_dtype: Literal["float16", "float32"] = "float16"
    """Precision in which exposures are stored: half precision halves the panel."""

    @field_validator("as_of_date", mode="before")
    @classmethod
    def _date_of_datetime(cls, value: object) -> object:
        return value.date() if isinstance(value, dt.datetime) else value

    @model_validator(mode="after")
    def _groups_are_dense_or_sparse(self) -> Self:
        both = sorted(self.dense_factor_groups.keys() & self.sparse_factor_groups.keys())
        if both:
            raise ValueError(f"factor groups both dense and sparse: {', '.join(both)}")
        if not self.dense_factor_groups and not self.sparse_factor_groups:
            raise ValueError("name at least one factor group in dense_factor_groups or sparse_factor_groups")
        return self

    @property
    def sources(self) -> dict[str, str]:
        """Data type to the name of the upload that this dataset takes it from."""
        return {
            name.removesuffix("_source"): getattr(self, name)
            for name in type(self).model_fields
            if name.endswith("_source")
        }
