"""Reads the rows of a price upload month by month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from openfactor.dataset.coding import code_listings
from openfactor.dataset.dated_rows import DatedRows
from openfactor.dataset.identifiers import Identifiers


@dataclass(frozen=True)
class PriceMonth:
    """The rows of a month."""

    name: str
    rows: pl.DataFrame
    """Of known listings, sorted by date; see `code_listings`."""
    rows_by_type: pl.DataFrame
    """asset_id_type, rows: number of all rows."""


def price_months(
    rows: pl.LazyFrame,
    columns: Sequence[str],
    identifiers: Identifiers,
    counts: pl.DataFrame,
    others: Iterable[str],
) -> Iterator[PriceMonth]:
    """The rows of each month, ascending.

    Parameters
    ----------
    columns : to be read, besides identifiers
    counts : date, asset_id_type, rows: number of rows
    others : months that are included, with rows or without
    """
    types = counts["asset_id_type"].unique().to_list()
    known = DatedRows(code_listings(identifiers, rows, columns, types), counts)
    by_type = counts.group_by(pl.col("date").dt.strftime("%Y-%m").alias("month"), "asset_id_type").agg(
        pl.col("rows").sum()
    )
    by_month = {str(name): of_month for (name,), of_month in by_type.group_by("month")}
    for name in sorted({*by_month, *others}):
        yield PriceMonth(name, known.until(last_date(name)), by_month.get(name, by_type.clear()))


def last_date(name: str) -> dt.date:
    """The last calendar day of a month."""
    next_month = dt.date.fromisoformat(f"{name}-01") + dt.timedelta(31)
    return next_month - dt.timedelta(next_month.day)
