"""Exposures and settings become Estimates: one regression a trading day and stage."""

from openfactor.model.estimation.design import Regression, columns_of, estimation_set, regression_of
from openfactor.model.estimation.estimate import estimate
from openfactor.model.estimation.estimates import Estimates

__all__ = ["Estimates", "Regression", "columns_of", "estimate", "estimation_set", "regression_of"]
