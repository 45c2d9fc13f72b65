"""Exposures become a risk model: estimation, one date at a time."""

from openfactor.model.estimation import Estimates, estimate
from openfactor.model.riskmodel import RiskModel

__all__ = ["Estimates", "RiskModel", "estimate"]
