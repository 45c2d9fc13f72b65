"""Layouts of tables: how each is recognised, and how it becomes the columns of the data type."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.parsing.cells import cast_cells
from openfactor.uploads.parsing.columns import Assignment, Normalised, assign, normalise
from openfactor.uploads.parsing.matching import FrameOrigin, file_date, match_columns
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column, DataType, Wide
from openfactor.uploads.validation import ROW, unreadable_flag


class Layout:
    """One layout of a table."""

    name: ClassVar[str]

    def recognise(
        self, frame: pl.DataFrame, data_type: DataType, origin: FrameOrigin
    ) -> tuple[Assignment | None, list[Fault]]:
        """Which column is which; None, with the faults, if the frame does not have this layout."""
        drop_extra = origin.mapping.drop_extra
        assigned, faults = match_columns(frame, data_type.columns, data_type, origin, allow_others=drop_extra)
        return assigned and replace(assigned, unassigned=[], dropped=assigned.unassigned), faults

    def read(
        self, frame: pl.DataFrame, data_type: DataType, assigned: Assignment, source: str, places: Places
    ) -> Normalised:
        """The rows, and the faults of cells that cannot be read."""
        return normalise(frame, data_type.columns, assigned, source, places)


class TableLayout(Layout):
    """One column per column of the data type; order, case and common aliases do not matter."""

    name = "table"

    def example(self, data_type: DataType) -> pl.DataFrame:
        """Two rows in this layout."""
        return data_type.example()


class LongLayout(TableLayout):
    """One row per value."""

    name = "long"


class WideLayout(TableLayout):
    """One column per factor or series, whose heading is its name; empty cells have no row."""

    name = "wide"

    def recognise(
        self, frame: pl.DataFrame, data_type: DataType, origin: FrameOrigin
    ) -> tuple[Assignment | None, list[Fault]]:
        wide = _wide(data_type)
        assigned, faults = match_columns(
            frame, _other_columns(data_type), data_type, origin, allow_others=True
        )
        faults += _long_columns(frame, data_type, wide, origin)
        names = assigned.unassigned if assigned else []
        unnamed = [name for name in names if not _is_wide_name(name, wide)]
        if assigned and origin.mapping.drop_extra:
            names = [name for name in names if name not in unnamed]
            assigned, unnamed = replace(assigned, unassigned=names, dropped=unnamed), []
        form = ".".join(wide.names)
        if assigned and not names:
            faults.append(Fault("not_wide", origin.source, f"there is no column named {form}"))
        if not faults:
            message = f"must be named {form}; map it to None, or set drop_extra=True"
            faults += [Fault("unknown_column", origin.source, message, name) for name in unnamed]
        return (None if faults else assigned), faults

    def read(
        self, frame: pl.DataFrame, data_type: DataType, assigned: Assignment, source: str, places: Places
    ) -> Normalised:
        wide = _wide(data_type)
        rows = normalise(frame, _other_columns(data_type), assigned, source, places)
        headings = pl.DataFrame(
            [_split(name, wide) for name in assigned.unassigned],
            schema=dict.fromkeys(wide.names, pl.String),
            orient="row",
        )
        return unpivot(frame, rows, assigned.unassigned, headings, data_type, wide.value, source, places)

    def example(self, data_type: DataType) -> pl.DataFrame:
        wide = _wide(data_type)
        long = data_type.example().with_columns(pl.concat_str(wide.names, separator=".").alias("_heading"))
        index = [column.name for column in _other_columns(data_type)]
        return long.pivot("_heading", index=index, values=wide.value)


class MatrixLayout(Layout):
    """One column per asset, with the column that a mapping's `value` names; empty cells have no row.

    Headings may also be currencies, series or days: values of the one column of the key that is given nowhere
    else.
    """

    name = "matrix"

    def recognise(
        self, frame: pl.DataFrame, data_type: DataType, origin: FrameOrigin
    ) -> tuple[Assignment | None, list[Fault]]:
        value = str(origin.mapping.value)
        columns = tuple(column for column in data_type.columns if column.name != value)
        missing = _missing_keys(frame, columns, data_type, origin)
        if len(missing) != 1:
            key = ", ".join(data_type.key)
            message = f"headings must name one column of the key; give all but one of {key}"
            return None, [Fault("not_matrix", origin.source, message)]
        columns = tuple(column for column in columns if column.name != missing[0])
        assigned, faults = match_columns(frame, columns, data_type, origin, allow_others=True)
        if assigned is not None and not assigned.unassigned:
            message = f"there is no column for a {missing[0]}"
            return None, [Fault("not_matrix", origin.source, message)]
        return assigned and replace(assigned, heading_column=missing[0], value_column=value), faults

    def read(
        self, frame: pl.DataFrame, data_type: DataType, assigned: Assignment, source: str, places: Places
    ) -> Normalised:
        headed = (assigned.heading_column, assigned.value_column)
        others = tuple(column for column in data_type.columns if column.name not in headed)
        rows = normalise(frame, others, assigned, source, places)
        column = next(column for column in data_type.columns if column.name == assigned.heading_column)
        names = assigned.unassigned
        cells = cast_cells(pl.DataFrame({column.name: names}), column, column.name, source)
        rows = replace(rows, faults=[*rows.faults, *cells.faults])
        headings = cells.values.alias(column.name).to_frame()
        value = str(assigned.value_column)
        return unpivot(frame, rows, names, headings, data_type, value, source, places)


def unpivot(
    frame: pl.DataFrame,
    rows: Normalised,
    names: list[str],
    headings: pl.DataFrame,
    data_type: DataType,
    value: str,
    source: str,
    places: Places,
) -> Normalised:
    """One row per cell that is not empty.

    Parameters
    ----------
    frame, source, places
        The user's frame, what faults call it, and what they call its rows.
    rows
        The columns that all cells of a row share.
    names
        The columns of `frame` whose cells become rows.
    headings
        What the heading of each of these columns says, one row per column.
    data_type, value
        The data type, and its column that the cells hold.
    """
    column = next(column for column in data_type.columns if column.name == value)
    faults, values = list(rows.faults), []
    for i, name in enumerate(names):
        cells = cast_cells(frame, column, name, source, places)
        values.append(cells.values.alias(f"{i}"))
        faults += cells.faults
    long = rows.rows.hstack(values).unpivot(
        on=[series.name for series in values], index=rows.rows.columns, variable_name="_heading",
        value_name=value,
    )  # fmt: skip
    long = long.filter(pl.col(value).is_not_null()).with_columns(pl.col("_heading").cast(pl.Int64))
    numbered = headings.with_row_index("_heading").cast({"_heading": pl.Int64})
    long = long.join(numbered, on="_heading", how="left", maintain_order="left")
    flags = pl.selectors.starts_with(unreadable_flag(""))
    return Normalised(long.select(ROW, *data_type.schema, flags), faults, rows.notes)


def _missing_keys(
    frame: pl.DataFrame, columns: tuple[Column, ...], data_type: DataType, origin: FrameOrigin
) -> list[str]:
    """Columns of the key that are given nowhere, so that the headings of a matrix may hold them."""
    assigned = assign(frame.columns, columns, origin.source, origin.mapping)
    missing = [
        column.name
        for column in columns
        if column.key and column.name not in assigned.columns and column.name not in assigned.constants
    ]
    if len(missing) > 1 and data_type.dated_by in missing and file_date(origin.file_name):
        missing.remove(data_type.dated_by)
    return ["asset_id"] if len(missing) > 1 and "asset_id" in missing else missing


def _long_columns(frame: pl.DataFrame, data_type: DataType, wide: Wide, origin: FrameOrigin) -> list[Fault]:
    """Faults of columns that the wide layout has no place for."""
    long = assign(frame.columns, data_type.columns, origin.source, origin.mapping).columns
    return [
        Fault("not_wide", origin.source, f"{long[column]!r} belongs to the long layout", column)
        for column in wide.names
        if column in long
    ]


def _wide(data_type: DataType) -> Wide:
    assert data_type.wide is not None  # only such data types have this parser
    return data_type.wide


def _is_wide_name(name: str, wide: Wide) -> bool:
    """Whether a heading has all its parts."""
    return not name.startswith("_") and all(_split(name, wide)) and len(_split(name, wide)) == len(wide.names)


def _split(name: str, wide: Wide) -> list[str]:
    """The parts of a heading; the last one may contain dots."""
    return [part.strip() for part in name.split(".", len(wide.names) - 1)]


def _other_columns(data_type: DataType) -> tuple[Column, ...]:
    """The columns that the wide layout shares with the long one."""
    wide = _wide(data_type)
    return tuple(column for column in data_type.columns if column.name not in (*wide.names, wide.value))
