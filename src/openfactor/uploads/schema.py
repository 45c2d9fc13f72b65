"""What a data type is: its columns, its key and its rules, in one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from openfactor.errors import Fault


@dataclass(frozen=True)
class Column:
    """One column: stored type, whether it may be empty, and what it means."""

    name: str
    dtype: pl.DataType
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Rule:
    """A row rule: `broken` is true for the rows that break it."""

    name: str
    column: str
    broken: pl.Expr
    message: str


WholeRule = Callable[[pl.DataFrame], list[Fault]]
"""A rule that only the whole history can be held against."""


@dataclass(frozen=True)
class DataType:
    """A kind of upload. Validation, documentation and storage all follow from this one value."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    whole_rules: tuple[WholeRule, ...] = field(default=())

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column names and stored types, in order."""
        return {column.name: column.dtype for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """No rows, right columns."""
        return pl.DataFrame(schema=self.schema)


DATE = pl.Date()
TEXT = pl.String()
NUMBER = pl.Float64()
FLAG = pl.Boolean()


def finite(column: str) -> Rule:
    """Values must be finite numbers where they are given."""
    return Rule(
        "finite",
        column,
        ~pl.col(column).is_finite(),
        "must be a finite number, or empty where that is allowed",
    )


def positive(column: str) -> Rule:
    """Values must be greater than zero where they are given."""
    return Rule("positive", column, pl.col(column) <= 0, "must be greater than zero")


def not_negative(column: str) -> Rule:
    """Values must be zero or more where they are given."""
    return Rule("not_negative", column, pl.col(column) < 0, "must not be negative")
