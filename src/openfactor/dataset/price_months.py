"""Reads the rows of a price upload month by month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from openfactor.dataset.coding import code_listings
from openfactor.dataset.identifiers import Identifiers

BATCH = 1_000_000
"""Approximate number of rows that are read at a time."""


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
    """The rows of each month, ascending. Several months are read at once if they have few rows.

    Parameters
    ----------
    columns : to be read, besides identifiers
    counts : date, asset_id_type, rows: number of rows
    others : months that are included, with rows or without
    """
    types = counts["asset_id_type"].unique().to_list()
    by_type = counts.group_by(pl.col("date").dt.strftime("%Y-%m").alias("month"), "asset_id_type").agg(
        pl.col("rows").sum()
    )
    by_month = {str(name): of_month for (name,), of_month in by_type.group_by("month")}
    sizes = dict.fromkeys(others, 0)
    sizes |= {name: int(of_month["rows"].sum()) for name, of_month in by_month.items()}
    for batch in _batches(dict(sorted(sizes.items()))):
        in_batch = pl.col("date").is_between(first_date(batch[0]), last_date(batch[-1]))
        coded = code_listings(identifiers, rows.filter(in_batch), columns, types)
        known = coded.collect(engine="streaming")  # never holds the identifiers of all rows
        if not known["date"].is_sorted():
            known = known.sort("date", maintain_order=True)
        ends = np.array([last_date(name) for name in batch], "datetime64[D]")
        stops = np.searchsorted(known["date"].to_numpy().astype("datetime64[D]"), ends, side="right")
        for name, first, stop in zip(batch, [0, *stops.tolist()], stops.tolist(), strict=False):
            yield PriceMonth(name, known[first:stop], by_month.get(name, by_type.clear()))


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Consecutive months with about `BATCH` rows, at least one; sizes : month to its number of rows."""
    batch: list[str] = []
    n_rows = 0
    for name, size in sizes.items():
        if batch and n_rows + size > BATCH:
            yield batch
            batch, n_rows = [], 0
        batch.append(name)
        n_rows += size
    if batch:
        yield batch


def first_date(name: str) -> dt.date:
    """The first calendar day of a month."""
    return dt.date.fromisoformat(f"{name}-01")


def last_date(name: str) -> dt.date:
    """The last calendar day of a month."""
    next_month = first_date(name) + dt.timedelta(31)
    return next_month - dt.timedelta(next_month.day)
