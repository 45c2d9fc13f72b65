"""Exposures and settings become Estimates: one regression per trading day and stage."""

from openfactor.model.estimation.daily_regressions import estimate
from openfactor.model.estimation.estimates import Estimates, EstimatesRun
from openfactor.model.estimation.extension import days_kept, extend
from openfactor.model.estimation.inputs import Inputs

__all__ = [
    "Estimates",
    "EstimatesRun",
    "Inputs",
    "days_kept",
    "estimate",
    "extend",
]
