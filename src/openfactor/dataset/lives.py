"""How long the id map says that a listing exists."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Int = NDArray[np.int64]


class StatedEnds:
    """The last date of each mapping of a listing in the id map; spans : `Identifiers.mapped`."""

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
