"""Small tables for the tests of uploads."""

from __future__ import annotations

import datetime as dt

import polars as pl

from openfactor.client.upload import Upload
from openfactor.uploads import DataType


def rates(*rows: tuple[int, str, float]) -> pl.DataFrame:
    """Exchange rates: day of January 2024, currency, rate."""
    return pl.DataFrame(
        [(dt.date(2024, 1, day), ccy, rate) for day, ccy, rate in rows],
        schema={"date": pl.Date, "ccy": pl.String, "fx_rate": pl.Float64},
        orient="row",
    )


def key_sorted(rows: pl.DataFrame, data_type: DataType) -> pl.DataFrame:
    return rows.sort(data_type.key, nulls_last=True)


def read(upload: Upload, version: int | dt.datetime | None = None) -> pl.DataFrame:
    """All rows of exchange rates, sorted."""
    return upload.get_data(version=version).collect().sort("date", "ccy")
