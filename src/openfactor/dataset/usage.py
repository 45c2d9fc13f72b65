"""Factors and dates of an exposures upload that assets of the dataset use.

Rows of other assets are counted. They add no factor and no date, and no rule is checked on them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import polars as pl

from openfactor.dataset.coding import code_companies
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.resolving import count_unknown
from openfactor.dataset.row_counts import RowCounts


def used_factors(
    rows: pl.LazyFrame,
    inventory: pl.DataFrame,
    identifiers: Identifiers,
    row_counts: RowCounts,
    source: str = "exposures",
) -> pl.DataFrame:
    """The part of an inventory whose factors are held by an asset of the id map."""
    factor = ["factor_group", "factor"]
    types = inventory["asset_id_type"].unique().to_list()
    unseen = inventory.select(factor).unique()
    fullest = inventory.group_by("date").agg(pl.col("rows").sum()).sort("rows", "date")["date"].tail(1)
    # one day settles most factors; the whole history is read for the others only
    for sample in (rows.filter(pl.col("date").is_in(fullest.implode())), rows):
        if len(unseen):
            of_unseen = sample.filter(pl.col("factor").is_in(unseen["factor"].implode()))
            coded = code_companies(identifiers, of_unseen, factor, types)
            seen = coded.select(factor).unique().collect(engine="streaming")
            unseen = unseen.join(seen, on=factor, how="anti")
    unused = inventory.join(unseen, on=factor, how="semi").group_by("asset_id_type").agg(pl.col("rows").sum())
    count_unknown(row_counts, source, unused, {}, identifiers.company_types)
    return inventory.join(unseen, on=factor, how="anti", maintain_order="left")


def used_dates(
    rows: pl.LazyFrame, inventory: pl.DataFrame, identifiers: Identifiers, days: Collection[dt.date]
) -> set[dt.date]:
    """The dates of an inventory that are among `days`, or on which an asset of the id map has a row."""
    dates = set(inventory["date"].unique())
    other = pl.Series(sorted(dates - set(days)), dtype=pl.Date)
    if not len(other):
        return dates
    groups = inventory["factor_group"].unique()
    candidates = rows.filter(
        pl.col("date").is_in(other.implode()) & pl.col("factor_group").is_in(groups.implode())
    )
    types = inventory["asset_id_type"].unique().to_list()
    coded = code_companies(identifiers, candidates, [], types)
    used = coded.select("date").unique().collect(engine="streaming")
    return dates - (set(other) - set(used["date"]))
