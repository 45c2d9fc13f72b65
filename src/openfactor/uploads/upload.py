"""One upload: the parts that read, preview, stage and commit its tables."""

from __future__ import annotations

from pathlib import Path

from openfactor.context import Context
from openfactor.errors import StorageError
from openfactor.processes import EngineObject
from openfactor.uploads.commits import Commits
from openfactor.uploads.preview import Preview
from openfactor.uploads.queries import VersionQueries
from openfactor.uploads.reading import TableReader
from openfactor.uploads.schema import DataType
from openfactor.uploads.staging import Staging
from openfactor.uploads.storage.staging_area import StagingArea


class Upload(EngineObject):
    """A versioned table of one data type, with a staging area.

    Version 0 has no rows; every commit that changes something adds a version. No version ever changes.
    """

    def __init__(self, folder: Path, data_type: DataType, context: Context) -> None:
        self._folder = folder
        area, reader = StagingArea(folder), TableReader(data_type, context)
        self.queries = VersionQueries(folder, data_type)
        self.preview = Preview(data_type)
        self.staging = Staging(area, reader, self.queries)
        self.commits = Commits(area, reader, self.queries)

    def __repr__(self) -> str:
        staged = len(self.staging.area.names())
        try:
            version = f"version {self.queries.table().version}"
        except StorageError:
            version = "damaged"
        upload = f"{self.queries.data_type.name} upload {self._folder.name!r}"
        return f"<{upload}, {version}{f', {staged} staged' if staged else ''}>"
