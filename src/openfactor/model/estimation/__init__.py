"""Exposures and settings become Estimates: one regression a trading day and stage."""

from openfactor.model.estimation.design import columns_of, estimation_set
from openfactor.model.estimation.estimate import estimate
from openfactor.model.estimation.estimates import Estimates, Piece, RowValues
from openfactor.model.estimation.extend import extend

__all__ = [
    "Estimates",
    "Piece",
    "RowValues",
    "columns_of",
    "estimate",
    "estimation_set",
    "extend",
]
