"""Mappings between identifiers over time."""

import polars as pl

from openfactor.uploads.schema import DATE, TEXT, Column, DataType, Rule

IDMAP = DataType(
    name="idmap",
    description="Which identifiers stand for the same asset, and which listings belong to one entity.",
    columns=(
        Column("start_date", DATE, "first day of the mapping"),
        Column("end_date", DATE, "last day of the mapping"),
        Column("from_id_type", TEXT, "id type of from_id"),
        Column("from_id", TEXT, "identifier that is mapped"),
        Column("to_id_type", TEXT, "id type of to_id"),
        Column("to_id", TEXT, "identifier that it is mapped to"),
    ),
    key=("start_date", "from_id_type", "from_id", "to_id_type", "to_id"),
    rules=(Rule("ordered", "end_date", pl.col("end_date") < pl.col("start_date"), "ends before it starts"),),
)
