"""Exposures and settings become Estimates: one regression a trading day."""

from openfactor.model.estimation.estimate import columns_of, estimate, sets_of
from openfactor.model.estimation.estimates import Estimates

__all__ = ["Estimates", "columns_of", "estimate", "sets_of"]
