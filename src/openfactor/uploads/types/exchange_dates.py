"""Closed days of exchanges."""

from openfactor.uploads.schema import DATE, TEXT, Column, DataType

EXCHANGE_DATES = DataType(
    name="exchange_dates",
    description="The days on which an exchange is closed, weekends included.",
    columns=(
        Column("date", DATE, "closed day"),
        Column("exchange", TEXT, "exchange code (MIC)"),
    ),
    key=("date", "exchange"),
)
