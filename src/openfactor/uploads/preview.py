"""What a frame would be taken for, without storing it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from openfactor.results import MultiParserResult, UploadParserResult
from openfactor.results.validation import Validation
from openfactor.settings import ColumnMapping
from openfactor.uploads.parsing import ParseOutcome, parse, parser_example, parser_names, refuse_file_name
from openfactor.uploads.places import RawTable
from openfactor.uploads.schema import DataType
from openfactor.uploads.validation import validate


@dataclass(frozen=True)
class Preview:
    """Parses and validates frames of `openfactor.frames.as_table` as a data type.

    In all methods `parser` is the one to ask (by default all), `file_name` a name that may hold the date, and
    `mapping` says which columns are which.
    """

    data_type: DataType

    def parsers(self) -> list[str]:
        """Names of the parsers, in the order in which they are tried."""
        return parser_names(self.data_type)

    def example(self, parser: str) -> pl.DataFrame:
        """Two rows in the layout of a parser; NotFoundError if there is none of the name."""
        return parser_example(self.data_type, parser)

    def can_handle(
        self,
        frame: pl.DataFrame,
        parser: str | None = None,
        file_name: str | None = None,
        mapping: ColumnMapping | None = None,
    ) -> MultiParserResult:
        """The answer of each parser."""
        return MultiParserResult(results=self._outcome(frame, parser, file_name, mapping).results)

    def parse(
        self,
        frame: pl.DataFrame,
        parser: str | None = None,
        file_name: str | None = None,
        mapping: ColumnMapping | None = None,
    ) -> tuple[pl.DataFrame, UploadParserResult]:
        """The rows in the columns of the data type, and the parser that took them; no rows if none did."""
        outcome = self._outcome(frame, parser, file_name, mapping)
        if outcome.rows is None or outcome.faults:
            messages = [str(fault) for fault in outcome.faults]
            return self.data_type.empty(), UploadParserResult(success=False, messages=messages)
        rows = outcome.rows.select(*self.data_type.schema)
        return rows, next(result for result in outcome.results if result.success)

    def validate(
        self,
        frame: pl.DataFrame,
        parser: str | None = None,
        file_name: str | None = None,
        mapping: ColumnMapping | None = None,
    ) -> Validation:
        """The good rows, and the faults of the others."""
        outcome = self._outcome(frame, parser, file_name, mapping)
        if outcome.rows is None:
            return Validation(self.data_type.empty(), tuple(outcome.faults))
        checked = validate(outcome.rows, self.data_type, file_name, outcome.places)
        return Validation(checked.rows, (*outcome.faults, *checked.faults))

    def _outcome(
        self, frame: pl.DataFrame, parser: str | None, file_name: str | None, mapping: ColumnMapping | None
    ) -> ParseOutcome:
        mapping = mapping or ColumnMapping()
        if file_name is None:
            refuse_file_name(mapping)
        table = RawTable.of(frame)
        return parse(
            table.frame, self.data_type, file_name or self.data_type.name, file_name=file_name,
            parser=parser, mapping=mapping, places=table.places,
        )  # fmt: skip
