"""A RiskDataset and settings become a universe and the columns of a model."""

from openfactor.exposures.columns import CrossSection
from openfactor.exposures.design import Exposures, by_group, resolve
from openfactor.exposures.matrix import ExposureMatrix, exposure_frame
from openfactor.exposures.universe import Universe, companies, members, universe_on

__all__ = [
    "CrossSection",
    "ExposureMatrix",
    "Exposures",
    "Universe",
    "by_group",
    "companies",
    "exposure_frame",
    "members",
    "resolve",
    "universe_on",
]
