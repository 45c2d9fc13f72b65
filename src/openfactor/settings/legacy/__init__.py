"""The older dialects of the settings, which only translate to the current one.

Two dialects share these names. In the first, market, styles, industries, regions and others were kinds of
their own: `UniverseSettings(industry=IndustrySettings(...))`, `ExposureSettings(industries=...)`. In the
second they had become groups, as today, but settings named their dataset: `UniverseSettings(dataset=...)`.
Names that did not change are those of `openfactor.settings`.

A group of a dataset no longer has such a kind. The market is the group "market", or else the only continuous
group with a single factor; every other continuous group holds styles.
"""

from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    RollingBetaSettings,
    RollingHuberBetaSettings,
    TimeSeriesBetaExposureGroupSettings,
)
from openfactor.settings.legacy.datasets import (
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
)
from openfactor.settings.legacy.models import (
    ExposureSettings,
    FactorRiskModelSettings,
    HierarchyGroups,
    HierarchyLevel,
    ModelConstructionSettings,
)
from openfactor.settings.legacy.universe import (
    CalendarSettings,
    IndustrySettings,
    MCapSettings,
    RegionSettings,
    UniverseSettings,
)
from openfactor.settings.riskdataset import DerivedRiskDatasetSettings, RootRiskDatasetSettings
from openfactor.settings.universe import (
    CategoricalFilterSettings,
    MCapFilterSettings,
    PortfolioOrganizerSettings,
)

__all__ = [
    "CalendarSettings",
    "CategoricalExposureGroupSettings",
    "CategoricalFilterSettings",
    "ContinuousExposureGroupSettings",
    "DerivedRiskDatasetSettings",
    "ExposureSettings",
    "FactorRiskModelSettings",
    "HierarchyGroups",
    "HierarchyLevel",
    "IndustrySettings",
    "InlineUploadedExposureGroupSettings",
    "InteractionExposureGroupSettings",
    "MCapFilterSettings",
    "MCapSettings",
    "ModelConstructionSettings",
    "PortfolioOrganizerSettings",
    "RegionSettings",
    "RiskDatasetHuberRegressionExposureSettings",
    "RiskDatasetReferencedExposureSettings",
    "RiskDatasetSettings",
    "RiskDatasetUnitExposureSettings",
    "RiskDatasetUploadedExposureSettings",
    "RollingBetaSettings",
    "RollingHuberBetaSettings",
    "RootRiskDatasetSettings",
    "TimeSeriesBetaExposureGroupSettings",
    "UniverseSettings",
]
