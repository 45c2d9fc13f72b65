"""From a user's columns to those of a data type: which is which, then their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from openfactor.errors import Fault
from openfactor.frames.headings import snake_case
from openfactor.settings import ColumnMapping
from openfactor.uploads.parsing.cells import Cells, cast, tidy
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column
from openfactor.uploads.validation import ROW, unread

ID_TYPES = frozenset(
    (
        "ticker", "isin", "cusip", "cusip8", "cusip9", "sedol", "sedol6", "sedol7", "figi", "ric", "lei",
        "permid", "permno", "gvkey",
    )
)  # fmt: skip
"""A column of one of these names stands for `asset_id` with this `asset_id_type`."""
MOST_LISTED = 20
"""Columns that a message names."""
FILE = "{file}"
"""In the constants of a mapping, the name of the file without its extensions."""


@dataclass(frozen=True)
class Assignment:
    """Which of a user's columns is which of the data type's, and which it is none of."""

    columns: dict[str, str]
    """Column of the data type to the user's name for it."""
    constants: dict[str, Any]
    """Column of the data type to the value it holds everywhere."""
    rest: list[str]
    """The user's columns that are none of these."""
    faults: list[Fault] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Those of them that are left out, as the mapping asks."""
    headings: str | None = None
    """Of a matrix: the column that its headings name,"""
    value: str | None = None
    """and the one that its cells hold."""


@dataclass(frozen=True)
class Normalised:
    """The rows in the types of the data type, what could not be read, and what was cleaned."""

    rows: pl.DataFrame
    faults: list[Fault]
    notes: list[str]


def listed(names: Sequence[str]) -> str:
    """Columns of a table; of many the first."""
    shown = ", ".join(map(repr, names[:MOST_LISTED]))
    more = len(names) - MOST_LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown or "no columns"


def assign(
    names: list[str], columns: tuple[Column, ...], source: str, mapping: ColumnMapping | None = None
) -> Assignment:
    """Follow the mapping; then match exact names, names in another case, and aliases."""
    mapping = mapping or ColumnMapping()
    wanted = {column.name for column in columns}
    constants = {name: value for name, value in mapping.constants.items() if name in wanted}
    found, left_out, faults = _mapped(names, wanted, mapping, source)
    taken = {*found.values(), *left_out}
    for accepted in (
        lambda column, name: name == column.name,
        lambda column, name: snake_case(name) == column.name,
        lambda column, name: snake_case(name) in column.aliases,
    ):
        for column in columns:
            if column.name in found:
                continue
            fits = [name for name in names if name not in taken and accepted(column, name)]
            if column.name in constants and fits:
                message = f"is a constant, and {', '.join(map(repr, fits))} is there too; map that to None"
                faults.append(Fault("ambiguous_column", source, message, column.name))
            elif len(fits) > 1:
                message = f"could be any of {', '.join(fits)}; keep one"
                faults.append(Fault("ambiguous_column", source, message, column.name))
            if fits:
                taken.update(fits)
                if column.name not in constants:
                    found[column.name] = fits[0]
    if {"asset_id", "asset_id_type"} <= wanted and not {"asset_id", "asset_id_type"} & set(found):
        typed = [name for name in names if name not in taken and snake_case(name) in ID_TYPES]
        if len(typed) == 1 and "asset_id" not in constants:
            found["asset_id"] = typed[0]
            constants.setdefault("asset_id_type", snake_case(typed[0]))
            taken.add(typed[0])
    return Assignment(found, constants, [name for name in names if name not in taken], faults)


def _mapped(
    names: list[str], wanted: set[str], mapping: ColumnMapping, source: str
) -> tuple[dict[str, str], list[str], list[Fault]]:
    """What the mapping says of the columns that are there: which is which, and which are left out."""
    found: dict[str, str] = {}
    left_out: list[str] = []
    faults: list[Fault] = []
    for theirs, ours in mapping.columns.items():
        name = (
            theirs
            if theirs in names
            else next((n for n in names if snake_case(n) == snake_case(theirs)), None)
        )
        if name is None and ours in wanted:
            message = f"is mapped to {ours}, but the table has {listed(names)}"
            faults.append(Fault("missing_column", source, message, theirs))
        elif name is not None and ours is None:
            left_out.append(name)
        elif name is not None and ours in wanted:
            if ours in found:
                message = f"could be {found[ours]!r} or {name!r}; map one of them"
                faults.append(Fault("ambiguous_column", source, message, ours))
            found.setdefault(str(ours), name)
    return found, left_out, faults


def _filled(cells: Cells, empty: Any) -> pl.Series:
    """The values with what empty cells stand for; cells that cannot be read stay empty."""
    if empty is None or not cells.values.null_count():
        return cells.values
    filled = cells.values.fill_null(pl.lit(empty, cells.values.dtype))
    return filled if cells.unread is None else filled.set(cells.unread, None)


def normalise(
    frame: pl.DataFrame,
    columns: tuple[Column, ...],
    assigned: Assignment,
    source: str,
    places: Places | None = None,
) -> Normalised:
    """`_row` and the columns in their types; what may be left out and is not there is empty, or holds what
    the data type says.

    frame : holds `_row`
    places : of its rows

    Cells that cannot be read are empty; `unread(column)`, where there are any, says which they are.
    """
    faults: list[Fault] = []
    notes: list[str] = []
    lacking: list[str] = []
    out = [frame.get_column(ROW)]
    texts = [assigned.columns[c.name] for c in columns if c.dtype == pl.String and c.name in assigned.columns]
    as_they_are = tidy(frame, texts)
    for column in columns:
        name = assigned.columns.get(column.name)
        if name is None:
            given = assigned.constants.get(column.name, column.empty)
            constant = cast(pl.DataFrame({column.name: [given]}), column, column.name, "constants")
            out.append(constant.values.alias(column.name).new_from_index(0, len(frame)))
            faults += constant.faults
            if column.name not in assigned.constants:
                lacking.append(column.name if given is None else f"{column.name} ({str(given).lower()})")
            continue
        if name in as_they_are:
            cells = Cells(frame.get_column(name))
        else:
            cells = cast(frame, column, name, source, places)
        out.append(_filled(cells, column.empty).alias(column.name))
        if cells.unread is not None:
            out.append(cells.unread.alias(unread(column.name)))
        faults += cells.faults
        notes += [cells.note] if cells.note else []
    if lacking:
        notes.append(f"empty, for the table has no such column: {', '.join(lacking)}")
    return Normalised(pl.DataFrame(out), faults, notes)
