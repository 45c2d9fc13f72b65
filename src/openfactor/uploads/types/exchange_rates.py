"""Exchange rates against the US dollar."""

from openfactor.uploads.schema import NUMBER, TEXT, Column, DataType, date_column, finite, positive


class ExchangeRates(DataType):
    """Units of a currency per US dollar."""

    name = "exchange_rates"
    columns = (
        date_column("day of the rate"),
        Column("ccy", TEXT, "currency code (ISO 4217)", ("EUR", "EUR"), key=True,
               aliases=("currency", "currency_code"), counted="currencies"),
        Column("fx_rate", NUMBER, "units of ccy per USD", (0.91, 0.92), aliases=("rate", "fx")),
    )  # fmt: skip
    rules = (finite("fx_rate"), positive("fx_rate"))
