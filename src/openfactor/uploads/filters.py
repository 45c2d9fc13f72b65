"""Filters in disjunctive normal form, as readers of Parquet take them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any

import polars as pl

from openfactor.errors import SettingsError

Scalar = bool | int | float | str | dt.date
Filter = tuple[str, str, Scalar | Sequence[Scalar]]
"""Column, operator, value."""
Filters = Sequence[Filter] | Sequence[Sequence[Filter]]
"""Conditions that must all hold, or groups of conditions one of which must hold."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": eq, "==": eq, "!=": ne, "<": lt, ">": gt, "<=": le, ">=": ge,
}  # fmt: skip
OPERATORS = (*_COMPARE, "in", "not in")


def filter_expression(filters: Filters, schema: dict[str, pl.DataType]) -> pl.Expr:
    """The filters as one expression. Nulls never match. Dates may be given as text.

    Parameters
    ----------
    filters
        `[(column, operator, value), ...]`, all of which must hold, or a list of such lists, one of which must
        hold.
    schema
        Columns and types of the rows.

    Raises
    ------
    SettingsError
        With everything that is wrong with the filters.
    """
    nested = [isinstance(f, list) for f in filters]
    problems: list[str] = []
    if any(nested) and not all(nested):
        problems.append("conditions and lists of conditions must not be mixed")
        groups: list[Any] = []
    else:
        groups = list(filters) if any(nested) else [filters]
    conditions = [[_condition(f, schema, problems) for f in group] for group in groups]
    if problems:
        raise SettingsError("the filters cannot be used:", problems)
    alternatives = [reduce(and_, group, pl.lit(True)) for group in conditions]
    return reduce(or_, alternatives) if alternatives else pl.lit(True)


def _condition(item: Any, schema: dict[str, pl.DataType], problems: list[str]) -> pl.Expr:
    if not isinstance(item, tuple | list) or len(item) != 3:
        problems.append(f"{item!r} is not (column, operator, value)")
        return pl.lit(False)
    column, operator, value = item
    if column not in schema:
        problems.append(f"{column!r} is none of {', '.join(schema)}")
    elif operator not in OPERATORS:
        problems.append(f"{operator!r} is none of {', '.join(OPERATORS)}")
    else:
        try:
            many = operator in ("in", "not in")
            given = pl.Series(list(value) if many else [value])
            textual = given.dtype == pl.String and schema[column] == pl.Date
            given = given.str.to_date("%Y-%m-%d") if textual else given.cast(schema[column])
        except (TypeError, pl.exceptions.PolarsError):
            problems.append(f"{value!r} cannot be compared with {column}, which is {schema[column]}")
        else:
            if operator == "in":
                return pl.col(column).is_in(given.to_list())
            if operator == "not in":
                return ~pl.col(column).is_in(given.to_list())
            condition: pl.Expr = _COMPARE[operator](pl.col(column), pl.lit(given[0], schema[column]))
            return condition
    return pl.lit(False)
