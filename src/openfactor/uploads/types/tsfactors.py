"""Time series of factor returns."""

from openfactor.uploads.schema import NUMBER, TEXT, Column, DataType, Wide, date_column, finite


class TimeSeriesFactors(DataType):
    """Time series of factor returns, for exposures that are betas to them."""

    name = "tsfactors"
    columns = (
        date_column("day of the return"),
        Column("factor", TEXT, "name of the factor", ("SMB", "SMB"), key=True, aliases=("factor_name",),
               counted="factors"),
        Column("value", NUMBER, "simple return of the day, as a fraction", (-0.0083, 0.0012),
               aliases=("return", "ret", "factor_return")),
    )  # fmt: skip
    rules = (finite("value"),)
    wide = Wide(("factor",), "value")
