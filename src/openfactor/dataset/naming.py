"""Identifiers of listings in an id type, day by day."""

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

    A listing has none on days outside of its spans.
    """

    id_type: str
    names: pl.Series
    """The identifiers, sorted, each once."""
    spans: pl.DataFrame
    """listing, start_date, end_date, code (index into `names`); sorted. Spans of a listing do not overlap."""
    n_listings: int

    def at(self, date: dt.date) -> Codes:
        """(listings,) code of each listing's identifier on a date, -1 for none."""
        begins, ends, listing, code = self._arrays
        day = (date - dt.date(1970, 1, 1)).days
        is_valid = (begins <= day) & (day <= ends)
        out = np.full(self.n_listings, -1, np.int32)
        out[listing[is_valid]] = code[is_valid]
        return out

    def texts(self, codes: Codes) -> pl.Series:
        """(n,) identifiers of codes, null for -1."""
        at = pl.Series(codes, dtype=pl.Int32)
        return self.names.gather(at.set(at < 0, None))

    @cached_property
    def _arrays(self) -> tuple[Days, Days, Codes, Codes]:
        begins, ends = (self.spans[c].to_physical().to_numpy() for c in SPAN)
        return begins, ends, self.spans["listing"].to_numpy(), self.spans["code"].to_numpy()


def own_naming(id_type: str, names: pl.Series) -> Naming:
    """Listings with the same identifier on all days; names : (listings,)."""
    ever = {"start_date": dt.date.min, "end_date": dt.date.max}
    spans = pl.DataFrame({"listing": pl.arange(len(names), dtype=pl.Int32, eager=True), "id": names})
    return _coded(id_type, spans.with_columns(**{c: pl.lit(d) for c, d in ever.items()}), len(names))


def naming_over_time(id_type: str, names: pl.DataFrame, ambiguous: pl.DataFrame, n_listings: int) -> Naming:
    """Listings whose identifiers change.

    Of several on a day, the lowest `order` counts, then the first by id.

    Parameters
    ----------
    names : listing, id, start_date, end_date, order
    ambiguous : id, start_date, end_date: days on which an identifier is not used
    """
    names, ambiguous = (
        frame.with_columns(first=pl.col("start_date").to_physical(), last=pl.col("end_date").to_physical())
        for frame in (names, ambiguous)
    )
    day, inside = pl.col("day"), pl.col("day").is_between("first", "last")
    contested = names.select("listing", "id").join(ambiguous, on="id")
    steps = pl.concat(
        frame.select("listing", day=bound) for frame in (names, contested)
        for bound in (pl.col("first"), pl.col("last") + 1)
    ).unique()  # fmt: skip
    candidates = steps.join(names, on="listing").filter(inside).select(*_STEP, "id", "order")
    unusable = candidates.join(ambiguous.select("id", "first", "last"), on="id").filter(inside)
    best = (
        candidates.join(unusable, on=[*_STEP, "id"], how="anti")
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
