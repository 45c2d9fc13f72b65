"""From users' tables to files of rows, and the faults of those tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from openfactor.context import Context
from openfactor.errors import DataError, Fault
from openfactor.results import UploadParserResult, UploadStagingResult
from openfactor.settings import ColumnMapping
from openfactor.uploads.names import check_staged_name
from openfactor.uploads.parsing import Source, parse
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, write_files
from openfactor.uploads.storage.staged_table import StagedTable
from openfactor.uploads.validation import ROW, validate

TABLES_AT_ONCE = 4
"""Tables of an archive that are in memory at the same time, while they are read."""


@dataclass(frozen=True)
class TableReader:
    """Reads tables of one data type."""

    data_type: DataType
    context: Context

    def read(
        self, sources: Sequence[Source], scratch: Path, parser: str | None, mapping: ColumnMapping
    ) -> list[StagedTable]:
        """Read every table and write its rows to the folder of its name in `scratch`.

        Raises
        ------
        CancelledError
            The request was cancelled.
        """
        for source in sources:
            check_staged_name(source.name)
        with (
            ThreadPoolExecutor(min(self.context.threads, TABLES_AT_ONCE)) as pool,
            self.context.step(f"reading {self.data_type.name}", len(sources), unit="files") as advance,
        ):

            def read(source: Source) -> StagedTable:
                table = _read(source, self.data_type, scratch, parser, mapping)
                advance()
                return table

            return list(pool.map(read, sources))


def _read(
    source: Source, data_type: DataType, scratch: Path, parser: str | None, mapping: ColumnMapping
) -> StagedTable:
    """Read a table and collect its faults; its rows are written unless some cannot be read."""
    try:
        frame, places = source.read()
    except DataError as error:
        messages = [str(fault) for fault in error.faults]
        return _table(source.name, [UploadParserResult(success=False, messages=messages)], error.faults)
    outcome = parse(
        frame, data_type, source.name, file_name=source.file_name, parser=parser, mapping=mapping,
        places=places,
    )  # fmt: skip
    if outcome.rows is None:
        return _table(source.name, outcome.results, outcome.faults)
    broken = validate(outcome.rows, data_type, source.name, outcome.places).faults
    if outcome.faults:
        return _table(source.name, outcome.results, [*outcome.faults, *broken])
    if not len(outcome.rows):
        fault = Fault("no_rows", source.name, "the table has no rows")
        name = next(result.parser for result in outcome.results if result.success)
        result = UploadParserResult(parser=name, success=False, messages=[str(fault)])
        return _table(source.name, [result], [fault])
    messages = [*outcome.notes, *(str(fault) for fault in broken)]
    results = [
        result.model_copy(update={"messages": messages}) if result.success else result
        for result in outcome.results
    ]
    folder = scratch / source.name
    folder.mkdir()
    files = write_files(outcome.rows.drop(ROW), folder, data_type)
    return _table(source.name, results, broken, files, success=True)


def _table(
    name: str,
    results: list[UploadParserResult],
    faults: Sequence[Fault],
    files: Sequence[DataFile] = (),
    *,
    success: bool = False,
) -> StagedTable:
    now = dt.datetime.now(dt.UTC)
    result = UploadStagingResult(name=name, timestamp=now, success=success, results=results)
    return StagedTable(result, tuple(files), tuple(faults))


def archive_table(name: str, tables: Sequence[StagedTable]) -> StagedTable:
    """The result of an archive, without rows: how many tables each parser took, or every failure."""
    failed = [table for table in tables if not table.result.success]
    faults = [fault for table in failed or tables for fault in table.faults]
    if failed:
        return _table(name, [result for table in failed for result in table.result.results], faults)
    by_parser: dict[str | None, list[str]] = {}
    for table in tables:
        by_parser.setdefault(table.result.success_parser, []).append(table.name)
    results = []
    for parser, names in by_parser.items():
        message = f"{len(names):,} tables, {names[0]} to {names[-1]}"
        results.append(UploadParserResult(parser=parser, success=True, messages=[message]))
    notes = table_notes(tables)
    if notes:
        results[0] = results[0].model_copy(update={"messages": [*results[0].messages, *notes]})
    return _table(name, results, faults, success=True)


def table_notes(tables: Sequence[StagedTable]) -> list[str]:
    """What was cleaned or dropped while the tables were read: each message once, with its tables."""
    names_by_message: dict[str, list[str]] = {}
    for table in tables:
        broken = {str(fault) for fault in table.faults}
        for result in table.result.results:
            for message in result.messages if result.success else ():
                if message not in broken:
                    names_by_message.setdefault(message, []).append(table.name)
    return [
        f"{names[0]}{f' and {len(names) - 1:,} more' if len(names) > 1 else ''}: {message}"
        for message, names in names_by_message.items()
    ]
