"""How long the id map says that a listing exists."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.validity import merged

Int = NDArray[np.int64]


def stated_spans(idmap: pl.DataFrame, identifiers: Identifiers, as_of: dt.date) -> pl.DataFrame:
    """listing, start_date, end_date: the days on which the id map maps a listing; sorted."""
    master, core = identifiers.id_types
    rows = idmap.filter(
        (pl.col("from_id_type") == master)
        & (pl.col("to_id_type") == core)
        & (pl.col("start_date").fill_null(dt.date.min) <= as_of)
    )
    mappings = rows.select(
        pl.col("start_date").fill_null(dt.date.min),
        pl.col("end_date").fill_null(dt.date.max),
        id="from_id",
        company_id="to_id",
    )
    listed = mappings.join(identifiers.table.select("id", "company_id", "listing"), on=["id", "company_id"])
    return merged(listed, ["listing"])


class StatedEnds:
    """The last date of each mapping of a listing in the id map; spans : see `stated_spans`."""

    def __init__(self, spans: pl.DataFrame, n_listings: int) -> None:
        listing = spans["listing"].to_numpy().astype(np.int64)
        self._last = spans["end_date"].to_physical().to_numpy().astype(np.int64)
        self._first = np.searchsorted(listing, np.arange(n_listings))
        self._keys = self._key(listing, spans["start_date"].to_physical().to_numpy())

    @staticmethod
    def _key(listing: Int, date: Int) -> Int:
        """Numbers in the order of listing, then date."""
        return np.asarray((listing << 32) + date)

    def of(self, listing: NDArray[np.int32], date: Int) -> Int:
        """(n,) last date of the span that a date is in; outside of spans, of the previous or the first one.

        Dates are days since 1970.
        """
        at = np.searchsorted(self._keys, self._key(listing.astype(np.int64), date), side="right") - 1
        return self._last[np.maximum(at, self._first[listing])]
