"""Rows of uploads that name a known asset, and counts of the rows that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.row_counts import DUPLICATE, UNKNOWN, UNKNOWN_OF_TYPE, RowCounts


def unique_listings(
    coded: pl.DataFrame,
    rows_by_type: pl.DataFrame,
    identifiers: Identifiers,
    row_counts: RowCounts,
    upload: str,
) -> pl.DataFrame:
    """Rows of known listings, one per listing and date.

    If several identifiers lead to a listing on a date, the rows of one are kept: of the listing's own id,
    else of the first other id type by name, then by id.

    Parameters
    ----------
    coded : of `coding.code_listings`
    rows_by_type : asset_id_type, rows: number of rows of the upload
    row_counts : receives the dropped rows
    """
    listing_type, listing_types = identifiers.id_types[0], identifiers.listing_types
    if "source" not in coded.columns:
        count_unknown(row_counts, upload, rows_by_type, {listing_type: len(coded)}, listing_types)
        return coded
    by_source = coded.group_by("source").len()
    types = pl.concat([pl.Series([listing_type]), identifiers.listing_aliases["id_type"]])
    by_type = by_source.group_by(id_type=types.gather(by_source["source"])).agg(pl.col("len").sum())
    count_unknown(row_counts, upload, rows_by_type, dict(by_type.iter_rows()), listing_types)
    unique = without_duplicates(coded)
    row_counts.drop(upload, DUPLICATE, len(coded) - len(unique))
    return unique


def without_duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the first identifier of each listing and date; rows : of `coding.code_listings`."""
    if "source" not in rows.columns:
        return rows
    return rows.filter(pl.col("source") == pl.col("source").min().over("listing", "date")).drop("source")


def count_unknown(
    row_counts: RowCounts,
    upload: str,
    rows_by_type: pl.DataFrame,
    known_by_type: Mapping[str, int],
    id_types: Sequence[str],
) -> None:
    """Count the rows whose identifier is unknown, by id type.

    Parameters
    ----------
    rows_by_type : asset_id_type, rows: all rows
    known_by_type : id type to number of rows with a known identifier
    id_types : those that lead to what the upload needs, that of the listings first
    """
    for id_type, count in sorted(zip(rows_by_type["asset_id_type"], rows_by_type["rows"], strict=True)):
        if id_type == id_types[0]:
            reason = UNKNOWN
        elif id_type in id_types:
            reason = f"{UNKNOWN_OF_TYPE}{id_type}"
        else:
            reason = f"unsupported id type: {id_type}"
        row_counts.drop(upload, reason, count - known_by_type.get(id_type, 0))


def count_by_type(source: NDArray[np.int32], identifiers: Identifiers) -> dict[str, int]:
    """Id type to number of rows; source : (rows,) of `coding.code_companies`."""
    of_listings = int((source < identifiers.n_listings).sum())
    counts = {identifiers.id_types[0]: of_listings}
    if of_listings < len(source):
        others = pl.Series(source[source >= identifiers.n_listings] - identifiers.n_listings)
        types = identifiers.company_spans["id_type"].gather(others)
        counts |= dict(types.value_counts().iter_rows())
    return counts
