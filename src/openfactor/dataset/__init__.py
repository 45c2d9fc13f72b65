"""Upload versions and settings become a RiskDataset: the panel, its calendar and its identifiers."""

from openfactor.dataset.derived import derive
from openfactor.dataset.panel import Panel, SparseGroup
from openfactor.dataset.reuse import GroupReuse
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.root import build

__all__ = ["GroupReuse", "Panel", "RiskDataset", "SparseGroup", "build", "derive"]
