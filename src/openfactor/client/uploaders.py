"""`client.equity.uploaders`: data types and their uploads, by name."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from openfactor.client.mappings import MappingRegistry
from openfactor.client.upload import Upload
from openfactor.contract.calls import Workspace
from openfactor.errors import ConflictError, NotFoundError
from openfactor.results import UploadDataTypeFreshness

if TYPE_CHECKING:  # uploads are not loaded before they are used
    import polars as pl


class DataTypeUploads:
    """The uploads of one data type."""

    def __init__(self, workspace: Workspace, data_type: str) -> None:
        self._workspace = workspace
        self.data_type = data_type

    def __repr__(self) -> str:
        return f"<{self.data_type} uploads: {', '.join(self.get_datasets()) or 'none yet'}>"

    def __getitem__(self, name: str) -> Upload:
        return self.get_dataset(name)

    def __contains__(self, name: str) -> bool:
        return name in self.get_datasets()

    def describe(self) -> pl.DataFrame:
        """One row per column: its type, whether it is in the key or may be empty, other names, meaning."""
        return self._workspace.uploads.describe_data_type(self.data_type)

    def example(self) -> pl.DataFrame:
        """Two rows that are valid."""
        return self._workspace.uploads.example(self.data_type)

    def get_datasets(self) -> list[str]:
        """Names, sorted."""
        return self._workspace.uploads.names(self.data_type)

    def get_dataset(self, name: str) -> Upload:
        """An upload that exists; else NotFoundError."""
        self._workspace.uploads.require(self.data_type, name)
        return Upload(self._workspace, self.data_type, name)

    def create_dataset(self, name: str) -> Upload:
        """A new, empty upload; ConflictError when the name is taken."""
        self._workspace.uploads.create(self.data_type, name)
        return Upload(self._workspace, self.data_type, name)

    def get_or_create_dataset(self, name: str) -> Upload:
        """The upload of that name, created if it does not exist."""
        while True:  # others may create or delete it meanwhile
            with suppress(NotFoundError):
                return self.get_dataset(name)
            with suppress(ConflictError):
                return self.create_dataset(name)

    def create_or_replace_dataset(self, name: str) -> Upload:
        """A new, empty upload; one of that name is deleted first, with all its versions."""
        while True:  # others may create or delete it meanwhile
            with suppress(NotFoundError):
                self._workspace.uploads.delete(self.data_type, name)
            with suppress(ConflictError):
                return self.create_dataset(name)


class Uploaders:
    """The data types that can be uploaded."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.mappings = MappingRegistry(workspace)
        """Mappings of columns that are kept by name."""

    def __repr__(self) -> str:
        return f"<uploaders: {', '.join(self.get_data_types())}>"

    def __getitem__(self, data_type: str) -> DataTypeUploads:
        return self.get_data_type(data_type)

    def __contains__(self, data_type: str) -> bool:
        return data_type in self.get_data_types()

    def get_data_types(self) -> list[str]:
        """Names, sorted."""
        return self._workspace.uploads.data_types()

    def get_data_type(self, data_type: str) -> DataTypeUploads:
        """The uploads of a data type; NotFoundError for an unknown one."""
        if data_type not in self:
            raise NotFoundError.of("data type", data_type, self.get_data_types())
        return DataTypeUploads(self._workspace, data_type)

    def get_freshness(self) -> list[UploadDataTypeFreshness]:
        """For each data type that has data, when any of its uploads got some last (UTC)."""
        return self._workspace.uploads.freshness()
