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
from openfactor.uploads.parsing.columns import FILE, Assignment, assign, quoted_names
from openfactor.uploads.parsing.file_names import bare_name
from openfactor.uploads.schema import NUMBER, Column, DataType

_FILE_DATE = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})\2(\d{2})(?!\d)")
MAX_COMPARED = 500
"""Columns of a table that are compared with the name of one that it lacks."""
_REMEDY = "map it to one of these or to None, or set drop_extra=True"


@dataclass(frozen=True)
class FrameOrigin:
    """Everything known of a frame but its cells."""

    source: str
    """What faults call it."""
    file_name: str | None
    """May hold the date."""
    mapping: ColumnMapping


def match_columns(
    frame: pl.DataFrame,
    columns: tuple[Column, ...],
    data_type: DataType,
    origin: FrameOrigin,
    *,
    allow_others: bool,
) -> tuple[Assignment | None, list[Fault]]:
    """The user's column for each of `columns`, or None with the faults.

    Parameters
    ----------
    frame, origin
        The user's frame, and its origin.
    columns
        Those of the data type that the frame must have.
    data_type
        The data type.
    allow_others
        Whether the frame may have other columns.
    """
    assigned = assign(frame.columns, columns, origin.source, origin.mapping)
    assigned = _with_date(_with_file_name(assigned, origin), frame.columns, data_type.dated_by, origin)
    faults = list(assigned.faults)
    faulty = {fault.column for fault in faults}
    for column in columns:
        if column.name in assigned.columns or column.name in assigned.constants or column.name in faulty:
            continue
        if column.may_be_empty and not _looks_misspelt(column, assigned.unassigned):
            continue
        message = f"is missing; the table has {quoted_names(frame.columns)}"
        if column.name == data_type.dated_by:
            message += ", and the file name has no date such as 2024-12-31"
        faults.append(Fault("missing_column", origin.source, message, column.name))
    if not allow_others:
        faults += [
            Fault("unknown_column", origin.source, f"{_reason(name, columns)}; {_REMEDY}", name or "''")
            for name in assigned.unassigned
        ]
    return (None if faults else assigned), faults


def _with_file_name(assigned: Assignment, origin: FrameOrigin) -> Assignment:
    """The assignment with the name of the file in its constants."""
    constants = {name: _file_constant(value, origin) for name, value in assigned.constants.items()}
    return replace(assigned, constants=constants)


def _file_constant(value: Any, origin: FrameOrigin) -> Any:
    if isinstance(value, str) and FILE in value:
        return value.replace(FILE, bare_name(origin.file_name or origin.source))
    return value


def _with_date(
    assigned: Assignment, names: list[str], date_column: str | None, origin: FrameOrigin
) -> Assignment:
    """The assignment with a column for dates that has no name, or the date in the file name."""
    if date_column is None or date_column in assigned.columns:
        return assigned
    if names[:1] == [""] == assigned.unassigned[:1]:  # the unnamed index of a pandas frame, in a file
        columns = {**assigned.columns, date_column: ""}
        return replace(assigned, columns=columns, unassigned=assigned.unassigned[1:])
    day = file_date(origin.file_name)
    return replace(assigned, constants={date_column: day, **assigned.constants}) if day else assigned


def check_mapping(mapping: ColumnMapping, data_type: DataType) -> ColumnMapping:
    """The mapping, if the data type has the columns that it names.

    Raises
    ------
    SettingsError
        With every column that it does not have.
    """
    names = list(data_type.schema)
    targets = [target for target in mapping.columns.values() if target is not None]
    problems = [
        f"{field}: {unknown(name, names)}"
        for field, given in (("mapping", targets), ("constants", list(mapping.constants)))
        for name in given
        if name not in names
    ]
    numbers = [column.name for column in data_type.columns if column.dtype == NUMBER]
    if mapping.value is not None and mapping.value not in numbers:
        problems.append(f"value: {unknown(mapping.value, numbers)}")
    if problems:
        raise SettingsError(f"the mapping does not fit {data_type.name}:", problems)
    return mapping


def refuse_file_name(mapping: ColumnMapping) -> None:
    """SettingsError if the mapping of a frame without a name asks for that of its file."""
    columns = [name for name, value in mapping.constants.items() if isinstance(value, str) and FILE in value]
    if columns:
        remedy = f"{FILE} stands for the name of a file; give the value, or a name with stage_df"
        raise SettingsError("this frame has no name:", [f"{name}: {remedy}" for name in columns])


def _looks_misspelt(column: Column, names: list[str]) -> bool:
    """Whether one of the names is probably a misspelling of the column's."""
    compared = [snake_case(name) for name in names[:MAX_COMPARED]]
    return bool(get_close_matches(column.name, compared, n=1, cutoff=0.8))


def _reason(name: str, columns: tuple[Column, ...]) -> str:
    """Why a column is none of the data type's."""
    if snake_case(name) in {column.name for column in columns}:
        return "is repeated"
    return f"is none of {', '.join(column.name for column in columns)}"


def file_date(file_name: str | None) -> dt.date | None:
    """The one date in a file's name; None if there is none, or more than one."""
    days = set()
    for year, _, month, day in _FILE_DATE.findall(file_name or ""):
        try:
            days.add(dt.date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return days.pop() if len(days) == 1 else None
