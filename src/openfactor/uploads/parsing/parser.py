"""Parsers: each recognises one layout of a table and turns it into the columns of the data type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from openfactor.errors import Fault, NotFoundError
from openfactor.results import UploadParserResult
from openfactor.settings import ColumnMapping
from openfactor.uploads.parsing.columns import Assignment, Normalised
from openfactor.uploads.parsing.layouts import Layout, LongLayout, MatrixLayout, TableLayout, WideLayout
from openfactor.uploads.parsing.matching import FrameOrigin, check_mapping
from openfactor.uploads.places import Places
from openfactor.uploads.schema import DataType
from openfactor.uploads.validation import ROW


@dataclass(frozen=True)
class ParseOutcome:
    """The rows of a frame, and what each parser says of it."""

    rows: pl.DataFrame | None
    """The columns of the data type, `_row`, and flags of cells that cannot be read; None if no parser knows
    the layout."""
    results: list[UploadParserResult]
    """One per parser that was asked."""
    faults: list[Fault]
    """Those of the parser that read the frame or, if none did, of the one with the fewest."""
    notes: list[str] = field(default_factory=list)
    """What was cleaned or dropped."""
    places: Places = field(default_factory=Places)
    """Of the rows."""

    @property
    def success(self) -> bool:
        """Whether every cell could be read."""
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
) -> ParseOutcome:
    """Read a frame with the parser that has the fewest faults; the first one among equals.

    Parameters
    ----------
    frame, data_type
        The frame, and what it is to become.
    source
        What faults call the frame.
    file_name
        May hold the date, if no column does.
    parser
        The one to ask, by default all.
    mapping
        What the columns of the frame are.
    places
        What faults call the rows of the frame.

    Raises
    ------
    NotFoundError
        There is no parser of that name.
    SettingsError
        The mapping does not fit the data type.
    """
    mapping = check_mapping(mapping or ColumnMapping(), data_type)
    places = places or Places()
    origin = FrameOrigin(source, file_name, mapping)
    results: list[UploadParserResult] = []
    read: list[tuple[Normalised, Assignment]] = []
    refusals: list[list[Fault]] = []
    for layout in _layouts(data_type, parser, mapping):
        assigned, faults = layout.recognise(frame, data_type, origin)
        if assigned is None:
            refusals.append(faults)
        else:
            rows = layout.read(_numbered(frame), data_type, assigned, source, places)
            read.append((_with_note(rows, assigned), assigned))
            faults = rows.faults
        messages = [str(fault) for fault in faults]
        results.append(UploadParserResult(parser=layout.name, success=not faults, messages=messages))
    if not read:
        return ParseOutcome(None, results, min(refusals, key=len))
    best, assigned = min(read, key=lambda pair: len(pair[0].faults))
    return ParseOutcome(best.rows, results, best.faults, best.notes, places.renamed(assigned.columns))


def _with_note(rows: Normalised, assigned: Assignment) -> Normalised:
    """The rows with a note on the columns that were dropped."""
    if not assigned.dropped:
        return rows
    return replace(rows, notes=[*rows.notes, f"dropped: {', '.join(assigned.dropped)}"])


def parser_names(data_type: DataType) -> list[str]:
    """The parsers of a data type, in the order in which they are asked."""
    return [layout.name for layout in _table_layouts(data_type)]


def parser_example(data_type: DataType, parser: str) -> pl.DataFrame:
    """Two rows in the layout of the parser; NotFoundError if there is no parser of that name."""
    layouts = {layout.name: layout for layout in _table_layouts(data_type)}
    if parser not in layouts:
        raise NotFoundError.of(f"{data_type.name} parser", parser, list(layouts))
    return layouts[parser].example(data_type)


def _table_layouts(data_type: DataType) -> list[TableLayout]:
    return [LongLayout(), WideLayout()] if data_type.wide else [TableLayout()]


def _layouts(data_type: DataType, parser: str | None, mapping: ColumnMapping) -> Sequence[Layout]:
    """The layouts to try; NotFoundError if there is none of the name."""
    layouts: Sequence[Layout] = [MatrixLayout()] if mapping.value else _table_layouts(data_type)
    chosen = [layout for layout in layouts if parser in (None, layout.name)]
    if not chosen:
        raise NotFoundError.of(f"{data_type.name} parser", str(parser), [layout.name for layout in layouts])
    return chosen


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `_row`, without empty rows, such as blank lines of a file."""
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
