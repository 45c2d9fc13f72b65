"""What has a name, in a database."""

from openfactor.database.registry import COLUMN_MAPPING, RISK_DATASET, Entry, Registry, problems_of, taken

__all__ = ["COLUMN_MAPPING", "RISK_DATASET", "Entry", "Registry", "problems_of", "taken"]
