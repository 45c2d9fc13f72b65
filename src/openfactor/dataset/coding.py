"""Codes of the listings and companies that rows of uploads name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.validity import SPAN


def rows_of_listings(identifiers: Identifiers, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows whose identifier leads to a listing on some day."""
    own = identifiers.spans.select(pl.lit(identifiers.id_types[0]).alias("asset_id_type"), asset_id="id")
    others = identifiers.listing_aliases.select(asset_id_type="id_type", asset_id="id")
    known = pl.concat([own, others]).unique()
    return rows.join(known.lazy(), on=["asset_id_type", "asset_id"], how="semi")


def code_listings(
    identifiers: Identifiers, rows: pl.LazyFrame, columns: Sequence[str], id_types: Sequence[str] = ()
) -> pl.LazyFrame:
    """Rows of known listings, with codes.

    Parameters
    ----------
    id_types : of the rows; by default that of the listings only

    Returns
    -------
    date, `columns`, listing; and source, where the rows have other id types: 0 for the listing's own id, else
    1 + the row of `Identifiers.listing_aliases`. See `resolving.unique_listings`.
    """
    listing_type = identifiers.id_types[0]
    used_types = [t for t in identifiers.listing_types if t in id_types]
    by_own_id = _by_listing_id(identifiers, rows, columns, "listing")
    if used_types == [listing_type] or not used_types:
        return by_own_id
    coded = [by_own_id.with_columns(source=pl.lit(0, pl.Int32))]
    aliases = identifiers.listing_aliases.with_row_index("source", offset=1)
    for id_type in used_types:
        if id_type != listing_type:
            spans = aliases.filter(pl.col("id_type") == id_type).cast({"source": pl.Int32})
            coded.append(_by_spans(rows, columns, id_type, spans, ["listing", "source"]))
    return pl.concat(coded)


def code_companies(
    identifiers: Identifiers, rows: pl.LazyFrame, columns: Sequence[str], id_types: Sequence[str]
) -> pl.LazyFrame:
    """Rows of known companies, with codes.

    Parameters
    ----------
    id_types : of the rows

    Returns
    -------
    date, `columns`, source: the listing or, for a row of another id type, a number beyond; see
    `Identifiers.source_company` and `Identifiers.ranks`.
    """
    used_types = [t for t in identifiers.company_types if t in id_types]
    coded = []
    for id_type in used_types or [identifiers.id_types[0]]:
        if id_type == identifiers.id_types[0]:
            coded.append(_by_listing_id(identifiers, rows, columns, "source"))
        else:
            spans = identifiers.company_spans.filter(pl.col("id_type") == id_type)
            coded.append(_by_spans(rows, columns, id_type, spans, ["source"]))
    return pl.concat(coded)


def with_carriers(
    identifiers: Identifiers,
    caps: pl.LazyFrame,
    id_types: Sequence[str],
    before: pl.DataFrame | None = None,
) -> Identifiers:
    """The same identifiers with `carriers`, from the rows of market caps.

    Parameters
    ----------
    before : carriers on earlier days than those of the rows
    """
    shared = np.flatnonzero(identifiers.is_shared).tolist()
    if not shared:
        return identifiers
    table = identifiers.table.lazy().select("listing", "company", "rank")
    rows = code_listings(identifiers, caps, [], id_types).filter(pl.col("listing").is_in(shared))
    first_by_rank = pl.col("listing").sort_by("rank").first()
    daily = rows.join(table, on="listing").group_by("company", "date").agg(first_by_rank)
    known = daily.select("company", "date", "listing").collect(engine="streaming")
    if before is not None:
        known = pl.concat([before, known])
    changed = (pl.col("listing") != pl.col("listing").shift(1).over("company")).fill_null(value=True)
    return replace(identifiers, carriers=known.sort("company", "date").filter(changed))


def _by_listing_id(
    identifiers: Identifiers, rows: pl.LazyFrame, columns: Sequence[str], name: str
) -> pl.LazyFrame:
    """date, `columns` and the listing, as `name`, of rows that use its own id."""
    listing_type, known_ids = identifiers.id_types[0], identifiers.known_ids
    if len(identifiers.spans) == identifiers.n_listings == len(known_ids.categories):  # an id is one listing
        known = pl.col("asset_id").cast(known_ids, strict=False)
        code = known.to_physical().cast(pl.Int32).alias(name)
        coded = rows.filter(pl.col("asset_id_type") == listing_type).select("date", *columns, code)
        return coded.filter(pl.col(name).is_not_null())
    return _by_spans(rows, columns, listing_type, identifiers.spans.rename({"listing": name}), [name])


def _by_spans(
    rows: pl.LazyFrame, columns: Sequence[str], id_type: str, spans: pl.DataFrame, targets: Sequence[str]
) -> pl.LazyFrame:
    """date, `columns` and `targets` of rows whose identifier is in `spans` on their day."""
    ids = pl.Enum(spans["id"].unique(maintain_order=True))
    of_type = rows.filter(pl.col("asset_id_type") == id_type)
    coded = of_type.select("date", *columns, at=pl.col("asset_id").cast(ids, strict=False).to_physical())
    known = spans.lazy().select(*SPAN, *targets, at=pl.col("id").cast(ids).to_physical())
    joined = coded.filter(pl.col("at").is_not_null()).join(known, on="at", maintain_order="left")
    return joined.filter(pl.col("date").is_between(*SPAN)).select("date", *columns, *targets)
