"""A RiskDataset and settings become a universe and the columns of a model."""

from openfactor.exposures.design import Exposures, by_group, resolve, split_names
from openfactor.exposures.matrix import ExposureMatrix, exposure_frame
from openfactor.exposures.universe import Universe, members, universe_on

__all__ = [
    "ExposureMatrix",
    "Exposures",
    "Universe",
    "by_group",
    "exposure_frame",
    "members",
    "resolve",
    "split_names",
    "universe_on",
]
