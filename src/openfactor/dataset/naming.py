"""What listings are called in an id type, day by day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.validity import SPAN

Codes = NDArray[np.int32]
Days = NDArray[np.int32]
_STEP = ("listing", "day")


@dataclass(frozen=True)
class Naming:
    """The identifiers of listings in one id type.

    `names` has them sorted, each once. `spans` says who has which: listing, start_date, end_date, code (index
    into `names`); sorted, and those of a listing do not overlap. On other days it has none.
    """

    id_type: str
    names: pl.Series
    spans: pl.DataFrame
    n_listings: int

    def at(self, date: dt.date) -> Codes:
        """(listings,) code of each listing's identifier on a date; -1: none."""
        begins, ends, listing, code = self._arrays
        day = (date - dt.date(1970, 1, 1)).days
        here = (begins <= day) & (day <= ends)
        out = np.full(self.n_listings, -1, np.int32)
        out[listing[here]] = code[here]
        return out

    def texts(self, codes: Codes) -> pl.Series:
        """(n,) the identifiers of codes, null for -1."""
        at = pl.Series(codes, dtype=pl.Int32)
        return self.names.gather(at.set(at < 0, None))

    @cached_property
    def _arrays(self) -> tuple[Days, Days, Codes, Codes]:
        begins, ends = (self.spans[c].to_physical().to_numpy() for c in SPAN)
        return begins, ends, self.spans["listing"].to_numpy(), self.spans["code"].to_numpy()


def own_naming(id_type: str, names: pl.Series) -> Naming:
    """Listings that have the same identifier on all days; names : (listings,)."""
    ever = {"start_date": dt.date.min, "end_date": dt.date.max}
    spans = pl.DataFrame({"listing": pl.arange(len(names), dtype=pl.Int32, eager=True), "id": names})
    return _coded(id_type, spans.with_columns(**{c: pl.lit(d) for c, d in ever.items()}), len(names))


def naming_over_time(id_type: str, held: pl.DataFrame, unclear: pl.DataFrame, n_listings: int) -> Naming:
    """Listings whose identifiers change.

    Of several on a day the lowest `order` counts, then the first by id.

    held : listing, id, start_date, end_date, order; unclear : id, start_date, end_date on which an identifier
    is nobody's
    """
    held, unclear = (
        frame.with_columns(first=pl.col("start_date").to_physical(), last=pl.col("end_date").to_physical())
        for frame in (held, unclear)
    )
    day, inside = pl.col("day"), pl.col("day").is_between("first", "last")
    contested = held.select("listing", "id").join(unclear, on="id")
    steps = pl.concat(
        frame.select("listing", day=bound) for frame in (held, contested)
        for bound in (pl.col("first"), pl.col("last") + 1)
    ).unique()  # fmt: skip
    there = steps.join(held, on="listing").filter(inside).select(*_STEP, "id", "order")
    nobody = there.join(unclear.select("id", "first", "last"), on="id").filter(inside)
    best = (
        there.join(nobody, on=[*_STEP, "id"], how="anti")
        .sort(*_STEP, "order", "id")
        .unique(_STEP, keep="first")
        .select(*_STEP, "id")
    )
    until = (day.shift(-1).over("listing") - 1).fill_null(pl.lit(dt.date.max).to_physical())
    spans = (
        steps.join(best, on=_STEP, how="left")
        .sort(_STEP)
        .with_columns(until=until)
        .filter(pl.col("id").is_not_null())
        .select("listing", "id", start_date=day.cast(pl.Date), end_date=pl.col("until").cast(pl.Date))
    )
    return _coded(id_type, spans, n_listings)


def _coded(id_type: str, spans: pl.DataFrame, n_listings: int) -> Naming:
    names = spans["id"].unique().sort()
    code = spans["id"].cast(pl.Enum(names)).to_physical().cast(pl.Int32)
    columns = ["listing", *SPAN, "code"]
    return Naming(id_type, names, spans.with_columns(code=code).select(columns).sort(columns), n_listings)
