"""A user's tables: their schemas, their validation and their versions."""

from openfactor.uploads.store import COMMIT_MODES, CommitMode, UploadStore, check_name
from openfactor.uploads.types import DATA_TYPES

__all__ = ["COMMIT_MODES", "DATA_TYPES", "CommitMode", "UploadStore", "check_name"]
