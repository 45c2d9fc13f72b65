"""Closed days of exchanges."""

from openfactor.uploads.schema import TEXT, Column, DataType, date_column


class ExchangeDates(DataType):
    """The days on which an exchange is closed, weekends included."""

    name = "exchange_dates"
    columns = (
        date_column("closed day"),
        Column("exchange", TEXT, "exchange code (MIC)", ("XNYS", "XNYS"), key=True, aliases=("mic",),
               counted="exchanges"),
    )  # fmt: skip
