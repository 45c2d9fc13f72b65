"""What a user can ask for: frozen values, one file a stage."""

from openfactor.settings.classification import hierarchy_and_memberships
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    HierarchyGroups,
    HierarchyLevel,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    RollingBetaSettings,
    RollingHuberBetaSettings,
    TimeSeriesBetaExposureGroupSettings,
)
from openfactor.settings.forecasts import (
    BayesianVolSettings,
    EigenfactorSettings,
    FactorCovarianceSettings,
    IdioVolSettings,
    PcaCorrelationSettings,
    RiskForecastSettings,
    StructuralVolSettings,
)
from openfactor.settings.hierarchies import (
    Hierarchy,
    Tree,
    hierarchy_df_to_wide,
    hierarchy_from_df,
    hierarchy_to_df,
)
from openfactor.settings.mapping import ColumnMapping
from openfactor.settings.menus import BuildReport, RiskDatasetProperties
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings, ModelMode
from openfactor.settings.provenance import DataVersion
from openfactor.settings.quality import DataQualitySettings
from openfactor.settings.riskdataset import (
    AnyRiskDatasetSettings,
    DerivedRiskDatasetSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
    RootRiskDatasetSettings,
)
from openfactor.settings.saved import DatasetStatus, SavedSettings
from openfactor.settings.universe import (
    CalendarSettings,
    CategoricalFilterSettings,
    MCapFilterSettings,
    PortfolioOrganizerSettings,
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
    "AnyRiskDatasetSettings",
    "BayesianVolSettings",
    "BuildReport",
    "CalendarSettings",
    "CategoricalExposureGroupSettings",
    "CategoricalFilterSettings",
    "ColumnMapping",
    "ContinuousExposureGroupSettings",
    "DataQualitySettings",
    "DataVersion",
    "DatasetSettings",
    "DatasetStatus",
    "DerivedRiskDatasetSettings",
    "EigenfactorSettings",
    "ExposureSettings",
    "FactorCovarianceSettings",
    "FactorRiskModelSettings",
    "Hierarchy",
    "HierarchyGroups",
    "HierarchyLevel",
    "IdioVolSettings",
    "InlineUploadedExposureGroupSettings",
    "InteractionExposureGroupSettings",
    "MCapFilterSettings",
    "ModelConstructionSettings",
    "ModelMode",
    "MultiParserResult",
    "PcaCorrelationSettings",
    "PortfolioOrganizerSettings",
    "RiskDatasetHuberRegressionExposureSettings",
    "RiskDatasetProperties",
    "RiskDatasetReferencedExposureSettings",
    "RiskDatasetUnitExposureSettings",
    "RiskDatasetUploadedExposureSettings",
    "RiskForecastSettings",
    "RollingBetaSettings",
    "RollingHuberBetaSettings",
    "RootRiskDatasetSettings",
    "SavedSettings",
    "Settings",
    "StructuralVolSettings",
    "TimeSeriesBetaExposureGroupSettings",
    "Tree",
    "UniverseSettings",
    "UploadCommitResult",
    "UploadDataTypeFreshness",
    "UploadParserResult",
    "UploadStagingResult",
    "hierarchy_and_memberships",
    "hierarchy_df_to_wide",
    "hierarchy_from_df",
    "hierarchy_to_df",
]
