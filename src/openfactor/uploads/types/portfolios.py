"""Holdings of portfolios."""

import polars as pl

from openfactor.uploads.schema import (
    NUMBER,
    TEXT,
    Column,
    DataType,
    Rule,
    date_column,
    finite,
    id_columns,
)


class Portfolios(DataType):
    """Holdings of portfolios; those of a day hold until the portfolio's next day with rows."""

    name = "portfolios"
    columns = (
        Column("portfolio_id", TEXT, "name of the portfolio", ("CORE", "CORE"), key=True,
               aliases=("portfolio", "fund", "account"), counted="portfolios"),
        *id_columns("identifier of the holding"),
        date_column("day of the holdings"),
        Column("currency", TEXT, "currency of nav; USD if empty", ("USD", "USD"), optional=True,
               aliases=("ccy",)),
        Column("share_qty", NUMBER, "shares held, negative when short", (100.0, None), optional=True,
               aliases=("shares", "quantity", "qty")),
        Column("nav", NUMBER, "value held, negative when short", (None, 2.5e4), optional=True,
               aliases=("market_value", "holding")),
        Column("portfolio_group", TEXT, "group of portfolios", ("equity", "equity"), optional=True),
    )  # fmt: skip
    rules = (
        finite("share_qty"),
        finite("nav"),
        Rule(
            "size_given",
            "nav",
            pl.col("share_qty").is_null() & pl.col("nav").is_null(),
            "must be given, or share_qty",
        ),
    )
