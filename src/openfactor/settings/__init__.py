"""What a user can ask for: frozen values, one file a stage."""

from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
)
from openfactor.settings.menus import BuildReport, RiskDatasetProperties
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings
from openfactor.settings.riskdataset import RootRiskDatasetSettings
from openfactor.settings.universe import (
    CalendarSettings,
    CategoricalFilterSettings,
    MCapFilterSettings,
    UniverseSettings,
)
from openfactor.settings.uploads import (
    MultiParserResult,
    UploadCommitResult,
    UploadDataTypeFreshness,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.settings.values import DatasetSettings, Settings

__all__ = [
    "BuildReport",
    "CalendarSettings",
    "CategoricalExposureGroupSettings",
    "CategoricalFilterSettings",
    "ContinuousExposureGroupSettings",
    "DatasetSettings",
    "ExposureSettings",
    "FactorRiskModelSettings",
    "MCapFilterSettings",
    "ModelConstructionSettings",
    "MultiParserResult",
    "RiskDatasetProperties",
    "RootRiskDatasetSettings",
    "Settings",
    "UniverseSettings",
    "UploadCommitResult",
    "UploadDataTypeFreshness",
    "UploadParserResult",
    "UploadStagingResult",
]
