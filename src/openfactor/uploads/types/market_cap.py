"""Data of companies: market cap, volume and specific volatility."""

from openfactor.uploads.schema import (
    NUMBER,
    Column,
    DataType,
    currency_column,
    date_column,
    finite,
    id_columns,
    not_negative,
)

_NUMBERS = ("market_cap", "volume", "idio_vol")


class MarketCap(DataType):
    """Market cap, volume and specific volatility; one row per day and company, on its main listing."""

    name = "market_cap"
    columns = (
        date_column("day"),
        *id_columns("identifier of the main listing"),
        currency_column("currency of market_cap"),
        Column("market_cap", NUMBER, "in units of ccy", (2.8e12, 2.9e12), aliases=("mcap", "cap")),
        Column("volume", NUMBER, "shares traded that day", (5e7, 2e7), nullable=True),
        Column("idio_vol", NUMBER, "daily specific volatility, as a fraction", (0.01, 0.012),
               nullable=True, aliases=("specific_vol", "specific_volatility")),
    )  # fmt: skip
    rules = tuple(rule(column) for column in _NUMBERS for rule in (finite, not_negative))
