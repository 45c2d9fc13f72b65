"""Factor exposures in long form."""

from openfactor.uploads.schema import DATE, NUMBER, TEXT, Column, DataType, finite

EXPOSURES = DataType(
    name="exposures",
    description="Loadings of assets on factors; for sparse groups only those that are not zero.",
    columns=(
        Column("date", DATE, "day on which the loading is known"),
        Column("asset_id", TEXT, "identifier"),
        Column("asset_id_type", TEXT, "id type of asset_id"),
        Column("factor_group", TEXT, "group, such as style"),
        Column("factor", TEXT, "factor in the group, such as momentum"),
        Column("exposure", NUMBER, "loading; for membership 1"),
    ),
    key=("date", "asset_id", "asset_id_type", "factor_group", "factor"),
    rules=(finite("exposure"),),
)
