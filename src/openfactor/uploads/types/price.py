"""Data of listings: closes, returns, delistings, dividends and splits."""

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

_LISTING = ["asset_id", "asset_id_type"]
_NO_RETURN = (
    "none of the committed prices has a return, so a model has nothing to explain; give the column `return`, "
    "the simple total return since the previous price as a fraction, or let the dataset derive returns from "
    "closes, see empty_returns"
)
_NO_EARLIER_PRICE = (
    "a return but no earlier price; a dataset to which the listing is new ignores the return, because a "
    "first price is only the base of the next one: upsert the row with an empty return, or append the price "
    "before it."
)
_FIRST_RETURNS = (
    "{n:,} of {of:,} listings begin with a return, but a first price is only the base of the next return: "
    "if the table is part of a longer history, empty the return in the first row of each listing; if each "
    "return runs to the next price, date it by the day on which it ends"
)


class Price(DataType):
    """Closes, total returns and delistings of listings per day."""

    name = "price"
    columns = (
        date_column("day"),
        *id_columns("identifier of the listing"),
        currency_column("currency of close and return", key=True),
        Column("close", NUMBER, "closing price", (185.6, 370.6), nullable=True,
               aliases=("price", "close_price", "px_last")),
        Column("return", NUMBER, "simple total return since the previous price, as a fraction",
               (None, None), nullable=True, aliases=("ret", "total_return")),
        Column("delisted", FLAG, "true on the last day of a delisted listing, or on all its rows",
               (False, False), optional=True, default=False),
        Column("dividend", NUMBER, "paid on the ex-date, in ccy per share held after the day's split",
               (None, None), optional=True, aliases=("dividends", "div")),
        Column("split", NUMBER, "shares per share held before, on the ex-date; 1 if empty or 0",
               (None, None), optional=True, zero_is_empty=True,
               aliases=("stock_splits", "split_ratio", "split_factor")),
    )  # fmt: skip
    rules = (
        finite("close"),
        positive("close"),
        finite("return"),
        Rule("return_bound", "return", pl.col("return") < -1, "must not be below -1"),
        finite("dividend"),
        not_negative("dividend"),
        finite("split"),
        positive("split"),
    )

    def table_faults(self, rows: pl.LazyFrame) -> list[Fault]:
        """Returns in first rows of half of all listings or more, which may be returns to the next day.

        The first price of a listing, in any currency, is the base of its first return; a few listings that
        begin with a return are left to `data_warnings`.
        """
        first = _first_with_return(rows).collect(engine="streaming").sort(self.key)
        if not len(first):
            return []
        n_first = first.select(_LISTING).n_unique()
        n_listings = rows.select(pl.struct(_LISTING).n_unique()).collect(engine="streaming").item()
        if n_first < n_listings / 2:
            return []
        shown = example_rows(first, [*self.key, "return"])
        message = _FIRST_RETURNS.format(n=n_first, of=n_listings)
        return [Fault("first_return", self.name, message, "return", len(first), shown)]

    def data_warnings(self, rows: pl.LazyFrame, history: Iterable[pl.LazyFrame]) -> list[str]:
        """Prices without any return; listings that begin with one, of which `table_faults` may not know."""
        if rows.select(pl.col("return").is_not_null().any()).collect(engine="streaming").item():
            first = _first_with_return(rows).select(*_LISTING, "date", "return").collect(engine="streaming")
            new = _without_earlier(first.unique(_LISTING), history).sort(_LISTING)
            shown = "; ".join(example_rows(new, ["date", *_LISTING, "return"]))
            count = f"{len(new):,} listing{' has' if len(new) == 1 else 's have'}"
            return [f"{count} {_NO_EARLIER_PRICE} First: {shown}"] if len(new) else []
        spans = rows.group_by(_LISTING).agg(pl.col("date").min(), last=pl.col("date").max())
        listings = spans.collect(engine="streaming")
        single = listings.filter(pl.col("date") == pl.col("last"))
        n_due = len(listings) - len(single) or len(single) - len(_without_earlier(single, history))
        return [_NO_RETURN] if n_due else []


def _first_with_return(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of the first date of each listing that have a return."""
    first = rows.group_by(_LISTING).agg(pl.col("date").min())
    return rows.filter(pl.col("return").is_not_null()).join(first, on=[*_LISTING, "date"], how="semi")


def _without_earlier(first: pl.DataFrame, history: Iterable[pl.LazyFrame]) -> pl.DataFrame:
    """The first rows of listings that have no earlier row in the history."""
    for rows in history:
        if not len(first):
            break
        begun = first.lazy().select(*_LISTING, begins="date")
        earlier = rows.join(begun, on=_LISTING).filter(pl.col("date") < pl.col("begins"))
        listings = earlier.select(_LISTING).unique().collect(engine="streaming")
        first = first.join(listings, on=_LISTING, how="anti")
    return first
