"""What openfactor answers: frozen values, one file per subject. Settings are in `openfactor.settings`."""

from openfactor.results.maintenance import BackupReport, CheckReport, Damage, PruneReport
from openfactor.results.provenance import DataVersion
from openfactor.results.quality import CoverageLine, Example, Finding, Freshness, Severity
from openfactor.results.riskdatasets import BuildReport, DatasetStatus, RiskDatasetProperties
from openfactor.results.saved import SavedSettings
from openfactor.results.uploads import (
    MultiParserResult,
    UploadCommitResult,
    UploadDataTypeFreshness,
    UploadParserResult,
    UploadStagingResult,
)

__all__ = [
    "BackupReport",
    "BuildReport",
    "CheckReport",
    "CoverageLine",
    "Damage",
    "DataVersion",
    "DatasetStatus",
    "Example",
    "Finding",
    "Freshness",
    "MultiParserResult",
    "PruneReport",
    "RiskDatasetProperties",
    "SavedSettings",
    "Severity",
    "UploadCommitResult",
    "UploadDataTypeFreshness",
    "UploadParserResult",
    "UploadStagingResult",
]
