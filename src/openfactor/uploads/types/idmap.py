"""Mappings between identifiers over time."""

import datetime as dt

import polars as pl

from openfactor.uploads.schema import DATE, TEXT, Column, DataType, Rule

_FIRST, _LAST = dt.date(2000, 1, 1), dt.date(9999, 12, 31)


class IdMap(DataType):
    """Which identifiers mean the same listing, and which listings belong to a company.

    A mapping holds from start_date to end_date, both included; an empty date sets no limit.
    """

    name = "idmap"
    columns = (
        Column("start_date", DATE, "first day of the mapping", (_FIRST, _FIRST),
               key=True, optional=True, default=dt.date.min),
        Column("end_date", DATE, "last day of the mapping", (_LAST, _LAST),
               optional=True, default=dt.date.max),
        Column("from_id_type", TEXT, "id type of from_id", ("isin", "ticker"), key=True),
        Column("from_id", TEXT, "identifier that is mapped", ("US0378331005", "AAPL"), key=True,
               counted="from_ids"),
        Column("to_id_type", TEXT, "id type of to_id", ("ticker", "ticker_core"), key=True),
        Column("to_id", TEXT, "identifier that from_id is mapped to", ("AAPL", "AAPL"), key=True,
               counted="to_ids"),
    )  # fmt: skip
    rules = (
        Rule(
            "ordered", "end_date", pl.col("end_date") < pl.col("start_date"), "must not be before start_date"
        ),
    )
    dated_by = None
    detail_by = ("from_id_type", "to_id_type")
