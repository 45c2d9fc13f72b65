"""Listing-level data: the daily record of a traded asset."""

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import DATE, FLAG, NUMBER, TEXT, Column, DataType, Rule, finite, positive
from openfactor.uploads.validation import examples

KEY = ("date", "asset_id", "asset_id_type", "ccy")


def first_row_has_no_return(rows: pl.DataFrame) -> list[Fault]:
    """A name's first price is the base of its first return, hence has none itself."""
    series = list(KEY[1:])
    first = pl.col("date") == pl.col("date").min().over(series)
    broken = rows.filter(first & pl.col("return").is_not_null())
    if not len(broken):
        return []
    message = "the first price of a name must have an empty return: it is the base of the next one"
    return [
        Fault("first_return", "price", message, "return", len(broken), examples(broken, [*KEY, "return"]))
    ]


PRICE = DataType(
    name="price",
    description="Close, daily total return and delisting of each listing.",
    columns=(
        Column("date", DATE, "day"),
        Column("asset_id", TEXT, "identifier of the listing"),
        Column("asset_id_type", TEXT, "id type of asset_id"),
        Column("ccy", TEXT, "currency of close and return"),
        Column("close", NUMBER, "closing price", nullable=True),
        Column("return", NUMBER, "simple total return since the listing's last price", nullable=True),
        Column("delisted", FLAG, "true on the last day of a delisted name"),
    ),
    key=KEY,
    rules=(
        finite("close"),
        positive("close"),
        finite("return"),
        Rule("return_bound", "return", pl.col("return") < -1, "a return below -100 % cannot be"),
    ),
    whole_rules=(first_row_has_no_return,),
)
