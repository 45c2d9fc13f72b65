"""What the registry tells about saved settings and risk datasets."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from openfactor.settings.exposures import ExposureSettings
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings
from openfactor.settings.universe import (
    CalendarSettings,
    PortfolioOrganizerSettings,
    UniverseSettings,
)
from openfactor.settings.values import DatasetSettings, Settings, Value

KINDS: dict[str, type[Settings]] = {
    kind.__name__: kind
    for kind in (
        CalendarSettings,
        ExposureSettings,
        FactorRiskModelSettings,
        ModelConstructionSettings,
        PortfolioOrganizerSettings,
        UniverseSettings,
    )
}
"""The kinds of settings that can be saved."""

DatasetStatus = Literal["ready", "data_stale", "needs_update", "not_ready", "corrupt"]
"""ready: up to date. data_stale: usable, but an upload or the reference has newer data, or is gone.
needs_update: nothing is built. not_ready: the reference dataset cannot be used. corrupt: the settings or the
stored data are damaged."""


class SavedSettings(Value):
    """Settings that are kept under a name."""

    id: int
    """Unique over all kinds."""
    kind: str
    """The class of the settings."""
    name: str
    value: DatasetSettings[Any] | None
    """The settings and their dataset; None if they are not valid any more."""
    issues: list[str]
    """Why they are not valid: references and names that are not there any more."""
    raw_json: dict[str, Any]
    """What is stored."""
    description: str | None
    created_on: dt.datetime
    last_updated_on: dt.datetime
