"""How the files of two versions differ."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from openfactor.uploads.storage.data_files import DataFile


@dataclass(frozen=True)
class FileChanges:
    """How the files of two versions differ."""

    first_day: dt.date | None
    last_day: dt.date | None
    """Days outside of these have the same rows in both; None if rows are not dated."""
    added: list[DataFile]
    """Files of the later version alone."""
    removed: list[DataFile]
    """Files of the earlier version alone."""
