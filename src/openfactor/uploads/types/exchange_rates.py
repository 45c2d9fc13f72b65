"""Exchange rates against the US dollar."""

from openfactor.uploads.schema import DATE, NUMBER, TEXT, Column, DataType, finite, positive

EXCHANGE_RATES = DataType(
    name="exchange_rates",
    description="How many units of a currency one USD buys.",
    columns=(
        Column("date", DATE, "day of the rate"),
        Column("ccy", TEXT, "currency code (ISO 4217)"),
        Column("fx_rate", NUMBER, "units of ccy per USD"),
    ),
    key=("date", "ccy"),
    rules=(finite("fx_rate"), positive("fx_rate")),
)
