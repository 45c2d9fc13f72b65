"""Parsers: each recognises one layout of a table and turns it into the columns of the data type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from openfactor.errors import Fault, NotFoundError
from openfactor.results import UploadParserResult
from openfactor.settings import ColumnMapping
from openfactor.uploads.parsing.columns import Assignment, Normalised
from openfactor.uploads.parsing.layouts import Layout, Long, Matrix, Table, WideTable
from openfactor.uploads.parsing.matching import Given, check_mapping
from openfactor.uploads.places import Places
from openfactor.uploads.schema import DataType
from openfactor.uploads.validation import ROW


@dataclass(frozen=True)
class Outcome:
    """What parsing gave."""

    rows: pl.DataFrame | None
    """The columns of the data type, `_row`, and what says which cells could not be read; None if no parser
    knows the layout."""
    results: list[UploadParserResult]
    """One for each parser that was asked."""
    faults: list[Fault]
    """What stands in the way; of the layout that it is, or that it comes nearest to."""
    notes: list[str] = field(default_factory=list)
    """What was cleaned or left out."""
    places: Places = field(default_factory=Places)
    """Of the rows."""

    @property
    def success(self) -> bool:
        return self.rows is not None and not self.faults


def parse(
    frame: pl.DataFrame,
    data_type: DataType,
    source: str,
    *,
    file_name: str | None = None,
    parser: str | None = None,
    mapping: ColumnMapping | None = None,
    places: Places | None = None,
) -> Outcome:
    """Let the first parser that knows the layout read the frame.

    source : what faults call the frame
    file_name : may hold the date, if no column does
    parser : ask only this one
    mapping : what the frame's columns are
    places : what faults call its rows

    Raises
    ------
    NotFoundError: no parser of that name. SettingsError: the mapping does not fit the data type.
    """
    mapping = check_mapping(mapping or ColumnMapping(), data_type)
    places, results = places or Places(), []
    read: list[tuple[Normalised, Assignment]] = []
    refused: list[list[Fault]] = []
    for one in _asked(data_type, parser, mapping):
        known, faults = one.recognise(frame, data_type, Given(source, file_name, mapping))
        if known is None:
            refused.append(faults)
        else:
            table = one.read(_numbered(frame), data_type, known, source, places)
            left = f"left out: {', '.join(known.left_out)}" if known.left_out else ""
            read.append((replace(table, notes=[*table.notes, left] if left else table.notes), known))
            faults = table.faults
        results.append(UploadParserResult(
            parser=one.name, success=not faults, messages=[str(fault) for fault in faults]
        ))  # fmt: skip
    if not read:
        return Outcome(None, results, min(refused, key=len))
    best, known = min(read, key=lambda found: len(found[0].faults))
    return Outcome(best.rows, results, best.faults, best.notes, places.renamed(known.columns))


def parser_names(data_type: DataType) -> list[str]:
    """The parsers of a data type, in the order in which they are asked."""
    return [p.name for p in _tables(data_type)]


def _tables(data_type: DataType) -> list[Table]:
    return [Long(), WideTable()] if data_type.wide else [Table()]


def _asked(data_type: DataType, parser: str | None, mapping: ColumnMapping) -> Sequence[Layout]:
    every: Sequence[Layout] = [Matrix()] if mapping.value else _tables(data_type)
    chosen = [p for p in every if parser in (None, p.name)]
    if not chosen:
        raise NotFoundError.of(f"{data_type.name} parser", str(parser), [p.name for p in every])
    return chosen


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """With `_row`, without rows that are empty throughout, such as blank lines of a file."""
    numbered = frame.with_row_index(ROW)
    if not frame.width:
        return numbered
    first = frame.to_series(0)
    if first.null_count() or (first.dtype == pl.String and first.str.contains(r"^\s*$").any()):
        filled = [
            pl.col(name).is_not_null() & (pl.col(name).str.strip_chars() != "")
            if dtype == pl.String
            else pl.col(name).is_not_null()
            for name, dtype in frame.schema.items()
        ]
        numbered = numbered.filter(pl.any_horizontal(filled))
    return numbered


def parser_example(data_type: DataType, parser: str) -> pl.DataFrame:
    """Two rows in the layout of the parser."""
    known = {p.name: p for p in _tables(data_type)}
    if parser not in known:
        raise NotFoundError.of(f"{data_type.name} parser", parser, list(known))
    return known[parser].example(data_type)
