"""Days on which exchanges are closed."""

from openfactor.uploads.schema import TEXT, Column, DataType, date_column


class ExchangeDates(DataType):
    """Days on which exchanges are closed, weekends included."""

    name = "exchange_dates"
    columns = (
        date_column("closed day"),
        Column("exchange", TEXT, "exchange code (MIC)", ("XNYS", "XNYS"), key=True, aliases=("mic",),
               counted="exchanges"),
    )  # fmt: skip
