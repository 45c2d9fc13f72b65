"""Listing-level data: the daily record of a traded asset."""

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import (
    FLAG,
    NUMBER,
    Column,
    DataType,
    Rule,
    currency_column,
    date_column,
    finite,
    id_columns,
    positive,
)
from openfactor.uploads.validation import examples


class Price(DataType):
    """Close, daily total return and delisting of each listing."""

    name = "price"
    columns = (
        date_column("day"),
        *id_columns("identifier of the listing"),
        currency_column("currency of close and return", key=True),
        Column("close", NUMBER, "closing price", (185.6, 370.6), nullable=True,
               aliases=("price", "close_price", "px_last")),
        Column("return", NUMBER, "simple total return since the listing's last price", (None, None),
               nullable=True, aliases=("ret", "total_return")),
        Column("delisted", FLAG, "true on the last day of a delisted name, or on all of its rows",
               (False, False)),
    )  # fmt: skip
    rules = (
        finite("close"),
        positive("close"),
        finite("return"),
        Rule("return_bound", "return", pl.col("return") < -1, "a return below -100 % cannot be"),
    )

    def whole_faults(self, rows: pl.LazyFrame) -> list[Fault]:
        """A name's first price, in whatever currency, is the base of its first return, hence has none
        itself."""
        series = [k for k in self.key if k not in ("date", "ccy")]
        first = pl.col("date") == pl.col("date").min().over(series)
        broken = rows.filter(first & pl.col("return").is_not_null()).collect()
        if not len(broken):
            return []
        message = "the first price of a name must have an empty return: it is the base of the next one"
        shown = examples(broken, [*self.key, "return"])
        return [Fault("first_return", self.name, message, "return", len(broken), shown)]
