"""`client.equity.uploaders`: data types, their uploads, and what can be done with one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import polars as pl

from openfactor.errors import NotFoundError
from openfactor.service.protocol import Workspace


class UploadCommitResult(NamedTuple):
    """What a commit gives."""

    version: int


def as_polars(df: Any) -> pl.DataFrame:
    """A frame of polars, pandas or pyarrow; what pandas holds as NaN is empty."""
    if isinstance(df, pl.LazyFrame):
        return df.collect()
    if isinstance(df, pl.DataFrame):
        return df
    if type(df).__module__.partition(".")[0] == "pandas":
        return pl.from_pandas(df)
    return pl.DataFrame(df)


class Upload:
    """One upload: a versioned table of a data type."""

    def __init__(self, workspace: Workspace, data_type: str, name: str) -> None:
        self._workspace = workspace
        self.data_type = data_type
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.data_type} upload {self.name!r}, version {max(self.version_history())}>"

    def fast_commit(self, df: Any, mode: Literal["append", "overwrite"] = "append") -> UploadCommitResult:
        """Validate and store a frame (polars, pandas or pyarrow) as the next version.

        `overwrite` replaces everything; `append` adds the rows whose key is not there yet.

        Raises
        ------
        DataError: with every fault of the frame; the upload stays as it was.
        """
        return UploadCommitResult(
            self._workspace.commit_upload(self.data_type, self.name, as_polars(df), mode)
        )

    def get_data(
        self,
        columns: Sequence[str] | None = None,
        *,
        unique: bool = False,
        head: int | None = None,
        version: int | None = None,
    ) -> pl.LazyFrame:
        """The rows of a version, by default the latest; `collect()` reads them. The order is not promised.

        Raises
        ------
        NotFoundError: no such version.
        """
        rows = self._workspace.upload_rows(self.data_type, self.name, version)
        if columns is not None:
            rows = rows.select(columns)
        if unique:
            rows = rows.unique()
        return rows if head is None else rows.head(head)

    def version_history(self) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC); version 0 is empty."""
        return self._workspace.upload_history(self.data_type, self.name)

    def destroy(self) -> None:
        """Delete the upload with all its versions."""
        self._workspace.delete_upload(self.data_type, self.name)


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

    def get_datasets(self) -> list[str]:
        """Names, sorted."""
        return self._workspace.upload_names(self.data_type)

    def get_dataset(self, name: str) -> Upload:
        """An upload that is there; else NotFoundError."""
        if name not in self:
            raise NotFoundError.of(f"{self.data_type} upload", name, self.get_datasets())
        return Upload(self._workspace, self.data_type, name)

    def create_dataset(self, name: str) -> Upload:
        """A new, empty upload; ConflictError when the name is taken."""
        self._workspace.create_upload(self.data_type, name)
        return Upload(self._workspace, self.data_type, name)

    def get_or_create_dataset(self, name: str) -> Upload:
        """The upload of that name, created when it is not there."""
        return self.get_dataset(name) if name in self else self.create_dataset(name)

    def create_or_replace_dataset(self, name: str) -> Upload:
        """A new, empty upload; one of that name is deleted first, with all its versions."""
        if name in self:
            self._workspace.delete_upload(self.data_type, name)
        return self.create_dataset(name)


class Uploaders:
    """The data types that can be uploaded."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __repr__(self) -> str:
        return f"<uploaders: {', '.join(self.get_data_types())}>"

    def __getitem__(self, data_type: str) -> DataTypeUploads:
        return self.get_data_type(data_type)

    def get_data_types(self) -> list[str]:
        """Names, sorted."""
        return self._workspace.data_types()

    def get_data_type(self, data_type: str) -> DataTypeUploads:
        """The uploads of a data type; NotFoundError for an unknown one."""
        if data_type not in self.get_data_types():
            raise NotFoundError.of("data type", data_type, self.get_data_types())
        return DataTypeUploads(self._workspace, data_type)
