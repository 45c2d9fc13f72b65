"""From a user's tables to files of rows and the faults that were found."""

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
from openfactor.uploads.storage.parts import Part, write_parts
from openfactor.uploads.storage.stagingarea import StagedItem
from openfactor.uploads.validation import ROW, validate

TABLES_AT_ONCE = 4
"""Tables of an archive that are read at the same time, each of them in memory."""


@dataclass(frozen=True)
class TableReader:
    """Reads tables of one data type."""

    data_type: DataType
    context: Context

    def read(
        self, sources: Sequence[Source], scratch: Path, parser: str | None, mapping: ColumnMapping
    ) -> list[StagedItem]:
        """Read every table and write its rows to the folder of its name in `scratch`.

        Raises
        ------
        CancelledError: the request was cancelled.
        """
        for source in sources:
            check_staged_name(source.name)
        with (
            ThreadPoolExecutor(min(self.context.threads, TABLES_AT_ONCE)) as pool,
            self.context.step(f"reading {self.data_type.name}", len(sources), unit="files") as advance,
        ):

            def read(source: Source) -> StagedItem:
                item = _read(source, self.data_type, scratch, parser, mapping)
                advance()
                return item

            return list(pool.map(read, sources))


def _read(
    source: Source, data_type: DataType, scratch: Path, parser: str | None, mapping: ColumnMapping
) -> StagedItem:
    try:
        frame, places = source.read()
    except DataError as error:
        messages = [str(fault) for fault in error.faults]
        return _item(source.name, [UploadParserResult(success=False, messages=messages)], error.faults)
    outcome = parse(
        frame, data_type, source.name, file_name=source.file_name, parser=parser, mapping=mapping,
        places=places,
    )  # fmt: skip
    if outcome.rows is None:
        return _item(source.name, outcome.results, outcome.faults)
    broken = validate(outcome.rows, data_type, source.name, outcome.places).faults
    if outcome.faults:
        return _item(source.name, outcome.results, [*outcome.faults, *broken])
    if not len(outcome.rows):
        fault = Fault("no_rows", source.name, "the table has no rows")
        took = next(r.parser for r in outcome.results if r.success)
        result = UploadParserResult(parser=took, success=False, messages=[str(fault)])
        return _item(source.name, [result], [fault])
    told = [*outcome.notes, *(str(fault) for fault in broken)]
    folder = scratch / source.name
    folder.mkdir()
    parts = write_parts(outcome.rows.drop(ROW), folder, data_type)
    return _item(source.name, [_noted(r, told) for r in outcome.results], broken, parts, success=True)


def _noted(result: UploadParserResult, messages: list[str]) -> UploadParserResult:
    """The parser that took the table also tells what was cleaned, and which rules its rows break."""
    if not result.success:
        return result
    return result.model_copy(update={"messages": messages})


def _item(
    name: str,
    results: list[UploadParserResult],
    faults: Sequence[Fault],
    parts: Sequence[Part] = (),
    *,
    success: bool = False,
) -> StagedItem:
    now = dt.datetime.now(dt.UTC)
    result = UploadStagingResult(name=name, timestamp=now, success=success, results=results)
    return StagedItem(result, tuple(parts), tuple(faults))


def of_archive(name: str, items: Sequence[StagedItem]) -> StagedItem:
    """What came of an archive: how many tables each parser took, or all that failed."""
    failed = [item for item in items if not item.result.success]
    faults = [fault for item in failed or items for fault in item.faults]
    if failed:
        return _item(name, [result for item in failed for result in item.result.results], faults)
    took: dict[str | None, list[str]] = {}
    for item in items:
        took.setdefault(item.result.success_parser, []).append(item.name)
    results = []
    for parser, names in took.items():
        message = f"{len(names):,} tables, {names[0]} to {names[-1]}"
        results.append(UploadParserResult(parser=parser, success=True, messages=[message]))
    notes = notes_of(items)
    if notes:
        results[0] = results[0].model_copy(update={"messages": [*results[0].messages, *notes]})
    return _item(name, results, faults, success=True)


def notes_of(items: Sequence[StagedItem]) -> list[str]:
    """What was cleaned or left out as tables were read: each message once, with the tables."""
    found: dict[str, list[str]] = {}
    for item in items:
        broken = {str(fault) for fault in item.faults}
        for result in item.result.results:
            for message in result.messages if result.success else ():
                if message not in broken:
                    found.setdefault(message, []).append(item.name)
    return [
        f"{names[0]}{f' and {len(names) - 1:,} more' if len(names) > 1 else ''}: {message}"
        for message, names in found.items()
    ]
