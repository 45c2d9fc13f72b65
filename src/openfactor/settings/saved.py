"""Which settings can be saved."""

from __future__ import annotations

from openfactor.settings.exposures import ExposureSettings
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings
from openfactor.settings.universe import (
    CalendarSettings,
    PortfolioOrganizerSettings,
    UniverseSettings,
)
from openfactor.settings.values import Settings

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
