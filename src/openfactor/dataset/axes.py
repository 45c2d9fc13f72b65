"""Axes of stored states: listings and companies by id, because a later build may number them differently."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers

Int = NDArray[np.int64]


def name_listings(identifiers: Identifiers, listings: Int) -> pl.DataFrame:
    """id, company_id: names of listings, given their codes."""
    return identifiers.table.select("id", "company_id")[listings]


def find_listings(identifiers: Identifiers, names: pl.DataFrame) -> Int:
    """(n,) codes of listings, given their names (id, company_id); -1 where there is no such listing."""
    codes = identifiers.table.select("id", "company_id", "listing")
    found = names.select("id", "company_id").join(
        codes, on=["id", "company_id"], how="left", maintain_order="left"
    )
    return found["listing"].fill_null(-1).to_numpy().astype(np.int64)


def name_companies(identifiers: Identifiers, companies: Int) -> pl.Series:
    """Ids of companies, given their codes."""
    ids = identifiers.table.select("company", "company_id").unique().sort("company")["company_id"]
    return ids.gather(companies)


def find_companies(identifiers: Identifiers, ids: pl.Series) -> Int:
    """(n,) codes of companies, given their ids; -1 where there is no such company."""
    codes = identifiers.table.select("company_id", "company").unique()
    found = pl.DataFrame({"company_id": ids}).join(codes, on="company_id", how="left", maintain_order="left")
    return found["company"].fill_null(-1).to_numpy().astype(np.int64)
