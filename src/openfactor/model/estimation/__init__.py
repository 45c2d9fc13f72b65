"""Exposures and settings become Estimates: one regression a trading day and stage."""

from openfactor.model.estimation.design import Regression, columns_of, estimation_set, regression_of
from openfactor.model.estimation.estimate import estimate
from openfactor.model.estimation.estimates import Estimates, Piece, RowValues
from openfactor.model.estimation.extend import extend

__all__ = [
    "Estimates",
    "Piece",
    "Regression",
    "RowValues",
    "columns_of",
    "estimate",
    "estimation_set",
    "extend",
    "regression_of",
]
