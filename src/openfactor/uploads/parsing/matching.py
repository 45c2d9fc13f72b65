"""Which of a user's columns is which, from headings, the mapping and the name of the file."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import polars as pl

from openfactor.errors import Fault, SettingsError
from openfactor.frames.headings import snake_case
from openfactor.settings import ColumnMapping
from openfactor.settings.hierarchies import unknown
from openfactor.uploads.parsing.columns import FILE, Assignment, assign, listed
from openfactor.uploads.parsing.filenames import bare_name
from openfactor.uploads.schema import NUMBER, Column, DataType

_FILE_DATE = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})\2(\d{2})(?!\d)")


@dataclass(frozen=True)
class Given:
    """What is known of a frame besides its cells."""

    source: str
    """What faults call it."""
    file_name: str | None
    """May hold the date."""
    mapping: ColumnMapping


def match(
    frame: pl.DataFrame, columns: tuple[Column, ...], data_type: DataType, given: Given, *, loose: bool
) -> tuple[Assignment | None, list[Fault]]:
    """The user's column for each of `columns`; unless `loose`, there must be no others."""
    known = assign(frame.columns, columns, given.source, given.mapping)
    faults = list(known.faults)
    dated = data_type.dated_by
    if dated and dated not in known.columns and known.rest[:1] == [""] == frame.columns[:1]:
        # the index of a frame of pandas, written to a file, when it has no name
        known = replace(known, columns={**known.columns, dated: ""}, rest=known.rest[1:])
    constants = {name: _of_file(value, given) for name, value in known.constants.items()}
    day = file_date(given.file_name)
    if data_type.dated_by and data_type.dated_by not in known.columns and day:
        constants.setdefault(data_type.dated_by, day)
    known = replace(known, constants=constants)
    for column in columns:
        if column.name in known.columns or column.name in known.constants:
            continue
        if any(fault.column == column.name for fault in faults):
            continue
        if column.may_be_empty and not _alike(column, known.rest):
            continue
        message = f"is missing; the table has {listed(frame.columns)}"
        if column.name == data_type.dated_by:
            message += ", and the file name has no date such as 2024-12-31"
        faults.append(Fault("missing_column", given.source, message, column.name))
    if not loose:
        faults += [
            Fault("unknown_column", given.source, f"{_nearest(name, columns)}; {_REMEDY}", name or "''")
            for name in known.rest
        ]
    return (None if faults else known), faults


_REMEDY = "map it to one of these or to None, or set drop_extra=True"


def _of_file(value: Any, given: Given) -> Any:
    """A constant, which may stand for the name of the file."""
    if isinstance(value, str) and FILE in value:
        return value.replace(FILE, bare_name(given.file_name or given.source))
    return value


def check_mapping(mapping: ColumnMapping, data_type: DataType) -> ColumnMapping:
    """The mapping, if the data type has the columns that it names.

    Raises
    ------
    SettingsError: with every column that it does not have.
    """
    names = list(data_type.schema)
    targets = [ours for ours in mapping.columns.values() if ours is not None]
    problems = [
        f"{what}: {unknown(name, names)}"
        for what, listed in (("mapping", targets), ("constants", list(mapping.constants)))
        for name in listed
        if name not in names
    ]
    if mapping.value is not None and mapping.value not in _values(data_type):
        problems.append(f"value: {unknown(mapping.value, _values(data_type))}")
    if problems:
        raise SettingsError(f"the mapping does not fit {data_type.name}:", problems)
    return mapping


def check_named(mapping: ColumnMapping) -> None:
    """SettingsError if the mapping asks for the name of a table that has none."""
    asking = [name for name, value in mapping.constants.items() if isinstance(value, str) and FILE in value]
    if asking:
        remedy = f"{FILE} stands for the name of a file; give the value, or a name with stage_df"
        problems = [f"{name}: {remedy}" for name in asking]
        raise SettingsError("this frame has no name:", problems)


def _values(data_type: DataType) -> list[str]:
    return [column.name for column in data_type.columns if column.dtype == NUMBER]


def _alike(column: Column, names: list[str]) -> bool:
    """Whether one of the names is probably a misspelt one of the column."""
    return bool(get_close_matches(column.name, [snake_case(name) for name in names], n=1, cutoff=0.8))


def _nearest(name: str, columns: tuple[Column, ...]) -> str:
    if snake_case(name) in {c.name for c in columns}:
        return "is there twice"
    return f"is none of {', '.join(c.name for c in columns)}"


def file_date(file_name: str | None) -> dt.date | None:
    """The one date in a file's name; None if there is none, or more than one."""
    found = set()
    for year, _, month, day in _FILE_DATE.findall(file_name or ""):
        try:
            found.add(dt.date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return found.pop() if len(found) == 1 else None
