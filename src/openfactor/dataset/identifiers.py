"""Listings and the entities they belong to, from the id map."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from openfactor.errors import Fault, SettingsError

_SPAN = ("start_date", "end_date")


@dataclass(frozen=True)
class Identifiers:
    """The asset space of a dataset.

    `table` has one row a listing, sorted by id: listing (code), id, entity (code), entity_id, rank. The rank
    orders the listings of an entity, 0 first: of those alive on a day the first is the main listing, whose
    return is the entity's. An id that belonged to several entities, one after the other, has a row for
    each.

    `spans` has the days on which an id is a listing: id, start_date, end_date, listing; those of one id do
    not overlap and leave no day out.

    `aliases` has the identifiers of other types: id_type, id, start_date, end_date, entity.
    """

    table: pl.DataFrame
    spans: pl.DataFrame
    aliases: pl.DataFrame
    id_types: tuple[str, ...]
    """Master id type, then core id type."""

    @property
    def n_listings(self) -> int:
        return len(self.table)

    @property
    def n_entities(self) -> int:
        return int(self.table["entity"].max() or 0) + 1 if len(self.table) else 0  # type: ignore[arg-type]

    @cached_property
    def known_ids(self) -> pl.Enum:
        """The ids of listings, in the order of `spans`."""
        return pl.Enum(self.spans["id"].unique(maintain_order=True))

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

    def code(self, rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
        """Rows of listings that the id map knows: date, listing, and `columns`."""
        master = rows.filter(pl.col("asset_id_type") == self.id_types[0])
        known = pl.col("asset_id").cast(self.known_ids, strict=False)
        coded = master.select("date", *columns, at=known.to_physical()).filter(pl.col("at").is_not_null())
        if len(self.spans) == self.n_listings == len(self.known_ids.categories):
            return coded.rename({"at": "listing"}).cast({"listing": pl.Int32})  # each id is one listing
        spans = self.spans.with_columns(at=pl.col("id").cast(self.known_ids).to_physical())
        joined = coded.join(spans.lazy().drop("id"), on="at").filter(
            pl.col("date").is_between("start_date", "end_date")
        )
        return joined.select("date", *columns, "listing")

    def entities_of(self, assets: pl.DataFrame) -> pl.Series:
        """Entities (codes) that rows of asset_id and asset_id_type name on their `date`, unique."""
        master, core = self.id_types
        known = pl.concat(
            [
                self.spans.join(self.table, on="listing").select(
                    pl.lit(master).alias("id_type"), "id", *_SPAN, "entity"
                ),
                self.table.select(pl.lit(core).alias("id_type"), pl.col("entity_id").alias("id"), "entity")
                .unique()
                .select("id_type", "id", start_date=dt.date.min, end_date=dt.date.max, entity="entity"),
                self.aliases,
            ]
        )
        joined = assets.join(known, left_on=["asset_id_type", "asset_id"], right_on=["id_type", "id"])
        return joined.filter(pl.col("date").is_between(*_SPAN))["entity"].unique().sort()


def project(
    idmap: pl.DataFrame, master: str, core: str, as_of: dt.date, with_cap: pl.Series
) -> tuple[Identifiers, list[Fault]]:
    """Listings and entities out of the rows of the id map that start on or before `as_of`.

    Rows from `master` to `core` make the listings. Where an id has several, to different entities, each
    holds from its start to the day before the next one; the first holds before its start too, and the last
    after its end, so that no day of an id is without an entity. Listings of an entity are ranked: first the
    one whose id equals the core id, then those with market caps (`with_cap`), then the others, by id.
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
    steps = (
        rows.sort("start_date")
        .select(id="from_id", entity_id="to_id", start_date="start_date")
        .unique(["id", "start_date"], keep="last", maintain_order=True)
        .sort("id", "start_date", maintain_order=True)
        .filter((pl.col("entity_id") != pl.col("entity_id").shift(1).over("id")).fill_null(True))
        .with_columns(
            start_date=pl.when(pl.int_range(pl.len()).over("id") == 0)
            .then(dt.date.min)
            .otherwise(pl.col("start_date")),
            end_date=(pl.col("start_date").shift(-1).over("id") - pl.duration(days=1)).fill_null(dt.date.max),
        )
    )
    table = (
        steps.select("id", "entity_id")
        .unique()
        .sort("id", "entity_id")
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
        .with_columns(rank=pl.struct("preference", "id").rank("ordinal").over("entity").cast(pl.Int32) - 1)
        .select("listing", "id", "entity", "entity_id", "rank")
    )
    spans = steps.join(table, on=["id", "entity_id"], maintain_order="left")
    spans = spans.select("id", "start_date", "end_date", "listing")
    return Identifiers(table, spans, _aliases(known, table, master, core), (master, core)), faults


def _aliases(known: pl.DataFrame, table: pl.DataFrame, master: str, core: str) -> pl.DataFrame:
    """Identifiers of other types that lead to a listing or to an entity."""
    others = known.filter(~pl.col("from_id_type").is_in([master, core]))
    targets = pl.concat(
        [
            table.select(pl.lit(master).alias("to_id_type"), pl.col("id").alias("to_id"), "entity"),
            table.select(pl.lit(core).alias("to_id_type"), pl.col("entity_id").alias("to_id"), "entity"),
        ]
    ).unique()
    return (
        others.join(targets, on=["to_id_type", "to_id"])
        .select("entity", *_SPAN, id_type="from_id_type", id="from_id")
        .select("id_type", "id", *_SPAN, "entity")
        .unique()
        .sort(pl.all())
    )
