"""What has a name, in a database."""

from openfactor.database.contents import Contents, MadeContent
from openfactor.database.registry import COLUMN_MAPPING, RISK_DATASET, Entry, Registry, problems_of, taken

__all__ = [
    "COLUMN_MAPPING",
    "RISK_DATASET",
    "Contents",
    "Entry",
    "MadeContent",
    "Registry",
    "problems_of",
    "taken",
]
