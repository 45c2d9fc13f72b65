"""From a user's columns to those of a data type: which is which, then their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from openfactor.errors import Fault
from openfactor.frames.headings import snake_case
from openfactor.settings import ColumnMapping
from openfactor.uploads.parsing.cells import Cells, cast_cells
from openfactor.uploads.parsing.cleaning import clean_columns
from openfactor.uploads.places import Places
from openfactor.uploads.schema import Column
from openfactor.uploads.validation import ROW, unreadable_flag

ID_TYPES = frozenset(
    (
        "ticker", "isin", "cusip", "cusip8", "cusip9", "sedol", "sedol6", "sedol7", "figi", "ric", "lei",
        "permid", "permno", "gvkey",
    )
)  # fmt: skip
"""A column of one of these names stands for `asset_id` with this `asset_id_type`."""
MAX_NAMES = 20
"""Columns that a message names."""
FILE = "{file}"
"""In the constants of a mapping, the name of the file without its extensions."""
_ACCEPTED: tuple[Callable[[_Names, Column], list[str]], ...] = (
    lambda names, column: names.exactly(column.name),
    lambda names, column: names.alike([column.name]),
    lambda names, column: names.alike(column.aliases),
)
"""Names that are taken for a column, the best first."""


class _Names:
    """Names of columns, found by name in any case."""

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._by_snake_case: dict[str, list[str]] = {}
        for name in names:
            self._by_snake_case.setdefault(snake_case(name), []).append(name)

    def exactly(self, name: str) -> list[str]:
        """The name, if there is a column of it."""
        return [name] if name in self._places else []

    def alike(self, names: Iterable[str]) -> list[str]:
        """The names that are one of these in snake case, in the order of the table."""
        alike = {name for snake in names for name in self._by_snake_case.get(snake, ())}
        return sorted(alike, key=self._places.__getitem__)


@dataclass(frozen=True)
class Assignment:
    """Which of a user's columns is which of the data type's."""

    columns: dict[str, str]
    """Column of the data type to the user's name for it."""
    constants: dict[str, Any]
    """Column of the data type to its value in all rows."""
    unassigned: list[str]
    """The user's other columns."""
    faults: list[Fault] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    """Columns that are left out, as the mapping asks."""
    heading_column: str | None = None
    """Of a matrix: the column of the data type that its headings hold."""
    value_column: str | None = None
    """Of a matrix: the column of the data type that its cells hold."""


@dataclass(frozen=True)
class Normalised:
    """Rows in the types of the data type, faults of cells that cannot be read, and what was cleaned."""

    rows: pl.DataFrame
    faults: list[Fault]
    notes: list[str]


def quoted_names(names: Sequence[str]) -> str:
    """Names of columns for a message: the first of many."""
    shown = ", ".join(map(repr, names[:MAX_NAMES]))
    more = len(names) - MAX_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown or "no columns"


def assign(
    names: list[str], columns: tuple[Column, ...], source: str, mapping: ColumnMapping | None = None
) -> Assignment:
    """Follow the mapping; then match exact names, names in another case, and aliases."""
    mapping = mapping or ColumnMapping()
    known = {column.name for column in columns}
    constants = {name: value for name, value in mapping.constants.items() if name in known}
    by_name = _Names(names)
    assigned, dropped, faults = _follow(mapping, names, known, source, by_name)
    taken = {*assigned.values(), *dropped}
    for accepted in _ACCEPTED:
        for column in columns:
            if column.name in assigned:
                continue
            candidates = [name for name in accepted(by_name, column) if name not in taken]
            faults += _ambiguities(column, candidates, column.name in constants, source)
            taken.update(candidates)
            if candidates and column.name not in constants:
                assigned[column.name] = candidates[0]
    if {"asset_id", "asset_id_type"} <= known and not {"asset_id", "asset_id_type"} & set(assigned):
        typed = [name for name in by_name.alike(ID_TYPES) if name not in taken]
        if len(typed) == 1 and "asset_id" not in constants:
            assigned["asset_id"] = typed[0]
            constants.setdefault("asset_id_type", snake_case(typed[0]))
            taken.add(typed[0])
    return Assignment(assigned, constants, [name for name in names if name not in taken], faults)


def _ambiguities(column: Column, candidates: list[str], is_constant: bool, source: str) -> Iterable[Fault]:
    """The fault of a column for which there are several values."""
    if is_constant and candidates:
        message = f"is a constant, but the table has {', '.join(map(repr, candidates))} too; map that to None"
        yield Fault("ambiguous_column", source, message, column.name)
    elif len(candidates) > 1:
        message = f"could be any of {', '.join(candidates)}; keep one"
        yield Fault("ambiguous_column", source, message, column.name)


def _follow(
    mapping: ColumnMapping, names: list[str], known: set[str], source: str, by_name: _Names
) -> tuple[dict[str, str], list[str], list[Fault]]:
    """Columns that a mapping assigns (column of the data type to user's name), those it drops, its faults."""
    assigned: dict[str, str] = {}
    dropped: list[str] = []
    faults: list[Fault] = []
    for given, target in mapping.columns.items():
        name = next(iter(by_name.exactly(given) or by_name.alike([snake_case(given)])), None)
        if name is None and target in known:
            message = f"is mapped to {target}, but the table has {quoted_names(names)}"
            faults.append(Fault("missing_column", source, message, given))
        elif name is not None and target is None:
            dropped.append(name)
        elif name is not None and target in known:
            if target in assigned:
                message = f"could be {assigned[target]!r} or {name!r}; map one of them"
                faults.append(Fault("ambiguous_column", source, message, target))
            assigned.setdefault(str(target), name)
    return assigned, dropped, faults


def normalise(
    frame: pl.DataFrame,
    columns: tuple[Column, ...],
    assigned: Assignment,
    source: str,
    places: Places | None = None,
) -> Normalised:
    """`_row` and the columns in their types; columns that the frame lacks are empty, or have their default.

    Cells that cannot be read are null, and `unreadable_flag(column)` is a column that tells them, if a column
    has any.

    Parameters
    ----------
    frame
        Holds `_row`.
    columns, assigned
        The columns of the data type, and those of the frame that are assigned to them.
    source
        What faults call the frame.
    places
        What they call its rows.
    """
    faults: list[Fault] = []
    notes: list[str] = []
    missing: list[str] = []
    out = [frame.get_column(ROW)]
    texts = [assigned.columns[c.name] for c in columns if c.dtype == pl.String and c.name in assigned.columns]
    already_clean = clean_columns(frame, texts)
    for column in columns:
        name = assigned.columns.get(column.name)
        if name is None:
            cells = _constant(column, assigned, len(frame))
            if column.name not in assigned.constants:
                missing.append(_with_default(column))
        elif name in already_clean:
            cells = Cells(frame.get_column(name))
        else:
            cells = cast_cells(frame, column, name, source, places)
        out.append(_filled(cells, column).alias(column.name))
        if cells.unreadable is not None:
            out.append(cells.unreadable.alias(unreadable_flag(column.name)))
        faults += cells.faults
        notes += [cells.note] if cells.note else []
    if missing:
        notes.append(f"empty, because the table lacks them: {', '.join(missing)}")
    return Normalised(pl.DataFrame(out), faults, notes)


def _constant(column: Column, assigned: Assignment, n_rows: int) -> Cells:
    """The value of all rows of a column that the frame lacks."""
    value = assigned.constants.get(column.name, column.default)
    cells = cast_cells(pl.DataFrame({column.name: [value]}), column, column.name, "constants")
    return Cells(cells.values.new_from_index(0, n_rows), faults=cells.faults)


def _with_default(column: Column) -> str:
    return column.name if column.default is None else f"{column.name} ({str(column.default).lower()})"


def _filled(cells: Cells, column: Column) -> pl.Series:
    """The values, with the column's default for empty cells; cells that cannot be read stay null."""
    if column.default is None or not cells.values.null_count():
        return cells.values
    filled = cells.values.fill_null(pl.lit(column.default, cells.values.dtype))
    return filled if cells.unreadable is None else filled.set(cells.unreadable, None)
