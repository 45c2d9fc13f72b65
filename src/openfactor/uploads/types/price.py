"""Listing-level data: the daily record of a traded asset."""

from collections.abc import Iterable

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
    not_negative,
    positive,
)
from openfactor.uploads.validation import example_rows

_NAME = ["asset_id", "asset_id_type"]
_NO_RETURN = (
    "none of the committed prices has a return, so a model has nothing to explain; give the column `return`: "
    "simple total returns since the last price, as fractions; or let the dataset derive them from closes, "
    "see empty_returns"
)
_BEGIN = (
    "without an earlier price came with a return; a dataset to which the name is new does not use it, since "
    "the first price is the base of the next return: upsert the row with an empty return, or append the "
    "price before it."
)
_MOST = (
    "{n:,} of {of:,} names begin with a return, but the first price of a name is the base of its next "
    "return: if the table is part of a longer history, empty the return of each name's first row; if each "
    "return runs to the next price, label it with the day on which it ends"
)


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
               (False, False), optional=True, default=False),
        Column("dividend", NUMBER, "paid per share held after the day's split, in ccy, on the ex-date",
               (None, None), optional=True, aliases=("dividends", "div")),
        Column("split", NUMBER, "shares for each one held before, on the ex-date; 1 when empty or 0",
               (None, None), optional=True, zero_is_empty=True,
               aliases=("stock_splits", "split_ratio", "split_factor")),
    )  # fmt: skip
    rules = (
        finite("close"),
        positive("close"),
        finite("return"),
        Rule("return_bound", "return", pl.col("return") < -1, "a return below -100 % cannot be"),
        finite("dividend"),
        not_negative("dividend"),
        finite("split"),
        positive("split"),
    )

    def table_faults(self, rows: pl.LazyFrame) -> list[Fault]:
        """A name's first price, in whatever currency, is the base of its first return. A few names that begin
        with one are `data_warnings`; when half of them do, returns may be those of the next day."""
        broken = _first_with_return(rows).collect(engine="streaming").sort(self.key)
        if not len(broken):
            return []
        begin = broken.select(_NAME).n_unique()
        names = rows.select(pl.struct(_NAME).n_unique()).collect(engine="streaming").item()
        if begin < names / 2:
            return []
        shown = example_rows(broken, [*self.key, "return"])
        message = _MOST.format(n=begin, of=names)
        return [Fault("first_return", self.name, message, "return", len(broken), shown)]

    def data_warnings(self, rows: pl.LazyFrame, history: Iterable[pl.LazyFrame]) -> list[str]:
        """Prices without any return; names that begin with one, which `table_faults` may not have seen."""
        if rows.select(pl.col("return").is_not_null().any()).collect(engine="streaming").item():
            first = _first_with_return(rows).select(*_NAME, "date", "return").collect(engine="streaming")
            begin = _without_earlier(first.unique(_NAME), history).sort(_NAME)
            shown = "; ".join(example_rows(begin, ["date", *_NAME, "return"]))
            count = f"{len(begin):,} name{'s' * (len(begin) != 1)}"
            return [f"{count} {_BEGIN} First: {shown}"] if len(begin) else []
        spans = rows.group_by(_NAME).agg(pl.col("date").min(), last=pl.col("date").max())
        table = spans.collect(engine="streaming")
        single = table.filter(pl.col("date") == pl.col("last"))
        due = len(table) - len(single) or len(single) - len(_without_earlier(single, history))
        return [_NO_RETURN] if due else []


def _first_with_return(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of a name's first date that have a return."""
    first = rows.group_by(_NAME).agg(pl.col("date").min())
    return rows.filter(pl.col("return").is_not_null()).join(first, on=[*_NAME, "date"], how="semi")


def _without_earlier(first: pl.DataFrame, history: Iterable[pl.LazyFrame]) -> pl.DataFrame:
    """Those of the first rows of names before which the history has none."""
    for rows in history:
        if not len(first):
            break
        begun = first.lazy().select(*_NAME, begins="date")
        earlier = rows.join(begun, on=_NAME).filter(pl.col("date") < pl.col("begins")).select(_NAME).unique()
        first = first.join(earlier.collect(engine="streaming"), on=_NAME, how="anti")
    return first
