"""A user's tables: their types, how they are read and checked, and their versions."""

from openfactor.uploads.commits import COMMIT_MODES
from openfactor.uploads.names import check_name
from openfactor.uploads.schema import DataType
from openfactor.uploads.snapshot import UploadSnapshot
from openfactor.uploads.storage.repair import CommitMode
from openfactor.uploads.store import UploadStore, check_folder
from openfactor.uploads.types import DATA_TYPES
from openfactor.uploads.upload import Upload

__all__ = [
    "COMMIT_MODES",
    "DATA_TYPES",
    "CommitMode",
    "DataType",
    "Upload",
    "UploadSnapshot",
    "UploadStore",
    "check_folder",
    "check_name",
]
