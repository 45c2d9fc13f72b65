"""Codes of listings and companies, in the order in which they first appear.

Codes are stable: whatever a later day brings, the listings and companies of the days before keep theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.axes import find_companies, find_listings, name_companies, name_listings
from openfactor.dataset.coding import code_listings
from openfactor.dataset.identifiers import Identifiers

_LISTING = ["id", "company_id"]


class Recoding(NamedTuple):
    """Old codes to new ones, -1 for what no longer exists."""

    listing: NDArray[np.int32]
    """(old listings,)"""
    company: NDArray[np.int32]
    """(old companies,)"""


def recode(old: Identifiers, new: Identifiers) -> Recoding:
    """Where the listings and companies of older identifiers are in newer ones."""
    listings, companies = np.arange(old.n_listings), np.arange(old.n_companies)
    return Recoding(
        find_listings(new, name_listings(old, listings)).astype(np.int32),
        find_companies(new, name_companies(old, companies)).astype(np.int32),
    )


def coded_table(listings: pl.DataFrame) -> pl.DataFrame:
    """`Identifiers.table` of listings.

    Listings are numbered by first date, then id, then company id; those without a date come last. Companies
    are numbered in the order of their first listings. So what appears later takes higher codes.

    Parameters
    ----------
    listings : id, company_id, first_date; in any order
    """
    return (
        listings.sort("first_date", "id", "company_id", nulls_last=True)
        .with_row_index("listing")
        .cast({"listing": pl.Int32})
        .with_columns(
            company=pl.col("listing").min().over("company_id").rank("dense").cast(pl.Int32) - 1,
            other=pl.col("id") != pl.col("company_id"),
        )
        .with_columns(rank=pl.struct("other", "id").rank("ordinal").over("company").cast(pl.Int32) - 1)
        .select("listing", "id", "company", "company_id", "rank", "first_date")
    )


def numbered(
    identifiers: Identifiers,
    prices: pl.LazyFrame,
    id_types: Sequence[str],
    before: pl.DataFrame | None = None,
) -> Identifiers:
    """The same identifiers, with codes in the order of first appearance in a price upload.

    Parameters
    ----------
    prices, id_types : rows of the upload, and their id types
    before : id, company_id, first_date: of listings with earlier rows than these
    """
    if not identifiers.n_listings:
        return identifiers
    coded = code_listings(identifiers, prices, [], id_types)
    first_dates = coded.group_by("listing").agg(first_date=pl.col("date").min()).collect(engine="streaming")
    listings = identifiers.table.drop("first_date").join(first_dates, on="listing", how="left")
    if before is not None:
        earlier = before.select(*_LISTING, earlier="first_date")
        listings = listings.join(earlier, on=_LISTING, how="left").with_columns(
            first_date=pl.coalesce("earlier", "first_date")
        )
    bare = replace(identifiers, table=coded_table(listings.select(*_LISTING, "first_date")))
    codes = recode(identifiers, bare)
    aliases = identifiers.aliases.with_columns(
        company=_recoded(identifiers.aliases["company"], codes.company),
        listing=_recoded(identifiers.aliases["listing"], codes.listing),
    )
    spans, mapped = (
        frame.with_columns(listing=_recoded(frame["listing"], codes.listing)).sort("listing", "start_date")
        for frame in (identifiers.spans, identifiers.mapped)
    )
    return replace(bare, spans=spans, mapped=mapped, aliases=aliases.sort(pl.all()))


def _recoded(old: pl.Series, codes: NDArray[np.int32]) -> pl.Series:
    """New codes; nulls stay."""
    return pl.Series(codes, dtype=pl.Int32).gather(old)
