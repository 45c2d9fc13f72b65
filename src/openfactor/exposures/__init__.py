"""A RiskDataset and settings become a universe and the columns of a model."""

from openfactor.exposures.columns import ReferenceMasks
from openfactor.exposures.counts import universe_counts
from openfactor.exposures.design import FactorColumns, by_group, resolve
from openfactor.exposures.exposure_frames import (
    ExposureInputs,
    exposure_coverage,
    exposure_factors,
    exposure_frame,
    exposures_of_universe,
)
from openfactor.exposures.membership import Membership, companies, members, membership_on
from openfactor.exposures.universe_frames import universe_coverage, universe_frame

__all__ = [
    "ExposureInputs",
    "FactorColumns",
    "Membership",
    "ReferenceMasks",
    "by_group",
    "companies",
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
