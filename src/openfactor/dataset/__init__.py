"""Upload versions and settings become a RiskDataset: the panel, its calendar and its identifiers."""

from openfactor.dataset.build import build
from openfactor.dataset.derived import derive
from openfactor.dataset.panel import Panel, SparseGroup
from openfactor.dataset.parts import Parts
from openfactor.dataset.riskdataset import RiskDataset

__all__ = ["Panel", "Parts", "RiskDataset", "SparseGroup", "build", "derive"]
