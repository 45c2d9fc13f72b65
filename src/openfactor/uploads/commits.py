"""Commits of staged tables, frames and files, and returns to earlier versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from openfactor.datawarnings import warn
from openfactor.errors import SettingsError, StorageError
from openfactor.results import UploadCommitResult
from openfactor.settings import ColumnMapping
from openfactor.uploads.parsing import Source, refuse_file_name, sources
from openfactor.uploads.places import RawTable
from openfactor.uploads.queries import Version, VersionQueries
from openfactor.uploads.reading import TableReader, table_notes
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.repair import CommitMode
from openfactor.uploads.storage.staged_table import StagedTable
from openfactor.uploads.storage.staging_area import StagingArea
from openfactor.uploads.versions import VersionWriter, Written

COMMIT_MODES: dict[CommitMode, str] = {
    "append": "add rows with new keys; with match_columns, rows with new values in these columns. Stored "
    "rows never change",
    "upsert": "add rows with new keys, and replace stored rows with the same keys",
    "overwrite": "replace everything; with match_columns, replace all stored rows that share the values in "
    "these columns with a committed row",
}
_REMEDY = "; stage them again with replace=True, wipe_staging them, or name those to commit"


def checked_match(data_type: DataType, mode: CommitMode, match: Sequence[str] | None) -> list[str] | None:
    """The columns to match; SettingsError for an unknown mode, or columns that it cannot match."""
    if mode not in COMMIT_MODES:
        raise SettingsError(
            f"unknown commit mode {mode!r}:", [f"{m}: {text}" for m, text in COMMIT_MODES.items()]
        )
    if match is None:
        return None
    key = ", ".join(data_type.key)
    problems = [f"{c!r} is not in the key: {key}" for c in match if c not in data_type.key]
    if not match:
        problems.append(f"give at least one of {key}, or None")
    if mode == "upsert":
        problems.append("upsert always matches the whole key")
    if problems:
        raise SettingsError("match_columns cannot be used:", problems)
    return list(match)


@dataclass(frozen=True)
class Commits:
    """Commits to one upload."""

    area: StagingArea
    reader: TableReader
    queries: VersionQueries

    def commit(
        self,
        mode: CommitMode,
        names: Sequence[str] | None = None,
        match_columns: Sequence[str] | None = None,
    ) -> UploadCommitResult:
        """Commit staged tables; `Upload.commit` says the rest."""
        match = checked_match(self.queries.data_type, mode, match_columns)
        written = None
        while written is None:
            tables = self.area.get(names)
            if not tables:  # as after a commit whose answer was lost
                which = " of these names" if names else ""
                warn(f"nothing{which} is staged, so nothing was committed")
                return UploadCommitResult(version=self.queries.table().version)
            try:
                written = self._writer.commit(tables, mode, match, _REMEDY)
            except (StorageError, FileNotFoundError):
                if self.area.has(tables):
                    raise
                # someone else committed or wiped some of them: go on with the others
        self.area.remove(tables)
        return _result(written, tables, [table.name for table in tables])

    def commit_frame(
        self,
        frame: pl.DataFrame,
        mode: CommitMode,
        parser: str | None = None,
        match_columns: Sequence[str] | None = None,
        mapping: ColumnMapping | None = None,
    ) -> UploadCommitResult:
        """Commit a frame of `openfactor.frames.as_table` without staging it."""
        mapping = mapping or ColumnMapping()
        refuse_file_name(mapping)
        name = self.queries.folder.name
        source = Source(name, name, lambda: RawTable.of(frame))
        written, tables = self._commit([source], mode, parser, match_columns, mapping)
        return _result(written, tables, [])

    def commit_path(
        self,
        path: Path,
        mode: CommitMode,
        parser: str | None = None,
        match_columns: Sequence[str] | None = None,
        mapping: ColumnMapping | None = None,
    ) -> UploadCommitResult:
        """Commit a file, or the files of a folder or ZIP archive, without staging them."""
        checked_match(self.queries.data_type, mode, match_columns)  # before a file is opened
        written, tables = self._commit(sources(path), mode, parser, match_columns, mapping or ColumnMapping())
        return _result(written, tables, [table.name for table in tables])

    def restore(self, version: Version) -> UploadCommitResult:
        """Make the rows of an earlier version the latest; `Upload.restore` says the rest."""
        return _result(self._writer.restore(self.queries.table(version)), [], [])

    @property
    def _writer(self) -> VersionWriter:
        return VersionWriter(self.queries.folder, self.queries.data_type, self.area, self.reader.context)

    def _commit(
        self,
        sources: Sequence[Source],
        mode: CommitMode,
        parser: str | None,
        match_columns: Sequence[str] | None,
        mapping: ColumnMapping,
    ) -> tuple[Written, list[StagedTable]]:
        match = checked_match(self.queries.data_type, mode, match_columns)
        with self.area.scratch() as scratch:
            tables = self.reader.read(sources, scratch, parser, mapping)
            return self._writer.commit(tables, mode, match), tables


def _result(written: Written, tables: Sequence[StagedTable], names: list[str]) -> UploadCommitResult:
    """The result of a commit, after its warnings."""
    for message in written.warnings:
        warn(message)
    return UploadCommitResult(
        version=written.version, committed_names=names, notes=table_notes(tables), **asdict(written.counts)
    )
