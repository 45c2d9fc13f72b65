"""Daily bars, the source of descriptors."""

import polars as pl

from openfactor.uploads.schema import (
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

_PRICES = ("close", "adjusted_close", "high", "low")


class DailyBars(DataType):
    """High, low, close, adjusted close and volume of listings per day; the source of descriptors."""

    name = "daily_bars"
    columns = (
        date_column("day"),
        *id_columns("identifier of the listing"),
        currency_column("currency of the prices"),
        Column("close", NUMBER, "closing price as traded", (185.6, 370.6), aliases=("price", "px_last")),
        Column("adjusted_close", NUMBER, "closing price adjusted for splits and dividends", (184.9, 367.8),
               nullable=True, aliases=("adj_close", "close_adj")),
        Column("high", NUMBER, "highest price, on the scale of close", (188.4, 373.3), nullable=True),
        Column("low", NUMBER, "lowest price, on the scale of close", (183.9, 366.8), nullable=True),
        Column("volume", NUMBER, "shares traded", (8.2e7, 2.5e7), nullable=True),
    )  # fmt: skip
    rules = (
        *(rule(column) for column in _PRICES for rule in (finite, positive)),
        finite("volume"),
        not_negative("volume"),
        Rule("high_low", "high", pl.col("high") < pl.col("low"), "is below the low of the day"),
    )
