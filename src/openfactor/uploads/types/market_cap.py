"""Entity-level data: market cap and what comes with it."""

from openfactor.uploads.schema import DATE, NUMBER, TEXT, Column, DataType, finite, not_negative

MARKET_CAP = DataType(
    name="market_cap",
    description="Market cap, volume and volatility estimate; one row a day and entity, on its main listing.",
    columns=(
        Column("date", DATE, "day"),
        Column("asset_id", TEXT, "identifier of the main listing"),
        Column("asset_id_type", TEXT, "id type of asset_id"),
        Column("ccy", TEXT, "currency of market_cap"),
        Column("market_cap", NUMBER, "in units of ccy"),
        Column("volume", NUMBER, "shares traded that day", nullable=True),
        Column("idio_vol", NUMBER, "estimate of the specific volatility, as a fraction", nullable=True),
    ),
    key=("date", "asset_id", "asset_id_type"),
    rules=(
        finite("market_cap"),
        not_negative("market_cap"),
        finite("volume"),
        not_negative("volume"),
        finite("idio_vol"),
        not_negative("idio_vol"),
    ),
)
