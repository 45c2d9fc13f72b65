"""The kinds of entries, by the class of their settings."""

from __future__ import annotations

from typing import Any

from openfactor.dataset.entries.entry import Derivation, Entry
from openfactor.dataset.entries.huber_regression import HuberRegressionEntry
from openfactor.dataset.entries.referenced import ReferencedEntry
from openfactor.dataset.entries.unit import UnitEntry
from openfactor.dataset.entries.uploaded import UploadedEntry
from openfactor.settings.riskdataset import (
    DatasetExposureSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
)

ENTRY_KINDS: dict[type, type[Entry[Any]]] = {
    RiskDatasetReferencedExposureSettings: ReferencedEntry,
    RiskDatasetUploadedExposureSettings: UploadedEntry,
    RiskDatasetUnitExposureSettings: UnitEntry,
    RiskDatasetHuberRegressionExposureSettings: HuberRegressionEntry,
}


def entry_of(settings: DatasetExposureSettings, derivation: Derivation) -> Entry[Any]:
    """The entry with these settings."""
    return ENTRY_KINDS[type(settings)](settings, derivation)
