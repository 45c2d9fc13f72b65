"""A RiskDataset and settings become a universe and the columns of a model."""

from openfactor.exposures.columns import ReferenceMasks
from openfactor.exposures.counts import universe_counts
from openfactor.exposures.exposure_frames import (
    ExposureInputs,
    exposure_coverage,
    exposure_factors,
    exposure_frame,
    exposures_of_universe,
)
from openfactor.exposures.factor_columns import ExposureArrays, FactorColumns, by_group
from openfactor.exposures.membership import Membership, company_rows, members, membership_on
from openfactor.exposures.resolution import resolve
from openfactor.exposures.universe_frames import universe_coverage, universe_frame

__all__ = [
    "ExposureArrays",
    "ExposureInputs",
    "FactorColumns",
    "Membership",
    "ReferenceMasks",
    "by_group",
    "company_rows",
    "exposure_coverage",
    "exposure_factors",
    "exposure_frame",
    "exposures_of_universe",
    "members",
    "membership_on",
    "resolve",
    "universe_counts",
    "universe_coverage",
    "universe_frame",
]
