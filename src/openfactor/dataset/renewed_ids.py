"""Identifiers of a dataset that goes on, from the rows of its new days."""

from __future__ import annotations

import datetime as dt

import polars as pl

from openfactor.dataset.coding import with_carriers
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.numbering import numbered, recode


def renewed(
    old: Identifiers, new: Identifiers, since: dt.date, prices: pl.LazyFrame, caps: pl.LazyFrame
) -> Identifiers:
    """`new`, with the codes and carriers that a build of all days gives it.

    Caps of earlier days are read only if a company has several listings now and had one before.

    Parameters
    ----------
    old : of the dataset so far
    new : of the id map as it is now, see `idmap.project`; `old`, if that has not changed
    since : the first day on which rows or, see `first_affected_date`, mappings are not those of the dataset
    prices, caps : the rows of both uploads, of all days
    """
    is_new = pl.col("date") >= since
    first_dates = old.table.filter(pl.col("first_date") < since)
    out = numbered(new, prices.filter(is_new), new.listing_types, first_dates)
    codes = recode(old, out)
    carriers = old.carriers.filter(~is_new)
    before = carriers.with_columns(
        company=pl.Series(codes.company, dtype=pl.Int32).gather(carriers["company"]),
        listing=pl.Series(codes.listing, dtype=pl.Int32).gather(carriers["listing"]),
    ).filter(pl.col("company") >= 0, pl.col("listing") >= 0)
    known = old.table.filter(old.is_shared)["company_id"].unique()
    shared = out.table.filter(out.is_shared)
    added = shared.filter(~pl.col("company_id").is_in(known.implode()))["company"].unique()
    if len(added):
        earlier = with_carriers(out, caps.filter(~is_new), out.listing_types).carriers
        before = pl.concat([before, earlier.filter(pl.col("company").is_in(added.implode()))])
    return with_carriers(out, caps.filter(is_new), out.listing_types, before)
