"""A RiskDataset and settings become a universe and the columns of a model."""

from openfactor.exposures.design import Exposures, resolve
from openfactor.exposures.universe import Universe, members

__all__ = ["Exposures", "Universe", "members", "resolve"]
