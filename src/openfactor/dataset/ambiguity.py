"""Rows of uploads whose identifier leads to two listings or companies on the same day."""

from __future__ import annotations

import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.validity import SPAN, described
from openfactor.errors import Fault


def ambiguous_rows(
    identifiers: Identifiers, rows: pl.LazyFrame, upload: str, *, of_listings: bool = False
) -> list[Fault]:
    """Rows whose identifier leads to two companies on their day; with `of_listings`, to two listings."""
    pairs = identifiers.ambiguous_listings if of_listings else identifiers.ambiguous_companies
    if not len(pairs):
        return []
    by = ["id_type", "id", "first", "second"]
    used = (
        rows.select("date", "asset_id", "asset_id_type")
        .join(pairs.lazy(), left_on=["asset_id_type", "asset_id"], right_on=["id_type", "id"])
        .filter(pl.col("date").is_between(*SPAN))
        .group_by(id_type="asset_id_type", id="asset_id", first="first", second="second")
        .agg(*(pl.col(c).first() for c in pairs.columns if c not in by), rows=pl.len())
        .sort(by)
        .collect(engine="streaming")
    )
    if not len(used):
        return []
    targets, target_type = (
        ("listings", identifiers.id_types[0]) if of_listings else ("companies", identifiers.id_types[1])
    )
    return [
        Fault("ambiguous_id", upload, f"{used['rows'].sum():,} rows have an identifier that leads to two "
              f"{targets} on their day; end one mapping in the idmap the day before the other starts, or "
              "use another id type for these assets", "asset_id", len(used), described(used, target_type))
    ]  # fmt: skip
