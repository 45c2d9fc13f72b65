"""Time series that belong to no asset."""

from openfactor.uploads.schema import NUMBER, TEXT, Column, DataType, Wide, date_column, finite


class Series(DataType):
    """Time series that belong to no asset: index levels, interest rates, indicators."""

    name = "series"
    columns = (
        date_column("day of the value"),
        Column("series", TEXT, "name of the series", ("SPX", "SPX"), key=True, aliases=("series_name",),
               counted="series"),
        Column("value", NUMBER, "in the unit of the series", (4742.8, 4704.8)),
    )  # fmt: skip
    rules = (finite("value"),)
    wide = Wide(("series",), "value")
