"""What a data type is: its columns, its key and its rules, in one class."""

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
    """One column of a data type.

    name, dtype : as stored
    description : what it means, in which unit
    examples : two values, of the two rows of the data type's example
    key : part of the key, which is unique in an upload
    nullable, optional : cells may be empty, and the whole column may be left out
    empty : the value that an empty cell stands for, if it stands for one
    zero_is_empty : a zero, which vendors write for none, is read as an empty cell
    aliases : other names under which it is accepted, in lower case with underscores
    counted : for text that names things, their plural; summaries count them as `n_<counted>`
    """

    name: str
    dtype: pl.DataType
    description: str
    examples: tuple[Any, Any]
    key: bool = False
    nullable: bool = False
    optional: bool = False
    default: Any = None
    zero_is_empty: bool = False
    aliases: tuple[str, ...] = ()
    counted: str | None = None

    @property
    def may_be_empty(self) -> bool:
        return self.nullable or self.optional


@dataclass(frozen=True)
class Rule:
    """A row rule: `broken` is true for the rows that break it."""

    name: str
    column: str
    broken: pl.Expr
    message: str


@dataclass(frozen=True)
class Wide:
    """The layout with one column for each value of `names`, joined by a dot, holding `value`."""

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
    """The column that dates a row; None for tables without one, which are small and read whole."""
    detail_by: ClassVar[tuple[str, ...]] = ("date",)
    """The columns whose values have a row each in the detail summary."""
    wide: ClassVar[Wide | None] = None
    """The wide layout, if there is one."""

    def table_faults(self, rows: pl.LazyFrame) -> list[Fault]:
        """What is wrong with the upload as a whole, all its rows being there; by default nothing."""
        return []

    def data_warnings(self, rows: pl.LazyFrame, history: Iterable[pl.LazyFrame]) -> list[str]:
        """What is legal about rows that are committed, and probably not meant; by default nothing.

        history : the rows after the commit in pieces, the newest first, to be read no further than needed
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
        """One row a column: its type, whether it is in the key or may be empty, other names, meaning."""
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
        """No rows, right columns."""
        return pl.DataFrame(schema=self.schema)

    def example(self) -> pl.DataFrame:
        """Two valid rows."""
        return pl.DataFrame({c.name: c.examples for c in self.columns}, schema=self.schema)


def id_columns(of: str = "identifier") -> tuple[Column, Column]:
    """The two columns that name an asset, part of the key."""
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
    """The column that dates a row, part of the key."""
    return Column(
        "date", DATE, description, (dt.date(2024, 1, 2), dt.date(2024, 1, 3)), key=True,
        aliases=("as_of", "as_of_date", "asof", "asof_date", "trade_date", "business_date"),
    )  # fmt: skip


def currency_column(description: str, *, key: bool = False) -> Column:
    """A currency code that must be given."""
    return Column(
        "ccy", TEXT, description, ("USD", "USD"), key=key, aliases=("currency", "currency_code")
    )  # fmt: skip


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
