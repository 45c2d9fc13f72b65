"""Data types: columns, key and rules in one class."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from openfactor.errors import Fault

DATE = pl.Date()
TEXT = pl.String()
NUMBER = pl.Float64()
INTEGER = pl.Int32()
FLAG = pl.Boolean()


@dataclass(frozen=True)
class Column:
    """One column of a data type."""

    name: str
    dtype: pl.DataType
    """As it is stored."""
    description: str
    """Meaning and unit."""
    examples: tuple[Any, Any]
    """Values of the two rows of the data type's example."""
    key: bool = False
    """Whether it is part of the key, which is unique in an upload."""
    nullable: bool = False
    optional: bool = False
    """Either: cells may be empty, and the column may be left out."""
    default: Any = None
    """The value that an empty cell stands for, if any."""
    zero_is_empty: bool = False
    """Whether zeros, which vendors write for none, are read as empty cells."""
    aliases: tuple[str, ...] = ()
    """Other names that are accepted, in lower case with underscores."""
    counted: str | None = None
    """Plural of what the column names, if summaries are to count them, as `n_<counted>`."""

    @property
    def may_be_empty(self) -> bool:
        """Whether cells may be empty, and the column left out."""
        return self.nullable or self.optional


@dataclass(frozen=True)
class Rule:
    """A rule on rows; `broken` is true for those that break it."""

    name: str
    column: str
    broken: pl.Expr
    message: str


@dataclass(frozen=True)
class Wide:
    """The layout with one column per combination of `names`, joined by dots, whose cells hold `value`."""

    names: tuple[str, ...]
    value: str


class DataType:
    """A kind of upload: a subclass in a file of its own in `uploads.types`.

    Validation, parsing, summaries, examples and documentation all follow from these attributes.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    rules: ClassVar[tuple[Rule, ...]] = ()
    dated_by: ClassVar[str | None] = "date"
    """The column with the date of a row; None for small tables without one, which are read whole."""
    detail_by: ClassVar[tuple[str, ...]] = ("date",)
    """The columns by which the detail summary groups."""
    wide: ClassVar[Wide | None] = None
    """The wide layout, if there is one."""

    def table_faults(self, rows: pl.LazyFrame) -> list[Fault]:
        """Faults of all rows of an upload taken together; by default none."""
        return []

    def data_warnings(self, rows: pl.LazyFrame, history: Iterable[pl.LazyFrame]) -> list[str]:
        """Warnings about committed rows that are legal and probably not meant; by default none.

        Parameters
        ----------
        rows
            The committed rows.
        history
            All rows after the commit, in pieces, the newest first; read no more of them than needed.
        """
        return []

    @property
    def description(self) -> str:
        """The first paragraph of the class's docstring."""
        return " ".join((inspect.getdoc(type(self)) or "").split("\n\n")[0].split())

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column names and stored types, in order."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def key(self) -> list[str]:
        """The columns that identify a row."""
        return [column.name for column in self.columns if column.key]

    def describe(self) -> pl.DataFrame:
        """One row per column: column, type, key, may_be_empty, may_be_left_out, aliases, description."""
        return pl.DataFrame(
            [
                (
                    c.name,
                    str(c.dtype),
                    c.key,
                    c.may_be_empty,
                    c.may_be_empty,
                    list(c.aliases),
                    c.description,
                )
                for c in self.columns
            ],
            schema={
                "column": pl.String,
                "type": pl.String,
                "key": pl.Boolean,
                "may_be_empty": pl.Boolean,
                "may_be_left_out": pl.Boolean,
                "aliases": pl.List(pl.String),
                "description": pl.String,
            },
            orient="row",
        )

    def empty(self) -> pl.DataFrame:
        """The columns, without rows."""
        return pl.DataFrame(schema=self.schema)

    def example(self) -> pl.DataFrame:
        """Two valid rows."""
        return pl.DataFrame({c.name: c.examples for c in self.columns}, schema=self.schema)


def id_columns(of: str = "identifier") -> tuple[Column, Column]:
    """The two columns that identify an asset, part of the key."""
    return (
        Column(
            "asset_id", TEXT, of, ("AAPL", "MSFT"), key=True, counted="assets",
            aliases=("id", "asset", "identifier", "security_id", "instrument_id"),
        ),
        Column(
            "asset_id_type", TEXT, "id type of asset_id", ("ticker", "ticker"), key=True,
            aliases=("id_type", "identifier_type", "security_id_type"),
        ),
    )  # fmt: skip


def date_column(description: str) -> Column:
    """The column with the date of a row, part of the key."""
    return Column(
        "date", DATE, description, (dt.date(2024, 1, 2), dt.date(2024, 1, 3)), key=True,
        aliases=("as_of", "as_of_date", "asof", "asof_date", "trade_date", "business_date"),
    )  # fmt: skip


def currency_column(description: str, *, key: bool = False) -> Column:
    """A currency code, which must not be empty."""
    return Column(
        "ccy", TEXT, description, ("USD", "USD"), key=key, aliases=("currency", "currency_code")
    )  # fmt: skip


def finite(column: str) -> Rule:
    """Values that are given must be finite numbers."""
    return Rule(
        "finite",
        column,
        ~pl.col(column).is_finite(),
        "must be a finite number, or empty if the column may be",
    )


def positive(column: str) -> Rule:
    """Values that are given must be greater than zero."""
    return Rule("positive", column, pl.col(column) <= 0, "must be greater than zero")


def not_negative(column: str) -> Rule:
    """Values that are given must not be negative."""
    return Rule("not_negative", column, pl.col(column) < 0, "must not be negative")
