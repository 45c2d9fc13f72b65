"""Parsers: each recognises one layout of a table and turns it into the columns of the data type."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import ClassVar

import polars as pl

from openfactor.errors import Fault, NotFoundError
from openfactor.settings import UploadParserResult
from openfactor.uploads.parsing.columns import Assignment, assign, cast, normalise, plain
from openfactor.uploads.schema import Column, DataType, Wide
from openfactor.uploads.validation import ROW, unread

_FILE_DATE = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})\2(\d{2})(?!\d)")


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
) -> Outcome:
    """Let the first parser that knows the layout read the frame.

    source : what faults call the frame
    file_name : may hold the date, if no column does
    parser : ask only this one

    Raises
    ------
    NotFoundError: no parser of that name.
    """
    results = []
    read: list[tuple[list[Fault], pl.DataFrame]] = []
    refused: list[list[Fault]] = []
    for one in _asked(data_type, parser):
        known, faults = one.recognise(frame, data_type, source, file_name)
        if known is None:
            refused.append(faults)
        else:
            rows, faults = one.read(_numbered(frame), data_type, known, source)
            read.append((faults, rows))
        results.append(UploadParserResult(
            parser=one.name, success=not faults, messages=[str(fault) for fault in faults]
        ))  # fmt: skip
    if not read:
        return Outcome(None, results, min(refused, key=len))
    faults, rows = min(read, key=lambda found: len(found[0]))
    return Outcome(rows, results, faults)


def parser_names(data_type: DataType) -> list[str]:
    """The parsers of a data type, in the order in which they are asked."""
    return [p.name for p in _asked(data_type, None)]


def _asked(data_type: DataType, parser: str | None) -> list[Table]:
    every = [Long(), WideTable()] if data_type.wide else [Table()]
    chosen = [p for p in every if parser in (None, p.name)]
    if not chosen:
        raise NotFoundError.of(f"{data_type.name} parser", str(parser), [p.name for p in every])
    return chosen


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """With `_row`, without rows that are empty throughout, such as blank lines of a file."""
    numbered = frame.with_row_index(ROW)
    if frame.width and frame.to_series(0).null_count():
        numbered = numbered.filter(~pl.all_horizontal(pl.exclude(ROW).is_null()))
    return numbered


class Table:
    """One column for each column of the data type; order, case and common aliases do not matter."""

    name: ClassVar[str] = "table"

    def recognise(
        self, frame: pl.DataFrame, data_type: DataType, source: str, file_name: str | None
    ) -> tuple[Assignment | None, list[Fault]]:
        """Which column is which; None, with the faults, if this is not the layout."""
        return _match(frame, data_type.columns, data_type, source, file_name, loose=False)

    def read(
        self, frame: pl.DataFrame, data_type: DataType, known: Assignment, source: str
    ) -> tuple[pl.DataFrame, list[Fault]]:
        """The rows, and the faults of what cannot be read."""
        return normalise(frame, data_type.columns, known, source)

    def example(self, data_type: DataType) -> pl.DataFrame:
        """Two rows in this layout."""
        return data_type.example()


class Long(Table):
    """One row for each value."""

    name = "long"


class WideTable(Table):
    """One column for each factor or series, with its name as heading; empty cells have no row."""

    name = "wide"

    def recognise(
        self, frame: pl.DataFrame, data_type: DataType, source: str, file_name: str | None
    ) -> tuple[Assignment | None, list[Fault]]:
        wide, kept = _wide(data_type), _kept(data_type)
        known, faults = _match(frame, kept, data_type, source, file_name, loose=True)
        long = assign(frame.columns, data_type.columns, source).columns
        for column in (name for name in wide.names if name in long):
            message = f"{long[column]!r} belongs to the long layout"
            faults.append(Fault("not_wide", source, message, column))
        names = known.rest if known else []
        if known and not names:
            faults.append(Fault("not_wide", source, f"there is no column named {'.'.join(wide.names)}"))
        if not faults:
            faults += [
                Fault("unknown_column", source, f"must be named {'.'.join(wide.names)}", name)
                for name in names
                if name.startswith("_") or len([p for p in _split(name, wide) if p]) < len(wide.names)
            ]
        return (None if faults else known), faults

    def read(
        self, frame: pl.DataFrame, data_type: DataType, known: Assignment, source: str
    ) -> tuple[pl.DataFrame, list[Fault]]:
        wide = _wide(data_type)
        left, faults = normalise(frame, _kept(data_type), known, source)
        value = next(c for c in data_type.columns if c.name == wide.value)
        headings: dict[str, list[str]] = {}
        values = []
        for i, name in enumerate(known.rest):
            cells = cast(frame, value, name, source)
            values.append(cells.values.alias(f"_{i}"))
            headings[f"_{i}"] = _split(name, wide)
            if cells.fault:
                faults.append(cells.fault)
        rows = left.hstack(values).unpivot(
            on=list(headings), index=left.columns, variable_name="_heading", value_name=wide.value
        )
        parts = [
            pl.col("_heading")
            .replace_strict({k: names[i] for k, names in headings.items()}, return_dtype=pl.String)
            .alias(part)
            for i, part in enumerate(wide.names)
        ]
        rows = rows.filter(pl.col(wide.value).is_not_null()).with_columns(parts)
        return rows.select(ROW, *data_type.schema, pl.selectors.starts_with(unread(""))), faults

    def example(self, data_type: DataType) -> pl.DataFrame:
        wide = _wide(data_type)
        long = data_type.example().with_columns(pl.concat_str(wide.names, separator=".").alias("_heading"))
        kept = [c.name for c in _kept(data_type)]
        return long.pivot("_heading", index=kept, values=wide.value)


def parser_example(data_type: DataType, parser: str) -> pl.DataFrame:
    """Two rows in the layout of the parser."""
    return _asked(data_type, parser)[0].example(data_type)


def _wide(data_type: DataType) -> Wide:
    assert data_type.wide is not None  # only such data types have this parser
    return data_type.wide


def _split(name: str, wide: Wide) -> list[str]:
    """The parts of a heading; what follows the last dot that counts may have more."""
    return name.split(".", len(wide.names) - 1)


def _kept(data_type: DataType) -> tuple[Column, ...]:
    """The columns that the wide layout has too."""
    wide = _wide(data_type)
    return tuple(c for c in data_type.columns if c.name not in (*wide.names, wide.value))


def _match(
    frame: pl.DataFrame,
    columns: tuple[Column, ...],
    data_type: DataType,
    source: str,
    file_name: str | None,
    *,
    loose: bool,
) -> tuple[Assignment | None, list[Fault]]:
    """The user's column for each of `columns`; unless `loose`, there must be no others."""
    known = assign(frame.columns, columns, source)
    faults = list(known.ambiguous)
    day = _file_date(file_name)
    if data_type.dated_by and data_type.dated_by not in known.columns and day:
        known = replace(known, constants=known.constants | {data_type.dated_by: day})
    for column in columns:
        if column.name in known.columns or column.name in known.constants or column.optional:
            continue
        if any(fault.column == column.name for fault in faults):
            continue
        message = f"is missing; the table has {', '.join(map(repr, frame.columns)) or 'no columns'}"
        if column.name == data_type.dated_by:
            message += ", and the file name has no date such as 2024-12-31"
        faults.append(Fault("missing_column", source, message, column.name))
    if not loose:
        faults += [
            Fault("unknown_column", source, f"{_nearest(name, columns)}; rename or drop it", name or "''")
            for name in known.rest
        ]
    return (None if faults else known), faults


def _nearest(name: str, columns: tuple[Column, ...]) -> str:
    if plain(name) in {c.name for c in columns}:
        return "is there twice"
    return f"is none of {', '.join(c.name for c in columns)}"


def _file_date(file_name: str | None) -> dt.date | None:
    """The one date in a file's name; None if there is none, or more than one."""
    found = set()
    for year, _, month, day in _FILE_DATE.findall(file_name or ""):
        try:
            found.add(dt.date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return found.pop() if len(found) == 1 else None
