"""What has a name, in a database."""

from openfactor.database.contents import Contents, MadeContent
from openfactor.database.entries import COLUMN_MAPPING, REPLACE, RISK_DATASET, Entry, kind_name
from openfactor.database.refusals import DamagedDatabaseError
from openfactor.database.registry import Entries, EntryChangedError, Registry

__all__ = [
    "COLUMN_MAPPING",
    "REPLACE",
    "RISK_DATASET",
    "Contents",
    "DamagedDatabaseError",
    "Entries",
    "Entry",
    "EntryChangedError",
    "MadeContent",
    "Registry",
    "kind_name",
]
