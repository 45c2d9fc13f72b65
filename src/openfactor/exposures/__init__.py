"""A RiskDataset and settings become a universe and the columns of a model."""

from openfactor.exposures.columns import CrossSection
from openfactor.exposures.design import Exposures, by_group, resolve
from openfactor.exposures.exposure_frames import exposure_frame
from openfactor.exposures.matrix import ExposureMatrix
from openfactor.exposures.membership import Membership, companies, members, membership_on
from openfactor.exposures.universe import Universe, universe_on

__all__ = [
    "CrossSection",
    "ExposureMatrix",
    "Exposures",
    "Membership",
    "Universe",
    "by_group",
    "companies",
    "exposure_frame",
    "members",
    "membership_on",
    "resolve",
    "universe_on",
]
