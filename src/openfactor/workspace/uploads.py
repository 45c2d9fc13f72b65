"""Uploads by data type and name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

import polars as pl

from openfactor.contract.calls import Version, Which
from openfactor.contract.files import UserFile
from openfactor.contract.refs import PinnedUpload, RowQuery
from openfactor.errors import Fault, NotFoundError
from openfactor.results import (
    MultiParserResult,
    UploadCommitResult,
    UploadDataTypeFreshness,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.settings import ColumnMapping
from openfactor.uploads import UploadStore
from openfactor.uploads.commits import COMMIT_MODES
from openfactor.uploads.preview import Preview
from openfactor.uploads.queries import VersionQueries
from openfactor.uploads.upload import Upload


class Uploads:
    """Implements `UploadCalls`."""

    def __init__(self, store: UploadStore) -> None:
        self._store = store

    # data types

    def data_types(self) -> list[str]:
        """Names, sorted."""
        return self._store.data_types()

    def describe_data_type(self, data_type: str) -> pl.DataFrame:
        """One row per column."""
        return self._store.data_type(data_type).describe()

    def example(self, data_type: str) -> pl.DataFrame:
        """Two rows that are valid."""
        return self._store.data_type(data_type).example()

    def freshness(self) -> list[UploadDataTypeFreshness]:
        """When each data type that has data got some last."""
        return self._store.freshness()

    def parsers(self, data_type: str) -> list[str]:
        """Names of the parsers, in the order in which they are tried."""
        return Preview(self._store.data_type(data_type)).parsers()

    def parser_example(self, data_type: str, parser: str) -> pl.DataFrame:
        """Two rows in the layout of a parser."""
        return Preview(self._store.data_type(data_type)).example(parser)

    def commit_modes(self) -> dict[str, str]:
        """Name of a mode to what it does."""
        return {str(mode): text for mode, text in COMMIT_MODES.items()}

    def schema(
        self,
        data_type: str,
        table: Literal["rows", "summary", "detail_summary"],
        which: Which,
    ) -> pl.DataFrame:
        """An empty frame with the columns and types of a table."""
        queries = VersionQueries(self._store.folder, self._store.data_type(data_type))
        schemas = {
            "rows": queries.schema,
            "summary": queries.summary_schema,
            "detail_summary": queries.detail_summary_schema,
        }
        return pl.DataFrame(schema=schemas[table](which))

    # uploads

    def names(self, data_type: str) -> list[str]:
        """Uploads of a data type, sorted."""
        return self._store.names(data_type)

    def require(self, data_type: str, name: str) -> None:
        """NotFoundError if there is no such upload."""
        self._store.open(data_type, name)

    def create(self, data_type: str, name: str) -> None:
        """Create an empty upload."""
        self._store.create(data_type, name)

    def delete(self, data_type: str, name: str) -> None:
        """Remove an upload with all its versions and staged tables."""
        self._store.delete(data_type, name)

    def describe(self, data_type: str, name: str) -> str:
        """One line on its version and what is staged; it never raises for what is wrong with the upload."""
        try:
            return repr(self._store.open(data_type, name))
        except NotFoundError:
            return f"<{data_type} upload {name!r}, deleted>"

    # versions

    def resolve(self, data_type: str, name: str, version: Version) -> PinnedUpload:
        """The number and content of a version."""
        table = self._open(data_type, name).queries.table(version)
        return PinnedUpload(version=table.version, content=table.content_id)

    def version_history(self, data_type: str, name: str) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending."""
        return self._open(data_type, name).queries.history()

    def last_committed_at(self, data_type: str, name: str) -> dt.datetime | None:
        """Time of the latest commit (UTC); None before the first."""
        return self._open(data_type, name).queries.last_committed_at()

    def rows(self, data_type: str, name: str, query: RowQuery) -> pl.DataFrame:
        """The rows that a query asks for.

        Raises
        ------
        NotFoundError: no such version, or the upload was deleted and another has its name. SettingsError: a
        column or filter that cannot be used.
        """
        filters: Any = query.filters or None
        version = None
        if query.version is not None:
            self._store.snapshot_of({f"{data_type}/{name}": query.version})
            version = query.version.version
        queries = self._open(data_type, name).queries
        rows = queries.rows(
            query.columns, filters=filters, unique=query.unique, head=query.head, version=version
        )
        return queries.collect(rows)

    def summary(self, data_type: str, name: str, version: Version) -> pl.DataFrame:
        """One row of counts and statistics."""
        return self._open(data_type, name).queries.summary(version)

    def detail_summary(self, data_type: str, name: str, version: Version) -> pl.DataFrame:
        """One row of counts and statistics per day, level or kind."""
        return self._open(data_type, name).queries.detail_summary(version)

    # what a table would be taken for

    def can_handle(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame,
        parser: str | None,
        file_name: str | None,
        mapping: ColumnMapping,
    ) -> MultiParserResult:
        """What each parser says of a table."""
        return self._open(data_type, name).preview.can_handle(table, parser, file_name, mapping)

    def parse(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame,
        parser: str | None,
        file_name: str | None,
        mapping: ColumnMapping,
    ) -> tuple[pl.DataFrame, UploadParserResult]:
        """A table in the columns of the data type, and the parser that took it."""
        return self._open(data_type, name).preview.parse(table, parser, file_name, mapping)

    def validate(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame,
        parser: str | None,
        file_name: str | None,
        mapping: ColumnMapping,
    ) -> tuple[pl.DataFrame, list[Fault]]:
        """The good rows of a table, and the faults of the others."""
        checked = self._open(data_type, name).preview.validate(table, parser, file_name, mapping)
        return checked.rows, list(checked.faults)

    # staging

    def stage(
        self,
        data_type: str,
        name: str,
        item: str | None,
        table: pl.DataFrame | UserFile,
        parser: str | None,
        replace: bool,
        mapping: ColumnMapping,
    ) -> UploadStagingResult:
        """Stage a table under the name `item`, or a file under that or its own name."""
        staging = self._open(data_type, name).staging
        if isinstance(table, UserFile):
            return staging.stage_path(table.path, item, parser, replace, mapping)
        return staging.stage_frame(name if item is None else item, table, parser, replace, mapping)

    def staging_results(
        self, data_type: str, name: str, items: Sequence[str] | None
    ) -> dict[str, UploadStagingResult]:
        """Staged name to its result."""
        return self._open(data_type, name).staging.results(items)

    def wipe_staging(
        self, data_type: str, name: str, items: Sequence[str] | None
    ) -> dict[str, UploadStagingResult]:
        """Remove staged tables; the results of those removed."""
        return self._open(data_type, name).staging.wipe(items)

    def staged_rows(
        self,
        data_type: str,
        name: str,
        items: Sequence[str] | None,
        columns: Sequence[str] | None,
        unique: bool,
    ) -> pl.DataFrame:
        """The staged rows, with the name of their table in `_name`."""
        return self._open(data_type, name).staging.rows(items, columns=columns, unique=unique).collect()

    def staging_summary(self, data_type: str, name: str, items: Sequence[str] | None) -> pl.DataFrame:
        """One row per staged table."""
        return self._open(data_type, name).staging.summary(items)

    def staging_detail_summary(self, data_type: str, name: str, items: Sequence[str] | None) -> pl.DataFrame:
        """One row per staged table and day, level or kind."""
        return self._open(data_type, name).staging.detail_summary(items)

    def staging_faults(
        self, data_type: str, name: str, items: Sequence[str] | None, short: bool
    ) -> dict[str, pl.DataFrame]:
        """Broken rule to its faults."""
        return self._open(data_type, name).staging.faults(items, short)

    # commits

    def commit(
        self,
        data_type: str,
        name: str,
        mode: Any,
        items: Sequence[str] | None,
        match_columns: Sequence[str] | None,
    ) -> UploadCommitResult:
        """Commit staged tables."""
        return self._open(data_type, name).commits.commit(mode, items, match_columns)

    def fast_commit(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame | UserFile,
        mode: Any,
        parser: str | None,
        match_columns: Sequence[str] | None,
        mapping: ColumnMapping,
    ) -> UploadCommitResult:
        """Commit a table or file without staging it."""
        commits = self._open(data_type, name).commits
        if isinstance(table, UserFile):
            return commits.commit_path(table.path, mode, parser, match_columns, mapping)
        return commits.commit_frame(table, mode, parser, match_columns, mapping)

    def restore(self, data_type: str, name: str, version: int | dt.datetime) -> UploadCommitResult:
        """Make the rows of an earlier version those of a new one."""
        return self._open(data_type, name).commits.restore(version)

    def _open(self, data_type: str, name: str) -> Upload:
        return self._store.open(data_type, name)
