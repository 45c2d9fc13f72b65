"""Factor exposures."""

from openfactor.uploads.schema import (
    NUMBER,
    TEXT,
    Column,
    DataType,
    Wide,
    date_column,
    finite,
    id_columns,
)


class Exposures(DataType):
    """Loadings of assets on factors; sparse groups need only those that are not zero."""

    name = "exposures"
    columns = (
        date_column("day on which the loading is known"),
        *id_columns(),
        Column("factor_group", TEXT, "group, such as style", ("style", "style"), key=True,
               aliases=("group",), counted="factor_groups"),
        Column("factor", TEXT, "factor in the group, such as momentum", ("momentum", "size"), key=True,
               aliases=("factor_name",), counted="factors"),
        Column("exposure", NUMBER, "loading; 1 for membership", (0.31, -1.2), aliases=("loading", "value")),
    )  # fmt: skip
    rules = (finite("exposure"),)
    wide = Wide(("factor_group", "factor"), "exposure")
