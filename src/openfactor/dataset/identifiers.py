"""Listings, companies, and the identifiers that lead to them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.naming import Naming, naming_over_time, own_naming
from openfactor.dataset.validity import SPAN, merged, overlaps
from openfactor.errors import SettingsError

CARRIERS = {"company": pl.Int32(), "date": pl.Date(), "listing": pl.Int32()}
_RESERVED = 2
"""Ranks reserved for the listing whose id is the company's and for the one with the market cap."""


@dataclass(frozen=True)
class Identifiers:
    """The listings and companies of a dataset, and the identifiers that lead to them.

    Codes of listings and companies count from 0, without gaps, in the order of first appearance.
    """

    table: pl.DataFrame
    """One row per listing, in the order of codes, see `numbering`: listing (code), id, company (code),
    company_id, rank, first_date (of its rows in the price upload; null without any).

    The rank orders the listings of a company: first the one whose id is the company's, then the others by id.
    An id that belonged to several companies in turn has one row for each.
    """
    spans: pl.DataFrame
    """id, start_date, end_date, listing: the days on which an id is a listing. The spans of an id cover every
    day once. Sorted by listing."""
    mapped: pl.DataFrame
    """listing, start_date, end_date: the days on which the id map maps a listing; sorted."""
    aliases: pl.DataFrame
    """id_type, id, start_date, end_date, company, listing: identifiers of other types and the days on which
    they are valid; listing is null where they lead to a company only."""
    id_types: tuple[str, ...]
    """Id type of the listings, then of the companies."""
    carriers: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CARRIERS))
    """company, date, listing: from each date on, the listing whose market cap counts, for companies with
    several listings; sorted."""

    @property
    def n_listings(self) -> int:
        return len(self.table)

    @property
    def n_companies(self) -> int:
        return int(self.table["company"].max() or 0) + 1 if len(self.table) else 0  # type: ignore[arg-type]

    @cached_property
    def is_shared(self) -> NDArray[np.bool_]:
        """(listings,) whether the company has other listings."""
        company = self.table["company"].to_numpy()
        return np.asarray((np.bincount(company, minlength=self.n_companies) > 1)[company])

    @cached_property
    def known_ids(self) -> pl.Enum:
        """The ids of listings, in the order of `spans`: of listing codes, if each has one span."""
        return pl.Enum(self.spans["id"].unique(maintain_order=True))

    @cached_property
    def listing_types(self) -> list[str]:
        """Id types that lead to listings: that of the listings, then the others by name."""
        others = self.listing_aliases["id_type"].unique().sort()
        return [self.id_types[0], *others]

    @cached_property
    def company_types(self) -> list[str]:
        """Id types that lead to companies: of the listings, of the companies, then the others by name."""
        return [*dict.fromkeys([*self.id_types, *self.aliases["id_type"].unique().sort()])]

    @cached_property
    def listing_aliases(self) -> pl.DataFrame:
        """The aliases that lead to listings."""
        return self.aliases.filter(pl.col("listing").is_not_null())

    def known_type(self, id_type: str) -> str:
        """The id type itself, if the dataset has it.

        Raises
        ------
        SettingsError: the dataset does not have it.
        """
        if id_type not in self.company_types:
            raise SettingsError(
                f"there is no id type {id_type!r}:", [f"possible: {', '.join(self.company_types)}"]
            )
        return id_type

    def naming(self, id_type: str) -> Naming:
        """Identifiers of listings in an id type of the dataset, day by day.

        If a listing has several on a day, its own come before those of its company, then the first by id
        counts. An identifier that leads to two companies on a day is not used on that day.
        """
        if id_type not in self._namings:
            if id_type in self.id_types:
                self._namings[id_type] = own_naming(
                    id_type, pl.Series("id", self.listing_ids(id_type), pl.String)
                )
            else:
                self._namings[id_type] = self._naming_over_time(id_type)
        return self._namings[id_type]

    @cached_property
    def _namings(self) -> dict[str, Naming]:
        return {}

    def _naming_over_time(self, id_type: str) -> Naming:
        aliases = self.aliases.filter(pl.col("id_type") == id_type).select("id", *SPAN, "company", "listing")
        columns = ["listing", "id", *SPAN]
        of_listings = aliases.filter(pl.col("listing").is_not_null())
        of_companies = aliases.filter(pl.col("listing").is_null()).drop("listing")
        of_companies = of_companies.join(self.table, on="company", suffix="_own")
        names = [of_listings.select(*columns, order=0), of_companies.select(*columns, order=1)]
        ambiguous = self.ambiguous_companies.filter(pl.col("id_type") == id_type).select("id", *SPAN)
        return naming_over_time(id_type, pl.concat(names), ambiguous, self.n_listings)

    def listing_ids(self, id_type: str) -> list[str]:
        """(listings,) id of each listing, or of its company; id_type : one of `id_types`."""
        return self.table["id" if id_type == self.id_types[0] else "company_id"].to_list()

    # sources of rows of uploads

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

    # precedence among the listings of a company

    def ranks(self, dates: pl.Series, source: NDArray[np.int32]) -> NDArray[np.int32]:
        """Rank of each row among the rows of its company and date, of which the lowest counts.

        The listing whose id is the company's comes first; then the one with the company's latest market cap
        on or before the date; then the others by id; then rows that name no listing.

        Returns
        -------
        (n,) ranks, not contiguous.
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
        """(sources,) `ranks` that ignore market caps."""
        listings = self.table["rank"].to_numpy() + _RESERVED
        listings = np.where((self.table["id"] == self.table["company_id"]).to_numpy(), 0, listings)
        others = _RESERVED + self.n_listings + np.arange(len(self.company_spans))
        return np.concatenate([listings, others]).astype(np.int32)

    def _carrier(self, company: NDArray[np.int32], dates: NDArray[np.datetime64]) -> NDArray[np.int32]:
        """(n,) listing that carries the cap of a company on a date; -1: none yet."""
        carriers = self.carriers
        keys = _key(carriers["company"].to_numpy(), carriers["date"].to_numpy())
        at = np.searchsorted(keys, _key(company, dates), side="right") - 1
        latest = np.maximum(at, 0)
        is_same = (at >= 0) & (carriers["company"].to_numpy()[latest] == company)
        return np.where(is_same, carriers["listing"].to_numpy()[latest], -1).astype(np.int32)

    # ambiguous identifiers

    @cached_property
    def ambiguous_companies(self) -> pl.DataFrame:
        """Identifiers of other types that lead to two companies on the same days; see `overlaps`."""
        names = self.table.select("company", "company_id").unique()
        spans = self.company_spans.filter(pl.col("id_type") != self.id_types[1])
        return overlaps(spans.join(names, on="company"), "company_id")

    @cached_property
    def ambiguous_listings(self) -> pl.DataFrame:
        """Identifiers of other types that lead to two listings on the same days; see `overlaps`."""
        named = self.aliases.join(self.table.select("listing", of="id"), on="listing")
        return overlaps(merged(named, ["id_type", "id", "of"]), "of")


def _key(company: NDArray[np.int32], dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Numbers in the order of company, then date."""
    days = dates.astype("datetime64[D]").astype(np.int64)
    return np.asarray((company.astype(np.int64) << 32) + days)
