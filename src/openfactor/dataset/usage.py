"""What an exposures upload has of assets that a dataset knows: factors and dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.resolving import drop_unknown
from openfactor.dataset.rowcounts import RowCounts


def used_factors(
    rows: pl.LazyFrame,
    found: pl.DataFrame,
    identifiers: Identifiers,
    row_counts: RowCounts,
    source: str = "exposures",
) -> pl.DataFrame:
    """A survey without the factors that only assets have which the id map does not know.

    Such rows are counted; they make no factor, and no rule is held against them.
    """
    pair = ["factor_group", "factor"]
    types = found["asset_id_type"].unique().to_list()
    missing = found.select(pair).unique()
    fullest = found.group_by("date").agg(pl.col("rows").sum()).sort("rows", "date")["date"].tail(1)
    # one day settles most factors; the history is read for the others only
    for some in (rows.filter(pl.col("date").is_in(fullest.implode())), rows):
        if len(missing):
            of_missing = some.filter(pl.col("factor").is_in(missing["factor"].implode()))
            coded = identifiers.code_companies(of_missing, pair, types)
            there = coded.select(pair).unique().collect(engine="streaming")
            missing = missing.join(there, on=pair, how="anti")
    unused = found.join(missing, on=pair, how="semi").group_by("asset_id_type").agg(pl.col("rows").sum())
    drop_unknown(row_counts, source, unused, {}, identifiers.company_types)
    return found.join(missing, on=pair, how="anti", maintain_order="left")


def used_dates(
    rows: pl.LazyFrame, found: pl.DataFrame, identifiers: Identifiers, days: Collection[dt.date]
) -> set[dt.date]:
    """The dates of a survey that are among `days`, or on which an asset of the id map has a row."""
    dates = set(found["date"].unique())
    extra = pl.Series(sorted(dates - set(days)), dtype=pl.Date)
    if not len(extra):
        return dates
    groups = found["factor_group"].unique()
    some = rows.filter(pl.col("date").is_in(extra.implode()) & pl.col("factor_group").is_in(groups.implode()))
    coded = identifiers.code_companies(some, [], found["asset_id_type"].unique().to_list())
    there = coded.select("date").unique().collect(engine="streaming")
    return dates - (set(extra) - set(there["date"]))
