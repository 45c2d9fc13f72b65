"""Checks rows against the rules of their data type: every fault in one pass, and the rows without any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from openfactor.errors import DataError, Fault
from openfactor.results.validation import Validation
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column, DataType

MAX_EXAMPLES = 5
ROW = "_row"
"""Number of a row in the user's table, from 0: a column until rows are stored."""


def refuse(what: str, faults: Sequence[Fault], remedy: str = "") -> None:
    """Raise DataError with all faults, if there are any."""
    if faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        raise DataError(f"{what}: nothing was stored, {count}{remedy}:", faults)


def example_rows(
    rows: pl.DataFrame, columns: list[str], places: Places | None = None, at: str | None = None
) -> tuple[str, ...]:
    """The first rows as text: the place of each, if rows have numbers, then its columns.

    Parameters
    ----------
    rows, columns
        The rows, and their columns to show.
    places
        What to call the rows.
    at
        The column whose cells are named; None to name rows.
    """
    places = places or Places()
    shown = list(dict.fromkeys(name for name in (ROW, *columns) if name in rows.columns))
    return tuple(
        ", ".join(
            places.label(value, at) if name == ROW else f"{name} {value!s}" for name, value in row.items()
        )
        for row in rows.head(MAX_EXAMPLES).select(shown).to_dicts()
    )


def unreadable_flag(column: str) -> str:
    """Name of the column that flags cells of another one that could not be read, and were reported."""
    return f"_unreadable {column}"


class _Check(NamedTuple):
    rule: str
    column: str
    broken: pl.Expr
    message: str


def validate(
    rows: pl.DataFrame, data_type: DataType, source: str | None = None, places: Places | None = None
) -> Validation:
    """Check normalised rows against all rules on rows, and the uniqueness of keys.

    Parameters
    ----------
    rows
        The columns of the data type in its types; with `_row` if the rows have numbers, and with
        `unreadable_flag(column)` if cells could not be read: such rows are not good, and only the rules on
        their other cells apply.
    data_type
        Has the rules.
    source
        What faults call the table, by default the data type.
    places
        What they call its rows.
    """
    source = source or data_type.name
    if ROW not in rows.columns:
        rows = rows.with_row_index(ROW)
    checks = _checks(data_type, rows.columns)
    is_broken = rows.select(check.broken.any().alias(f"{i}") for i, check in enumerate(checks)).row(0)
    faults = []
    bad = _any_unreadable(data_type.schema, rows.columns)
    for check, broken in zip(checks, is_broken, strict=True):
        if not broken:
            continue
        bad = bad | check.broken.fill_null(False)
        breaking = rows.filter(check.broken)
        shown = [*data_type.key, *([] if check.rule == "empty" else [check.column])]
        examples = example_rows(breaking, shown, places, check.column)
        faults.append(Fault(check.rule, source, check.message, check.column, len(breaking), examples))
    repeated = _repeated_keys(rows, data_type)
    if len(repeated):
        bad = bad | pl.col(ROW).is_in(repeated[ROW].implode())
        message = f"{', '.join(data_type.key)} must be unique"
        examples = example_rows(repeated, data_type.key, places)
        faults.append(Fault("duplicate_key", source, message, None, len(repeated), examples))
    return Validation(rows.filter(~bad).select(*data_type.schema), tuple(faults))


def _repeated_keys(rows: pl.DataFrame, data_type: DataType) -> pl.DataFrame:
    """The rows whose key is not unique, sorted by it; keys that could not be read are left aside."""
    key = data_type.key
    readable = rows.filter(~_any_unreadable(key, rows.columns))
    # different hashes are different keys; only equal ones are worth the slower comparison
    if readable.select(key).hash_rows().n_unique() == len(readable):
        return readable.clear()
    return readable.filter(pl.struct(key).is_duplicated()).sort(key)


def _checks(data_type: DataType, given: list[str]) -> list[_Check]:
    """All checks of a data type, first those of cells that must not be empty."""
    checks = [
        _Check("empty", column.name, _is_empty(column), "must not be empty")
        for column in data_type.columns
        if not column.may_be_empty
    ]
    checks += [_Check(rule.name, rule.column, rule.broken, rule.message) for rule in data_type.rules]
    return [
        check._replace(broken=check.broken & ~_any_unreadable(check.broken.meta.root_names(), given))
        for check in checks
    ]


def _any_unreadable(columns: Iterable[str], given: list[str]) -> pl.Expr:
    """Whether a cell of one of the columns could not be read."""
    flags = [pl.col(unreadable_flag(column)) for column in columns if unreadable_flag(column) in given]
    return pl.any_horizontal(flags) if flags else pl.lit(False)


def _is_empty(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    return value.is_null() | (value == "") if column.dtype == pl.String else value.is_null()
