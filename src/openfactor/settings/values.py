"""What all settings share: frozen values that refuse unknown fields."""

from __future__ import annotations

from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A frozen value. Equal settings have equal JSON, hence one fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def with_dataset(self, dataset: str) -> DatasetSettings[Self]:
        """These settings, bound to the risk dataset on which they are to be used."""
        return DatasetSettings(dataset=dataset, setting=self)


S = TypeVar("S", bound=Settings)


class DatasetSettings(BaseModel, Generic[S]):
    """Settings bound to a risk dataset by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dataset: str = Field(min_length=1)
    """Name of the risk dataset."""
    setting: S
    """The settings to use on it."""
