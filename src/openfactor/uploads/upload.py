"""One upload: from a user's table to the next version of it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any, Literal

import polars as pl

from openfactor.datawarnings import warn
from openfactor.errors import (
    ConflictError,
    DataError,
    NotFoundError,
    SettingsError,
    StorageError,
)
from openfactor.processes import EngineObject
from openfactor.results import MultiParserResult, UploadCommitResult, UploadParserResult, UploadStagingResult
from openfactor.settings import ColumnMapping
from openfactor.uploads.commits import COMMIT_MODES, Committed, Committer, checked_match
from openfactor.uploads.filters import Filters, expression
from openfactor.uploads.mappings import AnyMapping, Constants, Mappings
from openfactor.uploads.names import check_staged_name
from openfactor.uploads.parsing import (
    Outcome,
    Source,
    bare_name,
    check_mapping,
    check_named,
    is_archive,
    parse,
    parser_example,
    parser_names,
    raising,
    raw_table,
    sources,
)
from openfactor.uploads.reading import notes_of, of_archive, read_all
from openfactor.uploads.repeats import repeats
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.merging import CommitMode
from openfactor.uploads.storage.staging import StagedItem, StagingArea, owners, scan_owned
from openfactor.uploads.storage.table import Table
from openfactor.uploads.summaries import NAME, detail_summary, summary
from openfactor.uploads.validation import FAULT_SCHEMA, Validation, validate

Which = Literal["data", "staging"]


class Upload(EngineObject):
    """A versioned table of one data type, with a staging area beside it.

    Version 0 has no rows; every commit that changes something adds a version. No version ever changes.
    """

    def __init__(
        self,
        folder: Path,
        data_type: DataType,
        *,
        threads: int | None = None,
        hide_progress: bool | None = None,
        mappings: Mappings | None = None,
    ) -> None:
        self.name = folder.name
        self.data_type = data_type.name
        self._folder = folder
        self._type = data_type
        self._staging = StagingArea(folder)
        self._committer = Committer(folder, data_type, self._staging)
        self._threads = threads or os.cpu_count() or 1
        self._hide_progress = hide_progress
        self._mappings = mappings or Mappings()

    def __repr__(self) -> str:
        staged = len(self._staging.names())
        try:
            version = f"version {self.version}"
        except StorageError:
            version = "damaged"
        return f"<{self.data_type} upload {self.name!r}, {version}{f', {staged} staged' if staged else ''}>"

    # what there is

    @property
    def version(self) -> int:
        """The latest version."""
        return self._table().version

    @property
    def identity(self) -> str:
        """Names the rows of the latest version for ever."""
        return self._table().identity

    def version_history(self) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending; version 0 is the creation."""
        return self._table().history()

    def last_committed_at(self) -> dt.datetime | None:
        """Time of the latest commit (UTC); None before the first."""
        table = self._table()
        return table.history(1)[table.version] if table.version else None

    def get_data(
        self,
        columns: Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        unique: bool = False,
        head: int | None = None,
        version: int | dt.datetime | None = None,
    ) -> pl.LazyFrame:
        """The rows of a version; `collect()` reads them. The order is not promised.

        columns : by default all
        filters : `[("ccy", "=", "EUR"), ("date", ">=", "2024-01-01")]`, all of which must hold, or a list of
            such lists, one of which must hold
        unique : each row once
        head : so many rows
        version : a number, or the time (of this machine, unless it has a zone) at which it was the latest

        Raises
        ------
        NotFoundError: no such version. SettingsError: a column or filter that cannot be used.
        """
        rows = self._table(version).scan()
        if filters:
            rows = rows.filter(expression(filters, dict(rows.collect_schema())))
        if columns is not None:
            rows = _select(rows, columns)
        if unique:
            rows = rows.unique()
        return rows if head is None else rows.head(head)

    def get_data_summary(self, version: int | dt.datetime | None = None) -> pl.DataFrame:
        """One row: numbers of rows, days, assets and what else is counted; statistics of numbers."""
        return summary(self._table(version).scan(), self._type).collect(engine="streaming")

    def get_data_detail_summary(self, version: int | dt.datetime | None = None) -> pl.DataFrame:
        """One row a day (for undated types, a level or a kind): number of assets, statistics of numbers."""
        return detail_summary(self._table(version).scan(), self._type).collect(engine="streaming")

    def get_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of what is committed (`data`) or staged (`staging`)."""
        return self._named(self._type.schema, which)

    def get_summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the summary."""
        return self._named(dict(summary(self._type.empty().lazy(), self._type).collect_schema()), which)

    def get_detail_summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the detail summary."""
        rows = detail_summary(self._type.empty().lazy(), self._type)
        return self._named(dict(rows.collect_schema()), which)

    def get_commit_modes(self) -> dict[str, str]:
        """Name of a mode to what it does."""
        return {str(mode): text for mode, text in COMMIT_MODES.items()}

    def destroy(self) -> None:
        """Delete the upload with all its versions and what is staged. Gone from view at once, then from disk.

        Raises
        ------
        StorageError: the folder cannot be moved.
        """
        doomed = self._folder.with_name(f".deleted-{uuid.uuid4().hex}")
        try:
            self._folder.rename(doomed)
        except OSError as error:
            raise StorageError(f"cannot delete {self._folder}: {error}") from error
        shutil.rmtree(doomed, ignore_errors=True)

    # what a table would be taken for

    def get_parsers(self) -> list[str]:
        """The layouts that are known, in the order in which they are tried."""
        return parser_names(self._type)

    def get_parser_example(self, parser: str) -> pl.DataFrame:
        """Two rows in the layout of a parser; NotFoundError if there is none of the name."""
        return parser_example(self._type, parser)

    def can_handle(
        self,
        df: Any,
        parser: str | None = None,
        name: str | None = None,
        mapping: AnyMapping = None,
    ) -> MultiParserResult:
        """What each parser, or the one that is named, says of a frame.

        name : a file name, which may hold the date
        mapping : as `stage_file`
        """
        return MultiParserResult(results=self._parse(df, parser, name, mapping).results)

    def parse(
        self,
        df: Any,
        parser: str | None = None,
        name: str | None = None,
        mapping: AnyMapping = None,
    ) -> tuple[pl.DataFrame, UploadParserResult]:
        """A frame in the columns of the data type, and which parser took it; no rows if none did."""
        outcome = self._parse(df, parser, name, mapping)
        if outcome.rows is None or outcome.faults:
            messages = [str(fault) for fault in outcome.faults]
            return self._type.empty(), UploadParserResult(success=False, messages=messages)
        return outcome.rows.select(*self._type.schema), next(r for r in outcome.results if r.success)

    def validate(
        self,
        df: Any,
        parser: str | None = None,
        name: str | None = None,
        mapping: AnyMapping = None,
    ) -> Validation:
        """The good rows of a frame, and the faults of the others; `table` shows them. Stores nothing."""
        outcome = self._parse(df, parser, name, mapping)
        if outcome.rows is None:
            return Validation(self._type.empty(), tuple(outcome.faults))
        checked = validate(outcome.rows, self._type, name)
        return Validation(checked.rows, (*outcome.faults, *checked.faults))

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

        mapping, constants, value, drop_extra : as `stage_file`

        Raises
        ------
        ConflictError: something is staged under the name, and `replace` is not set.
        SettingsError: the name cannot be used. NotFoundError: no parser of that name.
        """
        columns = self._mappings.resolve(mapping, constants, value, drop_extra)
        return self._stage([Source(name, name, lambda: raw_table(df, name))], None, parser, replace, columns)

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

        mapping : name in the file to name of the data type's column, or None to leave it out; or a
            `ColumnMapping`, or the name of a saved one
        constants : column of the data type to its value in all rows; `{file}` stands for the file's name
        value : for a file with one column for each asset, what their cells hold
        drop_extra : leave out columns that the data type does not have; the result names them

        Raises
        ------
        NotFoundError: no such file, or no saved mapping. ConflictError: a name is staged, and `replace` is
        not set. SettingsError: the mapping does not fit the data type.
        """
        path = Path(path)
        columns = self._mappings.resolve(mapping, constants, value, drop_extra)
        archive = (name or bare_name(path.name)) if is_archive(path) else None
        try:
            found = sources(path)
        except DataError as error:
            found = [Source(name or bare_name(path.name), path.name, raising(error))]
        if archive is None and name:
            found = [replace_fields(found[0], name=name)]
        return self._stage(found, archive, parser, replace, columns)

    def get_staging_results(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Staged name to what came of staging it: all, or those of the names that are there."""
        return {item.name: item.result for item in self._staging.get(names)}

    def wipe_staging(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Remove what is staged, or those of the names that are; what was removed."""
        items = self._staging.get(names)
        self._staging.remove(items)
        return {item.name: item.result for item in items}

    def get_staging_data(
        self,
        names: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        unique: bool = False,
    ) -> pl.LazyFrame:
        """The staged rows, with `_name` before them."""
        rows = self._staged_rows(self._staging.get(names))
        if columns is not None:
            rows = _select(rows, [NAME, *(c for c in columns if c != NAME)])
        return rows.unique() if unique else rows

    def get_staging_data_summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row for each staged table."""
        rows = self._staged_rows(self._staging.get(names))
        return summary(rows, self._type, (NAME,)).collect(engine="streaming")

    def get_staging_data_detail_summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row for each staged table and day."""
        rows = self._staged_rows(self._staging.get(names))
        return detail_summary(rows, self._type, (NAME,)).collect(engine="streaming")

    def validate_staging_data(
        self, names: Sequence[str] | None = None, short: bool = False
    ) -> dict[str, pl.DataFrame]:
        """Broken rule to where it is broken; empty if nothing is wrong with any staged table or between two.

        short : only the names, one row for each. Otherwise `_name` (several with commas if it is between
            them), `column`, `message`, number of rows, and the first of them.
        """
        items = self._staging.get(names)
        found = [(item.name, fault) for item in items for fault in item.faults]
        found += [(fault.upload, fault) for fault in repeats(items, self._type)]
        frames = {}
        for rule in sorted({fault.rule for _, fault in found}):
            broken = [(name, fault) for name, fault in found if fault.rule == rule]
            if short:
                each = sorted({part for name, _ in broken for part in name.split(", ")})
                frames[rule] = pl.DataFrame({NAME: each})
            else:
                table = Validation(self._type.empty(), tuple(fault for _, fault in broken)).table
                frames[rule] = table.select(
                    pl.Series(NAME, [name for name, _ in broken]), *(c for c in FAULT_SCHEMA if c != "rule")
                )
        return frames

    # commits

    def commit(
        self,
        mode: CommitMode,
        names: Sequence[str] | None = None,
        match_columns: Sequence[str] | None = None,
    ) -> UploadCommitResult:
        """Make what is staged, or what is staged under the names, the next version.

        mode : `append`, `upsert` or `overwrite`; `get_commit_modes` says what they do
        match_columns : columns of the key, for `append` and `overwrite`

        A commit that would change nothing adds no version. The names leave the staging area; if there are
        none, a DataWarning says so.

        Raises
        ------
        DataError: with every fault; nothing was stored and nothing left the staging area.
        SettingsError: an unknown mode, or columns that cannot be matched.
        ConflictError: others kept committing for a minute.
        """
        match = checked_match(self._type, mode, match_columns)
        remedy = "; stage them again with replace=True, wipe_staging them, or name those to commit"
        done = None
        while done is None:
            items = self._staging.get(names)
            if not items:  # as after a commit whose answer was lost
                which = " of these names" if names else ""
                warn(f"nothing{which} is staged, so nothing was committed")
                return UploadCommitResult(version=self.version)
            try:
                done = self._committer.commit(items, mode, match, remedy)
            except StorageError:
                if self._staging.has(items):
                    raise
                # someone else committed or wiped some of it: go on with what is left
        self._staging.remove(items)
        return _told(done, items)

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

        mapping, constants, value, drop_extra : as `stage_file`

        Raises
        ------
        As `commit` does.
        """
        match = checked_match(self._type, mode, match_columns)
        columns = self._mappings.resolve(mapping, constants, value, drop_extra)
        if not isinstance(df, Path):
            check_named(columns)
        name = df.name if isinstance(df, Path) else self.name
        found = sources(df) if isinstance(df, Path) else [Source(name, name, lambda: raw_table(df, name))]
        with self._staging.scratch() as scratch:
            items = self._read_all(found, scratch, parser, columns)
            done = self._committer.commit(items, mode, match)
        return _told(done, items, named=isinstance(df, Path))

    def restore(self, version: int | dt.datetime) -> UploadCommitResult:
        """Make the rows of an earlier version those of a new one; none is added if they are the latest.

        Raises
        ------
        NotFoundError: no such version.
        """
        return _told(self._committer.restore(self._table(version)), [])

    # how

    def _table(self, version: int | dt.datetime | None = None) -> Table:
        latest = Table(self._folder, self._type)
        if version is None:
            return latest
        if isinstance(version, dt.datetime):
            moment = version.astimezone(dt.UTC)
            before = [v for v, time in latest.history().items() if time <= moment]
            if not before:
                raise NotFoundError(f"{self.data_type} upload {self.name!r} did not exist at {version}")
            version = before[-1]
        if not 0 <= version <= latest.version:
            raise NotFoundError(
                f"{self.data_type} upload {self.name!r} has versions 0 to {latest.version}, not {version}"
            )
        return latest if version == latest.version else Table(self._folder, self._type, version)

    def _parse(self, df: Any, parser: str | None, name: str | None, mapping: AnyMapping) -> Outcome:
        source = name or self.data_type
        columns = self._mappings.resolve(mapping)
        if name is None:
            check_named(columns)
        frame, places = raw_table(df, source)
        return parse(frame, self._type, source, file_name=name, parser=parser, mapping=columns, places=places)

    def _named(self, schema: dict[str, pl.DataType], which: Which) -> dict[str, pl.DataType]:
        if which not in ("data", "staging"):
            raise SettingsError(f"{which!r} is unknown:", ["data: what is committed", "staging: what waits"])
        return schema if which == "data" else {NAME: pl.String(), **schema}

    def _staged_rows(self, items: Sequence[StagedItem]) -> pl.LazyFrame:
        parts = [part for item in items for part in item.parts]
        return scan_owned(parts, owners(items), self._type, NAME)

    def _read_all(
        self, found: Sequence[Source], scratch: Path, parser: str | None, mapping: ColumnMapping
    ) -> list[StagedItem]:
        return read_all(
            found,
            self._type,
            scratch,
            parser=parser,
            mapping=mapping,
            threads=self._threads,
            hide_progress=self._hide_progress,
        )

    def _stage(
        self,
        found: Sequence[Source],
        archive: str | None,
        parser: str | None,
        replace: bool,
        mapping: ColumnMapping,
    ) -> UploadStagingResult:
        """Stage tables, all of them or none; `archive` is the name of the archive they come from, if any."""
        if archive:
            check_staged_name(archive)
        taken = [] if replace else self._staging.taken([source.name for source in found])
        if taken:
            shown = f"{', '.join(taken[:5])}{' and others' if len(taken) > 5 else ''}"
            raise ConflictError(f"already staged: {shown}; set replace=True, or use wipe_staging")
        self._table()  # nothing is read for an upload that cannot be committed to
        check_mapping(mapping, self._type)
        with self._staging.scratch() as scratch:
            items = self._read_all(found, scratch, parser, mapping)
            if not archive:
                self._staging.put(items, scratch)
                return items[0].result
            whole = of_archive(archive, items)
            if whole.result.success:
                self._staging.put(items, scratch)
                self._staging.remove([i for i in self._staging.get([archive]) if not i.result.success])
            elif replace or not self._staging.taken([archive]):
                self._staging.put([whole], scratch)
            return whole.result


def _told(done: Committed, items: Sequence[StagedItem], *, named: bool = True) -> UploadCommitResult:
    """The result of a commit; what it left out, or probably was not meant, is warned of."""
    names = [item.name for item in items] if named else []
    for message in done.warnings:
        warn(message)
    return UploadCommitResult(
        version=done.version, committed_names=names, notes=notes_of(items), **asdict(done.counts)
    )


def _select(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    known = rows.collect_schema().names()
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise SettingsError(f"no columns {', '.join(map(repr, unknown))}:", [", ".join(known)])
    return rows.select(columns)
