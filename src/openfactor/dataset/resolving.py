"""Which rows of an upload name assets of the dataset, and the count of those that do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.rowcounts import RowCounts

NAMED_AGAIN = "the same asset has a row in an id type that comes first"


def known_listings(
    rows: pl.LazyFrame,
    columns: Sequence[str],
    by_type: pl.DataFrame,
    identifiers: Identifiers,
    row_counts: RowCounts,
    upload: str,
) -> pl.DataFrame:
    """Rows of known listings: date, `columns`, listing.

    Where several identifiers name one listing on a day, the rows of the first count: of the listing's own id,
    then of the other id types by name, then by id.

    by_type : asset_id_type and rows of the upload
    """
    coded = identifiers.code(rows, columns, by_type["asset_id_type"].to_list())
    known = coded.collect(engine="streaming")  # never has the identifiers of all rows at once
    if "source" not in known.columns:
        drop_unknown(
            row_counts, upload, by_type, {identifiers.id_types[0]: len(known)}, identifiers.listing_types
        )
        return known
    counts = known.group_by("source").len()
    types = pl.concat([pl.Series([identifiers.id_types[0]]), identifiers.listing_aliases["id_type"]])
    by_source = counts.select("len", id_type=types.gather(counts["source"]))
    found = dict(by_source.group_by("id_type").agg(pl.col("len").sum()).iter_rows())
    drop_unknown(row_counts, upload, by_type, found, identifiers.listing_types)
    first = first_named(known)
    row_counts.drop(upload, NAMED_AGAIN, len(known) - len(first))
    return first


def first_named(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of listings without those whose listing another identifier names first on their date."""
    if "source" not in rows.columns:
        return rows
    return rows.filter(pl.col("source") == pl.col("source").min().over("listing", "date")).drop("source")


def drop_unknown(
    row_counts: RowCounts, upload: str, by_type: pl.DataFrame, found: dict[str, int], leading: Sequence[str]
) -> None:
    """Count the rows that name nothing, by id type.

    by_type : asset_id_type and rows; found : id type to the rows that name something; leading : the id types
    that lead anywhere, first that of the listings
    """
    for id_type, count in by_type.sort("asset_id_type").select("asset_id_type", "rows").iter_rows():
        if id_type == leading[0]:
            reason = "unknown asset"
        elif id_type in leading:
            reason = f"unknown asset of id type {id_type}"
        else:
            reason = f"another id type: {id_type}"
        row_counts.drop(upload, reason, int(count) - found.get(id_type, 0))


def count_by_type(source: NDArray[np.int32], identifiers: Identifiers) -> dict[str, int]:
    """Id type to the number of rows of companies; `source` as of `Identifiers.code_companies`."""
    of_listings = int((source < identifiers.n_listings).sum())
    found = {identifiers.id_types[0]: of_listings}
    if of_listings < len(source):
        others = pl.Series(source[source >= identifiers.n_listings] - identifiers.n_listings)
        types = identifiers.company_spans["id_type"].gather(others)
        found |= dict(types.value_counts().iter_rows())
    return found
