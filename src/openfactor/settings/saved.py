"""Which settings can be saved, and their union, told apart by `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag, TypeAdapter

from openfactor.settings.exposures import ExposureSettings
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings
from openfactor.settings.universe import CalendarSettings, PortfolioOrganizerSettings, UniverseSettings
from openfactor.settings.values import DatasetSettings, Settings

KINDS: dict[str, type[Settings]] = {
    settings.settings_kind: settings
    for settings in (
        CalendarSettings,
        ExposureSettings,
        FactorRiskModelSettings,
        ModelConstructionSettings,
        PortfolioOrganizerSettings,
        UniverseSettings,
    )
}
"""The settings that can be saved, by kind."""


def _kind_of(bound: Any) -> Any:
    return bound.get("kind") if isinstance(bound, Mapping) else getattr(bound, "kind", None)


if TYPE_CHECKING:
    AnyDatasetSettings = DatasetSettings[Any]
else:
    AnyDatasetSettings = Annotated[
        Annotated[DatasetSettings[CalendarSettings], Tag(CalendarSettings.settings_kind)]
        | Annotated[DatasetSettings[ExposureSettings], Tag(ExposureSettings.settings_kind)]
        | Annotated[DatasetSettings[FactorRiskModelSettings], Tag(FactorRiskModelSettings.settings_kind)]
        | Annotated[DatasetSettings[ModelConstructionSettings], Tag(ModelConstructionSettings.settings_kind)]
        | Annotated[
            DatasetSettings[PortfolioOrganizerSettings], Tag(PortfolioOrganizerSettings.settings_kind)
        ]
        | Annotated[DatasetSettings[UniverseSettings], Tag(UniverseSettings.settings_kind)],
        Discriminator(
            _kind_of,
            custom_error_type="unknown_kind",
            custom_error_message=f"`kind` must be one of {', '.join(KINDS)}",
        ),
    ]
    """Settings of any kind that can be saved, bound to a dataset."""


@cache
def _adapter() -> TypeAdapter[DatasetSettings[Any]]:
    return TypeAdapter(AnyDatasetSettings)


def bound_by_kind(data: Mapping[str, Any]) -> DatasetSettings[Any]:
    """Bound settings from a mapping, of the class that its `kind` names; else pydantic.ValidationError."""
    return _adapter().validate_python(data)
