"""Staging: tables that wait for a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openfactor.errors import DataError
from openfactor.results import UploadStagingResult
from openfactor.results.validation import fault_table
from openfactor.settings import ColumnMapping
from openfactor.uploads.names import check_staged_name
from openfactor.uploads.parsing import Source, bare_name, check_mapping, is_archive, raising, sources
from openfactor.uploads.places import RawTable
from openfactor.uploads.queries import VersionQueries, select
from openfactor.uploads.reading import TableReader, archive_table
from openfactor.uploads.repeats import repeated_keys
from openfactor.uploads.storage.staged_table import StagedTable, scan_staged, tables_by_path
from openfactor.uploads.storage.staging_area import StagingArea
from openfactor.uploads.summaries import NAME, detail_summary, summary


@dataclass(frozen=True)
class Staging:
    """Stages tables of one upload, and shows them.

    In all methods `names` are those of staged tables, by default all; names that are not staged are ignored.
    """

    area: StagingArea
    reader: TableReader
    queries: VersionQueries

    def stage_frame(
        self,
        name: str,
        frame: pl.DataFrame,
        parser: str | None = None,
        replace: bool = False,
        mapping: ColumnMapping | None = None,
    ) -> UploadStagingResult:
        """Stage a frame of `openfactor.frames.as_table`; `Upload.stage_df` says the rest."""
        source = Source(name, name, lambda: RawTable.of(frame))
        return self._stage([source], None, parser, replace, mapping or ColumnMapping())

    def stage_path(
        self,
        path: Path,
        name: str | None = None,
        parser: str | None = None,
        replace: bool = False,
        mapping: ColumnMapping | None = None,
    ) -> UploadStagingResult:
        """Stage a file, or the files of a folder or ZIP archive; `Upload.stage_file` says the rest."""
        archive = (name or bare_name(path.name)) if is_archive(path) else None
        try:
            files = sources(path)
        except DataError as error:
            files = [Source(name or bare_name(path.name), path.name, raising(error))]
        if archive is None and name:
            files = [files[0].named(name)]
        return self._stage(files, archive, parser, replace, mapping or ColumnMapping())

    def results(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Staged name to its result."""
        return {table.name: table.result for table in self.area.get(names)}

    def wipe(self, names: Sequence[str] | None = None) -> dict[str, UploadStagingResult]:
        """Remove staged tables; the results of those removed."""
        tables = self.area.wipe(names)
        return {table.name: table.result for table in tables}

    def rows(
        self,
        names: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        unique: bool = False,
    ) -> pl.LazyFrame:
        """The staged rows, with the name of their table in `_name`, the first column."""
        rows = self._scan(names)
        if columns is not None:
            rows = select(rows, [NAME, *(column for column in columns if column != NAME)])
        return rows.unique() if unique else rows

    def summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row per staged table."""
        rows = self._scan(names)
        return summary(rows, self.queries.data_type, (NAME,)).collect(engine="streaming")

    def detail_summary(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """One row per staged table and day, level or kind."""
        rows = self._scan(names)
        return detail_summary(rows, self.queries.data_type, (NAME,)).collect(engine="streaming")

    def faults(self, names: Sequence[str] | None = None, short: bool = False) -> dict[str, pl.DataFrame]:
        """Broken rule to its faults; `Upload.validate_staging_data` says the rest."""
        tables = self.area.get(names)
        faults = [(table.name, fault) for table in tables for fault in table.faults]
        faults += [(fault.upload, fault) for fault in repeated_keys(tables, self.queries.data_type)]
        frames = {}
        for rule in sorted({fault.rule for _, fault in faults}):
            broken = [(name, fault) for name, fault in faults if fault.rule == rule]
            if short:
                affected = {table for name, _ in broken for table in name.split(", ")}
                frames[rule] = pl.DataFrame({NAME: sorted(affected)})
            else:
                frames[rule] = fault_table([fault for _, fault in broken]).select(
                    pl.Series(NAME, [name for name, _ in broken]), pl.exclude("rule")
                )
        return frames

    def _scan(self, names: Sequence[str] | None) -> pl.LazyFrame:
        tables = self.area.get(names)
        files = [file for table in tables for file in table.files]
        return scan_staged(files, tables_by_path(tables), self.queries.data_type, NAME)

    def _stage(
        self,
        files: Sequence[Source],
        archive: str | None,
        parser: str | None,
        replace: bool,
        mapping: ColumnMapping,
    ) -> UploadStagingResult:
        """Stage all tables or none; `archive` is the name of the archive that they come from, if any."""
        if archive:
            check_staged_name(archive)
        if not replace:
            self.area.refuse_taken([file.name for file in files])
        self.queries.table()  # nothing is read for an upload that cannot be committed to
        check_mapping(mapping, self.queries.data_type)
        with self.area.scratch() as scratch:
            tables = self.reader.read(files, scratch, parser, mapping)
            if not archive:
                self.area.put(tables, scratch, replace=replace)
                return tables[0].result
            return self._put_archive(archive, tables, scratch, replace)

    def _put_archive(
        self, archive: str, tables: Sequence[StagedTable], scratch: Path, replace: bool
    ) -> UploadStagingResult:
        """Stage the tables of an archive or, if any failed, the failure under the archive's name."""
        whole = archive_table(archive, tables)
        if whole.result.success:
            self.area.put(tables, scratch, replace=replace)
            self.area.remove([table for table in self.area.get([archive]) if not table.result.success])
        elif replace or not self.area.taken([archive]):
            self.area.put([whole], scratch, replace=True)
        return whole.result
