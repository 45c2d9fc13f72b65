"""One upload: a versioned table of one data type, with a staging area beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openfactor.client.mappings import AnyMapping, Constants, column_mapping
from openfactor.contract.calls import UploadCalls, Version, Which, Workspace
from openfactor.contract.files import UserFile
from openfactor.contract.refs import PinnedUpload, RowQuery
from openfactor.errors import NotFoundError, SettingsError
from openfactor.results import (
    MultiParserResult,
    UploadCommitResult,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.results.validation import Validation
from openfactor.settings import ColumnMapping

if TYPE_CHECKING:
    import polars as pl

Filter = tuple[str, str, Any]
Filters = Sequence[Filter] | Sequence[Sequence[Filter]]


class Upload:
    """A versioned table of one data type, with a staging area beside it.

    Version 0 has no rows; every commit that changes something adds a version. No version ever changes.
    """

    def __init__(self, workspace: Workspace, data_type: str, name: str) -> None:
        self._workspace = workspace
        self.data_type = data_type
        self.name = name

    def __repr__(self) -> str:
        return self._calls.describe(self.data_type, self.name)

    # versions and data

    @property
    def version(self) -> int:
        """The latest version."""
        return self._resolve(None).version

    @property
    def content_id(self) -> str:
        """Identifies the rows of the latest version: going back to a version gives its content again."""
        return self._resolve(None).content

    def version_history(self) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending; version 0 is the creation."""
        return self._calls.version_history(self.data_type, self.name)

    def last_committed_at(self) -> dt.datetime | None:
        """Time of the latest commit (UTC); None before the first."""
        return self._calls.last_committed_at(self.data_type, self.name)

    def get_data(
        self,
        columns: Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        unique: bool = False,
        head: int | None = None,
        version: Version = None,
    ) -> pl.LazyFrame:
        """The rows of a version, which is fixed now; `collect()` reads the columns that it needs.

        Parameters
        ----------
        columns
            By default all. Their order is kept; that of rows is not promised.
        filters
            `[("ccy", "=", "EUR"), ("date", ">=", "2024-01-01")]`, all of which must hold, or a list of such
            lists, one of which must hold. They are applied where the data are; filters on the returned frame
            are applied after reading.
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
        from polars.io.plugins import register_io_source

        query = RowQuery(
            columns=None if columns is None else list(columns),
            filters=_lists(filters),
            unique=unique,
            head=head,
            version=self._resolve(version),
        )
        nothing = self._calls.rows(self.data_type, self.name, query.model_copy(update={"head": 0}))

        def read(
            wanted: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch: int | None
        ) -> Iterator[pl.DataFrame]:
            rows = self._calls.rows(self.data_type, self.name, _narrowed(query, wanted, predicate, n_rows))
            rows = rows if wanted is None else rows.select(wanted)
            yield rows if predicate is None else rows.filter(predicate)

        return register_io_source(read, schema=nothing.schema)

    def get_data_summary(self, version: Version = None) -> pl.DataFrame:
        """One row: numbers of rows, days, assets and what else is counted; statistics of numbers."""
        return self._calls.summary(self.data_type, self.name, _moment(version))

    def get_data_detail_summary(self, version: Version = None) -> pl.DataFrame:
        """One row per day (for undated types, per level or kind): number of assets, statistics of numbers."""
        return self._calls.detail_summary(self.data_type, self.name, _moment(version))

    def get_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of committed (`data`) or staged (`staging`) rows."""
        return dict(self._calls.schema(self.data_type, "rows", _which(which)).schema)

    def get_summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the summary."""
        return dict(self._calls.schema(self.data_type, "summary", _which(which)).schema)

    def get_detail_summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the detail summary."""
        return dict(self._calls.schema(self.data_type, "detail_summary", _which(which)).schema)

    def get_commit_modes(self) -> dict[str, str]:
        """Name of a mode to what it does."""
        return self._calls.commit_modes()

    def destroy(self) -> None:
        """Delete the upload with all its versions and staged tables.

        Raises
        ------
        NotFoundError
            It does not exist.
        StorageError
            Its folder cannot be moved.
        """
        self._calls.delete(self.data_type, self.name)

    # what a table would be taken for

    def get_parsers(self) -> list[str]:
        """Names of the parsers, in the order in which they are tried."""
        return self._calls.parsers(self.data_type)

    def get_parser_example(self, parser: str) -> pl.DataFrame:
        """Two rows in the layout of a parser; NotFoundError if there is none of the name."""
        return self._calls.parser_example(self.data_type, parser)

    def can_handle(
        self, df: Any, parser: str | None = None, name: str | None = None, mapping: AnyMapping = None
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
        table, columns = self._table(df, name), self._mapping(mapping)
        return self._calls.can_handle(self.data_type, self.name, table, parser, name, columns)

    def parse(
        self, df: Any, parser: str | None = None, name: str | None = None, mapping: AnyMapping = None
    ) -> tuple[pl.DataFrame, UploadParserResult]:
        """A frame in the columns of the data type, and the parser that took it; no rows if none did."""
        table, columns = self._table(df, name), self._mapping(mapping)
        return self._calls.parse(self.data_type, self.name, table, parser, name, columns)

    def validate(
        self, df: Any, parser: str | None = None, name: str | None = None, mapping: AnyMapping = None
    ) -> Validation:
        """The good rows of a frame, and the faults of the others, also as `table`. Stores nothing."""
        table, columns = self._table(df, name), self._mapping(mapping)
        rows, faults = self._calls.validate(self.data_type, self.name, table, parser, name, columns)
        return Validation(rows, tuple(faults))

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
        columns = self._mapping(mapping, constants, value, drop_extra)
        return self._calls.stage(
            self.data_type, self.name, name, self._table(df, name), parser, replace, columns
        )

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
            Name in the file to name of the data type's column, or None to drop it; or a
            `ColumnMapping`, or the name of a saved one.
        constants
            Column of the data type to its value in all rows; `{file}` stands for the file's name.
        value
            For a file with one column per asset, the column that their cells hold.
        drop_extra
            Drop columns that the data type does not have; the result names them.

        Raises
        ------
        NotFoundError
            There is no such file, parser or saved mapping.
        ConflictError
            A name is staged, and `replace` is not set.
        SettingsError
            The mapping does not fit the data type.
        """
        columns = self._mapping(mapping, constants, value, drop_extra)
        return self._calls.stage(self.data_type, self.name, name, _file(path), parser, replace, columns)

    def get_staging_results(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Staged name to its staging result; by default all. Names that are not staged are ignored."""
        return self._calls.staging_results(self.data_type, self.name, _list(names))

    def wipe_staging(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Remove staged tables, by default all; the results of those removed."""
        return self._calls.wipe_staging(self.data_type, self.name, _list(names))

    def get_staging_data(
        self,
        names: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        unique: bool = False,
    ) -> pl.LazyFrame:
        """The staged rows, with the name of their table in `_name`, the first column."""
        return self._calls.staged_rows(self.data_type, self.name, _list(names), _list(columns), unique).lazy()

    def get_staging_data_summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row per staged table."""
        return self._calls.staging_summary(self.data_type, self.name, _list(names))

    def get_staging_data_detail_summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row per staged table and day."""
        return self._calls.staging_detail_summary(self.data_type, self.name, _list(names))

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
        return self._calls.staging_faults(self.data_type, self.name, _list(names), short)

    # commits

    def commit(
        self,
        mode: str,
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
        return self._calls.commit(self.data_type, self.name, mode, _list(names), _list(match_columns))

    def fast_commit(
        self,
        df: Any,
        mode: str,
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
        columns = self._mapping(mapping, constants, value, drop_extra)
        table = _file(df) if isinstance(df, Path) else self._table(df, None)
        return self._calls.fast_commit(
            self.data_type, self.name, table, mode, parser, _list(match_columns), columns
        )

    def restore(self, version: int | dt.datetime) -> UploadCommitResult:
        """Make the rows of an earlier version those of a new one; none is added if they are the latest.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        moment = _moment(version)
        assert moment is not None
        return self._calls.restore(self.data_type, self.name, moment)

    # internals

    @property
    def _calls(self) -> UploadCalls:
        return self._workspace.uploads

    def _resolve(self, version: Version) -> PinnedUpload:
        return self._calls.resolve(self.data_type, self.name, _moment(version))

    def _table(self, df: Any, name: str | None) -> pl.DataFrame:
        from openfactor.frames import as_table  # it loads polars

        return as_table(df, name or self.name)

    def _mapping(
        self,
        mapping: AnyMapping,
        constants: Constants = None,
        value: str | None = None,
        drop_extra: bool = False,
    ) -> ColumnMapping:
        return column_mapping(self._workspace.mappings.get, mapping, constants, value, drop_extra)


def _narrowed(
    query: RowQuery, wanted: list[str] | None, predicate: pl.Expr | None, n_rows: int | None
) -> RowQuery:
    """The query for what a lazy frame needs: fewer columns or rows, where that changes no row kept."""
    changes: dict[str, Any] = {}
    if wanted and not query.unique:
        changes["columns"] = wanted
    if predicate is None and n_rows is not None:
        changes["head"] = n_rows if query.head is None else min(n_rows, query.head)
    return query.model_copy(update=changes)


def _lists(filters: Filters | None) -> list[list[Any]]:
    """Filters as lists of conditions; SettingsError if they have another form."""
    if not filters:
        return []
    nested = [isinstance(item, list) for item in filters]
    if any(nested) and not all(nested):
        raise SettingsError(
            "the filters cannot be used:", ["conditions and lists of conditions must not be mixed"]
        )
    groups: Sequence[Any] = filters if any(nested) else [filters]
    problems = [
        f"{item!r} is not (column, operator, value)"
        for group in groups
        for item in group
        if not isinstance(item, tuple | list) or len(item) != 3
    ]
    if problems:
        raise SettingsError("the filters cannot be used:", problems)
    return [[_condition(*item) for item in group] for group in groups]


def _condition(column: str, operator: str, value: Any) -> tuple[str, str, Any]:
    many = not isinstance(value, str) and hasattr(value, "__iter__")
    return column, operator, list(value) if many else value


def _moment(version: Version) -> Version:
    """A time without a zone is that of this machine."""
    return version.astimezone(dt.UTC) if isinstance(version, dt.datetime) else version


def _which(which: Which) -> Which:
    if which not in ("data", "staging"):
        raise SettingsError(f"{which!r} is unknown:", ["data: committed rows", "staging: staged rows"])
    return which


def _list(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _file(path: str | Path) -> UserFile:
    """A file that is there; else NotFoundError."""
    file = Path(path)
    if not file.exists():
        raise NotFoundError(f"there is no file {file}")
    return UserFile(file)
