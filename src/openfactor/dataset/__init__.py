"""Upload versions and settings become a RiskDataset: the panel, its calendar and its identifiers."""

from openfactor.dataset.build import build
from openfactor.dataset.derived import derive
from openfactor.dataset.describe import describe
from openfactor.dataset.panel import Panel, RiskDataset, SparseGroup
from openfactor.dataset.parts import Parts

__all__ = ["Panel", "Parts", "RiskDataset", "SparseGroup", "build", "derive", "describe"]
