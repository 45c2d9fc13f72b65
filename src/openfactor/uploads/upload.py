"""One upload: from a user's table to the next version of it."""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from openfactor.context import Context
from openfactor.errors import StorageError
from openfactor.frames import as_table
from openfactor.processes import EngineObject
from openfactor.results import (
    MultiParserResult,
    UploadCommitResult,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.results.validation import Validation
from openfactor.settings import ColumnMapping
from openfactor.uploads.commits import COMMIT_MODES, Commits
from openfactor.uploads.filters import Filters
from openfactor.uploads.mappings import AnyMapping, Constants, Mappings
from openfactor.uploads.preview import Preview
from openfactor.uploads.queries import Version, VersionQueries, Which
from openfactor.uploads.reading import TableReader
from openfactor.uploads.schema import DataType
from openfactor.uploads.staging import Staging
from openfactor.uploads.storage.merging import CommitMode
from openfactor.uploads.storage.staging_area import StagingArea


class Upload(EngineObject):
    """A versioned table of one data type, with a staging area beside it.

    Version 0 has no rows; every commit that changes something adds a version. No version ever changes.

    The parts do the work, and take values only: frames of `openfactor.frames.as_table`, paths,
    `ColumnMapping`s. The methods here take what users have: frames of any library, mappings by name.
    """

    def __init__(
        self,
        folder: Path,
        data_type: DataType,
        *,
        context: Context | None = None,
        mappings: Mappings | None = None,
    ) -> None:
        self.name = folder.name
        self.data_type = data_type.name
        self._folder = folder
        self._mappings = mappings or Mappings()
        area, reader = StagingArea(folder), TableReader(data_type, context or Context())
        self.queries = VersionQueries(folder, data_type)
        self.preview = Preview(data_type)
        self.staging = Staging(area, reader, self.queries)
        self.commits = Commits(area, reader, self.queries)

    def __repr__(self) -> str:
        staged = len(self.staging.area.names())
        try:
            version = f"version {self.version}"
        except StorageError:
            version = "damaged"
        return f"<{self.data_type} upload {self.name!r}, {version}{f', {staged} staged' if staged else ''}>"

    # versions

    @property
    def version(self) -> int:
        """The latest version."""
        return self.queries.table().version

    @property
    def identity(self) -> str:
        """Names the rows of the latest version for ever."""
        return self.queries.table().identity

    def version_history(self) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending; version 0 is the creation."""
        return self.queries.history()

    def last_committed_at(self) -> dt.datetime | None:
        """Time of the latest commit (UTC); None before the first."""
        return self.queries.last_committed_at()

    def get_data(
        self,
        columns: Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        unique: bool = False,
        head: int | None = None,
        version: Version | None = None,
    ) -> pl.LazyFrame:
        """The rows of a version; `collect()` reads them. The order is not promised.

        Parameters
        ----------
        columns
            By default all.
        filters
            `[("ccy", "=", "EUR"), ("date", ">=", "2024-01-01")]`, all of which must hold, or a list of such
            lists, one of which must hold.
        unique
            Drop repeated rows.
        head
            Number of rows, by default all.
        version
            A number, or the time (of this machine, unless it has a zone) at which it was the latest.

        Raises
        ------
        NotFoundError
            There is no such version.
        SettingsError
            A column or filter cannot be used.
        """
        return self.queries.rows(columns, filters=filters, unique=unique, head=head, version=version)

    def get_data_summary(self, version: Version | None = None) -> pl.DataFrame:
        """One row: numbers of rows, days, assets and what else is counted; statistics of numbers."""
        return self.queries.summary(version)

    def get_data_detail_summary(self, version: Version | None = None) -> pl.DataFrame:
        """One row per day (for undated types, per level or kind): number of assets, statistics of numbers."""
        return self.queries.detail_summary(version)

    def get_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of committed (`data`) or staged (`staging`) rows."""
        return self.queries.schema(which)

    def get_summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the summary."""
        return self.queries.summary_schema(which)

    def get_detail_summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the detail summary."""
        return self.queries.detail_summary_schema(which)

    def get_commit_modes(self) -> dict[str, str]:
        """Name of a mode to what it does."""
        return {str(mode): text for mode, text in COMMIT_MODES.items()}

    def destroy(self) -> None:
        """Delete the upload with all its versions and staged tables.

        Raises
        ------
        StorageError
            The folder cannot be moved.
        """
        doomed = self._folder.with_name(f".deleted-{uuid.uuid4().hex}")
        try:
            self._folder.rename(doomed)
        except OSError as error:
            raise StorageError(f"cannot delete {self._folder}: {error}") from error
        shutil.rmtree(doomed, ignore_errors=True)

    # preview

    def get_parsers(self) -> list[str]:
        """Names of the parsers, in the order in which they are tried."""
        return self.preview.parsers()

    def get_parser_example(self, parser: str) -> pl.DataFrame:
        """Two rows in the layout of a parser; NotFoundError if there is none of the name."""
        return self.preview.example(parser)

    def can_handle(
        self,
        df: Any,
        parser: str | None = None,
        name: str | None = None,
        mapping: AnyMapping = None,
    ) -> MultiParserResult:
        """The answer of each parser, or of the one that is named, to a frame.

        Parameters
        ----------
        df
            A frame of polars, pandas or pyarrow.
        parser
            The one to ask, by default all.
        name
            A file name, which may hold the date.
        mapping
            As in `stage_file`.
        """
        return self.preview.can_handle(*self._previewed(df, parser, name, mapping))

    def parse(
        self,
        df: Any,
        parser: str | None = None,
        name: str | None = None,
        mapping: AnyMapping = None,
    ) -> tuple[pl.DataFrame, UploadParserResult]:
        """A frame in the columns of the data type, and the parser that took it; no rows if none did."""
        return self.preview.parse(*self._previewed(df, parser, name, mapping))

    def validate(
        self,
        df: Any,
        parser: str | None = None,
        name: str | None = None,
        mapping: AnyMapping = None,
    ) -> Validation:
        """The good rows of a frame, and the faults of the others, also as `table`. Stores nothing."""
        return self.preview.validate(*self._previewed(df, parser, name, mapping))

    def _previewed(
        self, df: Any, parser: str | None, name: str | None, mapping: AnyMapping
    ) -> tuple[pl.DataFrame, str | None, str | None, ColumnMapping]:
        """Arguments of `preview`."""
        return as_table(df, name or self.data_type), parser, name, self._mappings.resolve(mapping)

    # staging

    def stage_df(
        self,
        name: str,
        df: Any,
        parser: str | None = None,
        replace: bool = False,
        *,
        mapping: AnyMapping = None,
        constants: Constants = None,
        value: str | None = None,
        drop_extra: bool = False,
    ) -> UploadStagingResult:
        """Put a frame (polars, pandas or pyarrow) into the staging area.

        A frame that no parser takes gives a result without success, which stays there until it is wiped or
        staged again. Rows that break rules are staged; `validate_staging_data` shows them and `commit`
        refuses them.

        Parameters
        ----------
        name
            Of the staged table.
        df
            The frame.
        parser
            The one to ask, by default all.
        replace
            Take the place of a table that is staged under the name.
        mapping, constants, value, drop_extra
            As in `stage_file`.

        Raises
        ------
        ConflictError
            Something is staged under the name, and `replace` is not set.
        SettingsError
            The name cannot be used.
        NotFoundError
            There is no parser of that name.
        DataError
            The frame has columns of types that cannot be read, or repeated ones.
        """
        columns = self._mappings.resolve(mapping, constants, value, drop_extra)
        return self.staging.stage_frame(name, as_table(df, name), parser, replace, columns)

    def stage_file(
        self,
        path: str | Path,
        name: str | None = None,
        parser: str | None = None,
        replace: bool = False,
        *,
        mapping: AnyMapping = None,
        constants: Constants = None,
        value: str | None = None,
        drop_extra: bool = False,
    ) -> UploadStagingResult:
        """Put a file into the staging area, under its name without extensions, or under `name`.

        CSV, TSV (packed as .gz, too), Parquet, Arrow, Excel, or a ZIP archive or a folder of them; each file
        of an archive or folder is staged under its own name, and if one fails none is staged. A date that no
        column holds is taken from the file name.

        Parameters
        ----------
        path
            Of the file or folder.
        name
            Of the staged table; of an archive, the name of its result if it fails.
        parser
            The one to ask, by default all.
        replace
            Take the place of tables that are staged under the names.
        mapping
            Name in the file to name of the data type's column, or None to leave it out; or a
            `ColumnMapping`, or the name of a saved one.
        constants
            Column of the data type to its value in all rows; `{file}` stands for the file's name.
        value
            For a file with one column per asset, the column that their cells hold.
        drop_extra
            Leave out columns that the data type does not have; the result names them.

        Raises
        ------
        NotFoundError
            There is no such file, parser or saved mapping.
        ConflictError
            A name is staged, and `replace` is not set.
        SettingsError
            The mapping does not fit the data type.
        """
        columns = self._mappings.resolve(mapping, constants, value, drop_extra)
        return self.staging.stage_path(Path(path), name, parser, replace, columns)

    def get_staging_results(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Staged name to its staging result; by default all. Names that are not staged are ignored."""
        return self.staging.results(names)

    def wipe_staging(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Remove staged tables, by default all; the results of those removed."""
        return self.staging.wipe(names)

    def get_staging_data(
        self,
        names: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        unique: bool = False,
    ) -> pl.LazyFrame:
        """The staged rows, with the name of their table in `_name`, the first column."""
        return self.staging.rows(names, columns=columns, unique=unique)

    def get_staging_data_summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row per staged table."""
        return self.staging.summary(names)

    def get_staging_data_detail_summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row per staged table and day."""
        return self.staging.detail_summary(names)

    def validate_staging_data(
        self, names: Sequence[str] | None = None, short: bool = False
    ) -> dict[str, pl.DataFrame]:
        """Broken rule to its faults, within staged tables and between them; empty if there are none.

        Parameters
        ----------
        names
            Of staged tables, by default all.
        short
            Only `_name`, one row per table. Otherwise one row per fault: `_name` (several with commas if it
            is between tables), `column`, `message`, `count` (of rows), `first_rows`.
        """
        return self.staging.faults(names, short)

    # commits

    def commit(
        self,
        mode: CommitMode,
        names: Sequence[str] | None = None,
        match_columns: Sequence[str] | None = None,
    ) -> UploadCommitResult:
        """Make staged tables the next version.

        A commit that would change nothing adds no version. The tables leave the staging area; if there are
        none, a DataWarning says so.

        Parameters
        ----------
        mode
            `append`, `upsert` or `overwrite`; `get_commit_modes` says what they do.
        names
            Of staged tables, by default all.
        match_columns
            Columns of the key, for `append` and `overwrite`.

        Raises
        ------
        DataError
            With every fault; nothing was stored and nothing left the staging area.
        SettingsError
            An unknown mode, or columns that cannot be matched.
        ConflictError
            Others kept committing for a minute.
        """
        return self.commits.commit(mode, names, match_columns)

    def fast_commit(
        self,
        df: Any,
        mode: CommitMode,
        parser: str | None = None,
        match_columns: Sequence[str] | None = None,
        *,
        mapping: AnyMapping = None,
        constants: Constants = None,
        value: str | None = None,
        drop_extra: bool = False,
    ) -> UploadCommitResult:
        """Read, validate and commit a frame, or a `Path` to a file or folder, without staging it.

        Parameters
        ----------
        df
            A frame of polars, pandas or pyarrow, or a Path.
        mode, match_columns
            As in `commit`, as are the errors.
        parser, mapping, constants, value, drop_extra
            As in `stage_file`.
        """
        columns = self._mappings.resolve(mapping, constants, value, drop_extra)
        if isinstance(df, Path):
            return self.commits.commit_path(df, mode, parser, match_columns, columns)
        frame = as_table(df, self.name)
        return self.commits.commit_frame(frame, mode, parser, match_columns, columns)

    def restore(self, version: Version) -> UploadCommitResult:
        """Make the rows of an earlier version those of a new one; none is added if they are the latest.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        return self.commits.restore(version)
