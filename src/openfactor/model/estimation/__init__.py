"""Exposures and settings become Estimates: one regression a trading day and stage."""

from openfactor.model.estimation.estimate import estimate
from openfactor.model.estimation.estimates import Estimates, Piece, RowValues
from openfactor.model.estimation.extend import extend
from openfactor.model.estimation.inputs import Inputs

__all__ = [
    "Estimates",
    "Inputs",
    "Piece",
    "RowValues",
    "estimate",
    "extend",
]
