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
        self._has_several = np.bincount(listing, minlength=n_listings) > 1
        self._keys = self._key(listing, spans["start_date"].to_physical().to_numpy())

    @staticmethod
    def _key(listing: Int, date: Int) -> Int:
        """Numbers in the order of listing, then date."""
        return np.asarray((listing << 32) + date)

    def of(self, listing: NDArray[np.int32], date: Int) -> Int:
        """(n,) last date of the span that a date is in; outside of spans, of the previous or the first one.

        Dates are days since 1970.
        """
        span = self._first[listing]
        several = np.flatnonzero(self._has_several[listing])
        keys = self._key(listing[several].astype(np.int64), date[several])
        span[several] = np.maximum(np.searchsorted(self._keys, keys, side="right") - 1, span[several])
        return self._last[span]
