"""Listings and the entities they belong to, from the id map."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from openfactor.errors import Fault, SettingsError


@dataclass(frozen=True)
class Identifiers:
    """The asset space of a dataset.

    `table` has one row a listing, sorted by id: listing (code), id, entity (code), entity_id, main.
    `main` marks the one listing of each entity whose return is the entity's.
    """

    table: pl.DataFrame
    id_types: tuple[str, ...]
    """Master id type, then core id type."""

    @property
    def n_listings(self) -> int:
        return len(self.table)

    @property
    def n_entities(self) -> int:
        return self.table["entity"].n_unique()

    def known_type(self, id_type: str) -> str:
        """The id type; SettingsError if the dataset does not have it."""
        if id_type not in self.id_types:
            raise SettingsError(
                f"there is no id type {id_type!r}:", [f"possible: {', '.join(self.id_types)}"]
            )
        return id_type

    def names(self, id_type: str) -> list[str]:
        """The identifier of each listing in an id type."""
        return self.table["id" if id_type == self.id_types[0] else "entity_id"].to_list()


def project(
    idmap: pl.DataFrame, master: str, core: str, as_of: dt.date, with_cap: pl.Series
) -> tuple[Identifiers, list[Fault]]:
    """Listings and entities out of the rows of the id map that lead from `master` to `core`.

    Where a listing has several such rows the one that starts last counts. The main listing is the one
    whose id equals the core id, else one that has market caps (`with_cap`), else the first by id.
    """
    known = idmap.filter(pl.col("start_date") <= as_of)
    rows = known.filter((pl.col("from_id_type") == master) & (pl.col("to_id_type") == core))
    faults = []
    if not len(rows):
        pairs = known.select("from_id_type", "to_id_type").unique().sort(pl.all()).rows()
        found = ", ".join(f"{a} to {b}" for a, b in pairs) or "none"
        faults.append(
            Fault("unknown_id_type", "idmap", f"no mapping from master_id_type {master!r} to "
                  f"master_id_core_type {core!r} starts on or before {as_of}; there are: {found}")
        )  # fmt: skip
    table = (
        rows.sort("start_date")
        .unique("from_id", keep="last", maintain_order=True)
        .select(id="from_id", entity_id="to_id")
        .sort("id")
        .with_row_index("listing")
        .with_columns(
            pl.col("listing").cast(pl.Int32),
            entity=pl.col("entity_id").rank("dense").cast(pl.Int32) - 1,
            preference=pl.when(pl.col("id") == pl.col("entity_id"))
            .then(0)
            .when(pl.col("id").is_in(with_cap.implode()))
            .then(1)
            .otherwise(2),
        )
        .with_columns(
            main=pl.struct("preference", "id").rank("ordinal").over("entity") == 1,
        )
        .select("listing", "id", "entity", "entity_id", "main")
    )
    return Identifiers(table, (master, core)), faults
