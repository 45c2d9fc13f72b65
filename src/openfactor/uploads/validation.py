"""Holds rows against their data type: every fault in one pass, besides the rows that are good."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from openfactor.errors import DataError, Fault
from openfactor.results.validation import Validation
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column, DataType

MAX_EXAMPLES = 5
ROW = "_row"
"""Number of a row in the table that the user gave, from 0; beside the columns until rows are stored."""


def refuse(what: str, faults: list[Fault] | tuple[Fault, ...], remedy: str = "") -> None:
    """Raise DataError with all faults, if there are any."""
    if faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        raise DataError(f"{what}: nothing was stored, {count}{remedy}:", faults)


def example_rows(
    rows: pl.DataFrame, columns: list[str], places: Places | None = None, at: str | None = None
) -> tuple[str, ...]:
    """The first rows as text, each with its place (when rows have numbers) and the columns.

    at : the column whose cells the places are; None for places of rows
    """
    places = places or Places()
    keep = dict.fromkeys(c for c in (ROW, *columns) if c in rows.columns)
    return tuple(
        ", ".join(places.of(value, at) if name == ROW else f"{name} {value!s}" for name, value in row.items())
        for row in rows.head(MAX_EXAMPLES).select(list(keep)).to_dicts()
    )


def unread(column: str) -> str:
    """Name of the column that says which cells of another could not be read, and were reported."""
    return f"_unread {column}"


def validate(
    rows: pl.DataFrame, data_type: DataType, source: str | None = None, places: Places | None = None
) -> Validation:
    """Hold normalised rows against every rule on rows, and the key.

    rows : the columns of the data type in its types; with `_row` where the rows have numbers, and with
        `unread(column)` where cells could not be read: such rows are not good, and only the rules on their
        other cells apply
    source : what faults call the table, by default the data type
    places : what they call its rows
    """
    source = source or data_type.name
    if ROW not in rows.columns:
        rows = rows.with_row_index(ROW)
    key = data_type.key
    checks = _checks(data_type, rows.columns)
    flags = rows.select(broken.any().alias(f"{i}") for i, (_, _, broken, _) in enumerate(checks)).row(0)
    faults = []
    bad = _unread(data_type.schema, rows.columns)
    for i, (rule, column, broken, message) in enumerate(checks):
        if not flags[i]:
            continue
        bad = bad | broken.fill_null(False)
        found = rows.filter(broken)
        shown = example_rows(found, [*key, *([] if rule == "empty" else [column])], places, column)
        faults.append(Fault(rule, source, message, column, len(found), shown))
    # different digests are different keys; only equal ones are worth the slower look
    known = rows.filter(~_unread(key, rows.columns))
    repeated = pl.struct(key).is_duplicated()
    if known.select(key).hash_rows().n_unique() < len(known):
        found = known.filter(repeated).sort(key)
        if len(found):
            bad = bad | pl.col(ROW).is_in(found[ROW].implode())
            message = f"{', '.join(key)} must be unique"
            shown = example_rows(found, key, places)
            faults.append(Fault("duplicate_key", source, message, None, len(found), shown))
    return Validation(rows.filter(~bad).select(*data_type.schema), tuple(faults))


def _checks(data_type: DataType, given: list[str]) -> list[tuple[str, str, pl.Expr, str]]:
    """Rule, column, what breaks it, message: first the cells that must not be empty."""
    empty = [
        ("empty", column.name, _is_empty(column), "must not be empty")
        for column in data_type.columns
        if not column.may_be_empty
    ]
    checks = empty + [(r.name, r.column, r.broken, r.message) for r in data_type.rules]
    return [
        (rule, column, broken & ~_unread(broken.meta.root_names(), given), message)
        for rule, column, broken, message in checks
    ]


def _unread(columns: Iterable[str], given: list[str]) -> pl.Expr:
    """Whether a cell of one of the columns could not be read."""
    masks = [pl.col(unread(column)) for column in columns if unread(column) in given]
    return pl.any_horizontal(masks) if masks else pl.lit(False)


def _is_empty(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    return value.is_null() | (value == "") if column.dtype == pl.String else value.is_null()
