"""Everything a user can ask for: frozen values, one file per stage."""

from openfactor.settings.classification import hierarchy_and_memberships
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
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
from openfactor.settings.groupings import HierarchyGroups, HierarchyLevel
from openfactor.settings.hierarchies import (
    Hierarchy,
    Tree,
    hierarchy_df_to_wide,
    hierarchy_from_df,
    hierarchy_to_df,
)
from openfactor.settings.mapping import ColumnMapping
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings, ModelMode
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
from openfactor.settings.universe import (
    CalendarSettings,
    CategoricalFilterSettings,
    MCapFilterSettings,
    PortfolioOrganizerSettings,
    UniverseSettings,
)
from openfactor.settings.values import DatasetSettings, Settings

__all__ = [
    "AnyRiskDatasetSettings",
    "BayesianVolSettings",
    "CalendarSettings",
    "CategoricalExposureGroupSettings",
    "CategoricalFilterSettings",
    "ColumnMapping",
    "ContinuousExposureGroupSettings",
    "DataQualitySettings",
    "DatasetSettings",
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
    "PcaCorrelationSettings",
    "PortfolioOrganizerSettings",
    "RiskDatasetHuberRegressionExposureSettings",
    "RiskDatasetReferencedExposureSettings",
    "RiskDatasetUnitExposureSettings",
    "RiskDatasetUploadedExposureSettings",
    "RiskForecastSettings",
    "RollingBetaSettings",
    "RollingHuberBetaSettings",
    "RootRiskDatasetSettings",
    "Settings",
    "StructuralVolSettings",
    "TimeSeriesBetaExposureGroupSettings",
    "Tree",
    "UniverseSettings",
    "hierarchy_and_memberships",
    "hierarchy_df_to_wide",
    "hierarchy_from_df",
    "hierarchy_to_df",
]
