"""Upload versions and settings become a RiskDataset: the panel, its calendar and its identifiers."""

from openfactor.dataset.columns import SparseGroup
from openfactor.dataset.derived import derive
from openfactor.dataset.panel import Panel, PanelRun
from openfactor.dataset.reuse import GroupReuse
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.root import build

__all__ = ["GroupReuse", "Panel", "PanelRun", "RiskDataset", "SparseGroup", "build", "derive"]
