"""Listings, the companies that they belong to, and the rows of uploads that name them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.naming import Naming, naming_over_time, own_naming
from openfactor.dataset.validity import SPAN, described, merged, overlaps
from openfactor.errors import Fault, SettingsError

CARRIERS = {"company": pl.Int32(), "date": pl.Date(), "listing": pl.Int32()}
_MAIN = 2
"""Ranks that are given out before those of the other listings: to the core id, and to the one with caps."""


@dataclass(frozen=True)
class Identifiers:
    """The asset space of a dataset.

    `table` has one row per listing, sorted by id: listing (code), id, company (code), company_id, rank. The
    rank orders the listings of a company: first the one whose id is the company's, then the others by id. An
    id that belonged to several companies in turn has one row for each.

    `spans` has the days on which an id is a listing: id, start_date, end_date, listing; those of one id do
    not overlap and leave no day out.

    `aliases` has the identifiers of other types, and the days on which they lead to something: id_type, id,
    start_date, end_date, company, listing (null: to the company, not to one of its listings).

    `carriers` says whose market cap counts, for companies of several listings: company, date (from which),
    listing; sorted.
    """

    table: pl.DataFrame
    spans: pl.DataFrame
    aliases: pl.DataFrame
    id_types: tuple[str, ...]
    """Master id type, then core id type."""
    carriers: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CARRIERS))

    @property
    def n_listings(self) -> int:
        return len(self.table)

    @property
    def n_companies(self) -> int:
        return int(self.table["company"].max() or 0) + 1 if len(self.table) else 0  # type: ignore[arg-type]

    @cached_property
    def is_shared(self) -> NDArray[np.bool_]:
        """(listings,) the company has other listings too."""
        company = self.table["company"].to_numpy()
        return np.asarray((np.bincount(company, minlength=self.n_companies) > 1)[company])

    @cached_property
    def known_ids(self) -> pl.Enum:
        """The ids of listings, in the order of `spans`."""
        return pl.Enum(self.spans["id"].unique(maintain_order=True))

    @cached_property
    def listing_types(self) -> list[str]:
        """The id types that lead to listings: that of the listings, then others by name."""
        others = self.listing_aliases["id_type"].unique().sort()
        return [self.id_types[0], *others]

    @cached_property
    def company_types(self) -> list[str]:
        """The id types that lead to companies: of the listings, of the companies, then others by name."""
        return [*dict.fromkeys([*self.id_types, *self.aliases["id_type"].unique().sort()])]

    def known_type(self, id_type: str) -> str:
        """The id type; SettingsError if the dataset does not have it."""
        if id_type not in self.company_types:
            raise SettingsError(
                f"there is no id type {id_type!r}:", [f"possible: {', '.join(self.company_types)}"]
            )
        return id_type

    def naming(self, id_type: str) -> Naming:
        """What listings are called in an id type of the dataset, day by day.

        Of several identifiers on a day, one of the listing counts before one of the company, then the first
        by id; one that leads to two companies on the day is nobody's.
        """
        if id_type not in self._namings:
            if id_type in self.id_types:
                self._namings[id_type] = own_naming(id_type, pl.Series("id", self.names(id_type), pl.String))
            else:
                self._namings[id_type] = self._naming_over_time(id_type)
        return self._namings[id_type]

    @cached_property
    def _namings(self) -> dict[str, Naming]:
        return {}

    def _naming_over_time(self, id_type: str) -> Naming:
        mine = self.aliases.filter(pl.col("id_type") == id_type).select("id", *SPAN, "company", "listing")
        of_listing, of_company = pl.col("listing").is_not_null(), pl.col("listing").is_null()
        companies = mine.filter(of_company).drop("listing").join(self.table, on="company", suffix="_own")
        columns = ["listing", "id", *SPAN]
        held = [
            mine.filter(of_listing).select(*columns, order=0), companies.select(*columns, order=1)
        ]  # fmt: skip
        unclear = self.unclear_companies.filter(pl.col("id_type") == id_type).select("id", *SPAN)
        return naming_over_time(id_type, pl.concat(held), unclear, self.n_listings)

    def names(self, id_type: str) -> list[str]:
        """The identifier of each listing in an id type."""
        return self.table["id" if id_type == self.id_types[0] else "company_id"].to_list()

    # rows of uploads

    @cached_property
    def listing_aliases(self) -> pl.DataFrame:
        """The aliases that lead to listings."""
        return self.aliases.filter(pl.col("listing").is_not_null())

    def of_listings(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The rows whose identifier leads to a listing on some day."""
        own = self.spans.select(pl.lit(self.id_types[0]).alias("asset_id_type"), asset_id="id")
        others = self.listing_aliases.select(asset_id_type="id_type", asset_id="id")
        known = pl.concat([own, others]).unique()
        return rows.join(known.lazy(), on=["asset_id_type", "asset_id"], how="semi")

    def code(self, rows: pl.LazyFrame, columns: Sequence[str], id_types: Sequence[str] = ()) -> pl.LazyFrame:
        """Rows of known listings: date, `columns` and listing.

        id_types : those of the rows; only that of the listings, if there are none

        With others there is a column `source`: 0 for the listing's own id, else 1 + the row of
        `listing_aliases`. See `resolving.known_listings`.
        """
        master = self.id_types[0]
        asked = [t for t in self.listing_types if t in id_types]
        if asked == [master] or not asked:
            return self._of_listings(rows, columns, "listing")
        parts = [self._of_listings(rows, columns, "listing").with_columns(source=pl.lit(0, pl.Int32))]
        of_type = self.listing_aliases.with_row_index("source", offset=1)
        for id_type in asked:
            if id_type != master:
                spans = of_type.filter(pl.col("id_type") == id_type).cast({"source": pl.Int32})
                parts.append(_spanned(rows, columns, id_type, spans, ["listing", "source"]))
        return pl.concat(parts)

    def code_companies(
        self, rows: pl.LazyFrame, columns: Sequence[str], id_types: Sequence[str]
    ) -> pl.LazyFrame:
        """Rows of known companies: date, `columns` and source.

        id_types : those of the rows
        source : the listing, or for a row of another id type a number beyond; see `source_company`, `ranks`
        """
        asked = [t for t in self.company_types if t in id_types]
        parts = []
        for id_type in asked or [self.id_types[0]]:
            if id_type == self.id_types[0]:
                parts.append(self._of_listings(rows, columns, "source"))
            else:
                spans = self.company_spans.filter(pl.col("id_type") == id_type)
                parts.append(_spanned(rows, columns, id_type, spans, ["source"]))
        return pl.concat(parts)

    def _of_listings(self, rows: pl.LazyFrame, columns: Sequence[str], name: str) -> pl.LazyFrame:
        """date, `columns` and the listing, of rows that name it by its own id."""
        master = rows.filter(pl.col("asset_id_type") == self.id_types[0])
        known = pl.col("asset_id").cast(self.known_ids, strict=False)
        if len(self.spans) == self.n_listings == len(self.known_ids.categories):  # each id is one listing
            coded = master.select("date", *columns, known.to_physical().cast(pl.Int32).alias(name))
            return coded.filter(pl.col(name).is_not_null())
        return _spanned(rows, columns, self.id_types[0], self.spans.rename({"listing": name}), [name])

    @cached_property
    def company_spans(self) -> pl.DataFrame:
        """Identifiers of companies that are no listings: id_type, id, start_date, end_date, company, source.

        Sources count on from the listings: first the companies' own ids, then the other types by name.
        """
        core = self.id_types[1]
        own = self.table.select("company", id="company_id").unique().with_columns(
            id_type=pl.lit(core), start_date=pl.lit(dt.date.min), end_date=pl.lit(dt.date.max)
        )  # fmt: skip
        others = merged(self.aliases.drop("listing"), ["id_type", "id", "company"])
        columns = ["id_type", "id", *SPAN, "company"]
        both = [own.select(columns).sort("id"), others.select(columns).sort(columns)]
        numbered = pl.concat(both).with_row_index("source", offset=self.n_listings)
        return numbered.select(*columns, pl.col("source").cast(pl.Int32))

    @cached_property
    def source_company(self) -> NDArray[np.int32]:
        """(sources,) company of each source of a row."""
        return np.concatenate([self.table["company"].to_numpy(), self.company_spans["company"].to_numpy()])

    @cached_property
    def source_types(self) -> list[str]:
        """(sources,) id type of each source of a row."""
        return [self.id_types[0]] * self.n_listings + self.company_spans["id_type"].to_list()

    @cached_property
    def source_ids(self) -> pl.Series:
        """(sources,) identifier of each source of a row."""
        return pl.concat([self.table["id"], self.company_spans["id"]])

    # which listing stands for its company

    def ranks(self, dates: pl.Series, source: NDArray[np.int32]) -> NDArray[np.int32]:
        """(n,) which of several rows of a company and date counts: that of the lowest rank.

        The listing whose id is the company's comes first; then the one with the company's latest market cap
        on or before the date; then the others by id; then rows that name no listing.
        """
        if not self.is_shared.any() and (not len(source) or source.max() < self.n_listings):
            return np.zeros(len(source), np.int32)
        out = self.static_ranks[source]
        if len(self.carriers):
            at = np.flatnonzero((source < self.n_listings) & (out > 0))
            at = at[self.is_shared[source[at]]]
            carrier = self._carrier(self.source_company[source[at]], dates.gather(at).to_numpy())
            out[at[carrier == source[at]]] = 1
        return out

    @cached_property
    def static_ranks(self) -> NDArray[np.int32]:
        """(sources,) `ranks` without regard to market caps."""
        listings = self.table["rank"].to_numpy() + _MAIN
        listings = np.where((self.table["id"] == self.table["company_id"]).to_numpy(), 0, listings)
        others = _MAIN + self.n_listings + np.arange(len(self.company_spans))
        return np.concatenate([listings, others]).astype(np.int32)

    def _carrier(self, company: NDArray[np.int32], dates: NDArray[np.datetime64]) -> NDArray[np.int32]:
        """(n,) the listing that carries the cap of a company on a date; -1: none yet."""
        held = self.carriers
        keys = _key(held["company"].to_numpy(), held["date"].to_numpy())
        at = np.searchsorted(keys, _key(company, dates), side="right") - 1
        found = np.maximum(at, 0)
        same = (at >= 0) & (held["company"].to_numpy()[found] == company)
        return np.where(same, held["listing"].to_numpy()[found], -1).astype(np.int32)

    def with_carriers(self, caps: pl.LazyFrame, id_types: Sequence[str]) -> Identifiers:
        """The same with `carriers`, from the rows of market caps."""
        shared = np.flatnonzero(self.is_shared).tolist()
        if not shared:
            return self
        table = self.table.lazy().select("listing", "company", "rank")
        rows = self.code(caps, [], id_types).filter(pl.col("listing").is_in(shared)).join(table, on="listing")
        first = rows.group_by("company", "date").agg(pl.col("listing").sort_by("rank").first())
        daily = first.sort("company", "date").collect(engine="streaming")
        changed = (pl.col("listing") != pl.col("listing").shift(1).over("company")).fill_null(True)
        return replace(self, carriers=daily.filter(changed).select("company", "date", "listing"))

    # identifiers that lead to two things at once

    @cached_property
    def unclear_companies(self) -> pl.DataFrame:
        """Identifiers of other types that lead to two companies on the same days; see `overlaps`."""
        names = self.table.select("company", "company_id").unique()
        spans = self.company_spans.filter(pl.col("id_type") != self.id_types[1])
        return overlaps(spans.join(names, on="company"), "company_id")

    @cached_property
    def unclear_listings(self) -> pl.DataFrame:
        """Identifiers of other types that lead to two listings on the same days; see `overlaps`."""
        named = self.aliases.join(self.table.select("listing", of="id"), on="listing")
        return overlaps(merged(named, ["id_type", "id", "of"]), "of")

    def unclear(self, rows: pl.LazyFrame, upload: str, *, of_listings: bool = False) -> list[Fault]:
        """Rows whose identifier leads to two companies on their day, or to two listings."""
        pairs = self.unclear_listings if of_listings else self.unclear_companies
        if not len(pairs):
            return []
        used = (
            rows.select("date", "asset_id", "asset_id_type")
            .join(pairs.lazy(), left_on=["asset_id_type", "asset_id"], right_on=["id_type", "id"])
            .filter(pl.col("date").is_between(*SPAN))
            .group_by(id_type="asset_id_type", id="asset_id", first="first", second="second")
            .agg(*(pl.col(c).first() for c in pairs.columns if c not in pairs.columns[:4]), rows=pl.len())
            .sort("id_type", "id", "first", "second")
            .collect(engine="streaming")
        )
        if not len(used):
            return []
        what, to = ("listings", self.id_types[0]) if of_listings else ("companies", self.id_types[1])
        return [
            Fault("ambiguous_id", upload, f"{used['rows'].sum():,} rows have an identifier that leads to two "
                  f"{what} on their day; end one mapping of the idmap on the day before the other starts, or "
                  "name these assets by another id type", "asset_id", len(used), described(used, to))
        ]  # fmt: skip


def _key(company: NDArray[np.int32], dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Numbers in the order of company, then date."""
    days = dates.astype("datetime64[D]").astype(np.int64)
    return np.asarray((company.astype(np.int64) << 32) + days)


def _spanned(
    rows: pl.LazyFrame, columns: Sequence[str], id_type: str, spans: pl.DataFrame, targets: Sequence[str]
) -> pl.LazyFrame:
    """date, `columns` and `targets` of rows whose identifier is in `spans` on their day."""
    ids = pl.Enum(spans["id"].unique(maintain_order=True))
    mine = rows.filter(pl.col("asset_id_type") == id_type)
    coded = mine.select("date", *columns, at=pl.col("asset_id").cast(ids, strict=False).to_physical())
    known = spans.lazy().select(*SPAN, *targets, at=pl.col("id").cast(ids).to_physical())
    joined = coded.filter(pl.col("at").is_not_null()).join(known, on="at")
    return joined.filter(pl.col("date").is_between(*SPAN)).select("date", *columns, *targets)
