"""Exposures and settings become Estimates: one regression per trading day and stage."""

from openfactor.model.estimation.daily_regressions import estimate
from openfactor.model.estimation.estimates import Estimates, Piece, RowValues
from openfactor.model.estimation.extension import days_kept, extend
from openfactor.model.estimation.inputs import Inputs

__all__ = [
    "Estimates",
    "Inputs",
    "Piece",
    "RowValues",
    "days_kept",
    "estimate",
    "extend",
]
