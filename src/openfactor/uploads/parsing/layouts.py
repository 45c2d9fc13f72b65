"""Layouts of tables: how each is told, and how it becomes the columns of the data type."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.parsing.cells import cast
from openfactor.uploads.parsing.columns import Assignment, Normalised, assign, normalise
from openfactor.uploads.parsing.matching import Given, file_date, match
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column, DataType, Wide
from openfactor.uploads.validation import ROW, unread


class Layout:
    """One layout of a table."""

    name: ClassVar[str]

    def recognise(
        self, frame: pl.DataFrame, data_type: DataType, given: Given
    ) -> tuple[Assignment | None, list[Fault]]:
        """Which column is which; None, with the faults, if this is not the layout."""
        known, faults = match(frame, data_type.columns, data_type, given, loose=given.mapping.drop_extra)
        return known and replace(known, rest=[], left_out=known.rest), faults

    def read(
        self, frame: pl.DataFrame, data_type: DataType, known: Assignment, source: str, places: Places
    ) -> Normalised:
        """The rows, and what cannot be read."""
        return normalise(frame, data_type.columns, known, source, places)


class Table(Layout):
    """One column for each column of the data type; order, case and common aliases do not matter."""

    name = "table"

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
        self, frame: pl.DataFrame, data_type: DataType, given: Given
    ) -> tuple[Assignment | None, list[Fault]]:
        wide, kept = _wide(data_type), _kept(data_type)
        known, faults = match(frame, kept, data_type, given, loose=True)
        long = assign(frame.columns, data_type.columns, given.source, given.mapping).columns
        for column in (name for name in wide.names if name in long):
            message = f"{long[column]!r} belongs to the long layout"
            faults.append(Fault("not_wide", given.source, message, column))
        names = known.rest if known else []
        others = [
            name
            for name in names
            if name.startswith("_") or len([p for p in _split(name, wide) if p]) < len(wide.names)
        ]
        if known and given.mapping.drop_extra:
            names = [name for name in names if name not in others]
            known, others = replace(known, rest=names, left_out=others), []
        if known and not names:
            message = f"there is no column named {'.'.join(wide.names)}"
            faults.append(Fault("not_wide", given.source, message))
        if not faults:
            message = f"must be named {'.'.join(wide.names)}; map it to None, or set drop_extra=True"
            faults += [Fault("unknown_column", given.source, message, name) for name in others]
        return (None if faults else known), faults

    def read(
        self, frame: pl.DataFrame, data_type: DataType, known: Assignment, source: str, places: Places
    ) -> Normalised:
        wide = _wide(data_type)
        left = normalise(frame, _kept(data_type), known, source, places)
        headings = pl.DataFrame(
            [_split(name, wide) for name in known.rest],
            schema=dict.fromkeys(wide.names, pl.String),
            orient="row",
        )
        return unpivot(frame, left, known.rest, headings, data_type, wide.value, source, places)

    def example(self, data_type: DataType) -> pl.DataFrame:
        wide = _wide(data_type)
        long = data_type.example().with_columns(pl.concat_str(wide.names, separator=".").alias("_heading"))
        kept = [c.name for c in _kept(data_type)]
        return long.pivot("_heading", index=kept, values=wide.value)


class Matrix(Layout):
    """One column for each asset (or whatever the one column of the key that is missing names), in which the
    cells hold what a mapping's `value` says; empty cells have no row."""

    name = "matrix"

    def recognise(
        self, frame: pl.DataFrame, data_type: DataType, given: Given
    ) -> tuple[Assignment | None, list[Fault]]:
        value = str(given.mapping.value)
        columns = tuple(column for column in data_type.columns if column.name != value)
        known = assign(frame.columns, columns, given.source, given.mapping)
        missing = [
            c.name for c in columns if c.key and c.name not in known.columns and c.name not in known.constants
        ]
        day = file_date(given.file_name)
        if len(missing) > 1 and data_type.dated_by in missing and day:
            missing.remove(data_type.dated_by)
        if len(missing) > 1 and "asset_id" in missing:
            missing = ["asset_id"]
        if len(missing) != 1:
            message = (
                f"headings must name one column of the key; give all but one of {', '.join(data_type.key)}"
            )
            return None, [Fault("not_matrix", given.source, message)]
        columns = tuple(column for column in columns if column.name != missing[0])
        known_or_none, faults = match(frame, columns, data_type, given, loose=True)
        if known_or_none is not None and not known_or_none.rest:
            message = f"there is no column for a {missing[0]}"
            return None, [Fault("not_matrix", given.source, message)]
        return known_or_none and replace(known_or_none, headings=missing[0], value=value), faults

    def read(
        self, frame: pl.DataFrame, data_type: DataType, known: Assignment, source: str, places: Places
    ) -> Normalised:
        kept = tuple(c for c in data_type.columns if c.name not in (known.headings, known.value))
        left = normalise(frame, kept, known, source, places)
        column = next(c for c in data_type.columns if c.name == known.headings)
        cells = cast(pl.DataFrame({column.name: known.rest}), column, column.name, source)
        left = replace(left, faults=[*left.faults, *cells.faults])
        headings = cells.values.alias(column.name).to_frame()
        return unpivot(frame, left, known.rest, headings, data_type, str(known.value), source, places)


def unpivot(
    frame: pl.DataFrame,
    left: Normalised,
    names: list[str],
    headings: pl.DataFrame,
    data_type: DataType,
    value: str,
    source: str,
    places: Places,
) -> Normalised:
    """One row for each cell that is not empty.

    names : the columns of `frame` whose cells become rows
    headings : what the heading of each of them says, one row each
    """
    column = next(c for c in data_type.columns if c.name == value)
    faults, values = list(left.faults), []
    for i, name in enumerate(names):
        cells = cast(frame, column, name, source, places)
        values.append(cells.values.alias(f"{i}"))
        faults += cells.faults
    rows = left.rows.hstack(values).unpivot(
        on=[series.name for series in values], index=left.rows.columns, variable_name="_heading",
        value_name=value,
    )  # fmt: skip
    rows = rows.filter(pl.col(value).is_not_null()).with_columns(pl.col("_heading").cast(pl.Int64))
    numbered = headings.with_row_index("_heading").cast({"_heading": pl.Int64})
    rows = rows.join(numbered, on="_heading", how="left", maintain_order="left")
    return Normalised(
        rows.select(ROW, *data_type.schema, pl.selectors.starts_with(unread(""))), faults, left.notes
    )


def _wide(data_type: DataType) -> Wide:
    assert data_type.wide is not None  # only such data types have this parser
    return data_type.wide


def _split(name: str, wide: Wide) -> list[str]:
    """The parts of a heading; what follows the last dot that counts may have more."""
    return [part.strip() for part in name.split(".", len(wide.names) - 1)]


def _kept(data_type: DataType) -> tuple[Column, ...]:
    """The columns that the wide layout has too."""
    wide = _wide(data_type)
    return tuple(c for c in data_type.columns if c.name not in (*wide.names, wide.value))
