"""The days on which a listing is alive and has rows, decided on each day from what is known on that day.

A listing is alive on days with a price. It stays alive without one for a set number of days, unless its last
row is flagged `delisted` or its mapping in the id map has ended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.row_counts import BEFORE_LIFE, RowCounts
from openfactor.dataset.validity import merged
from openfactor.numerics.listing_lives import PriceEvents, PriceGaps, close_lives, mark_lives, new_life_state

RUN = 1_000_000
"""Price rows that are processed at a time."""


@dataclass(frozen=True)
class Life:
    """What ends the life of a listing without prices."""

    counted: NDArray[np.int64]
    """(D,) see `counted_days`."""
    limit: int
    """Largest number of counted days without a price."""
    spans: pl.DataFrame
    """See `stated_spans`."""


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


def alive_days(
    prices: pl.DataFrame, days: Sequence[dt.date], life: Life, n_listings: int, row_counts: RowCounts
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The days on which listings are alive.

    Parameters
    ----------
    prices : (n) of `read_prices`

    Returns
    -------
    (D, listings) whether alive; (n,) whether a price begins a life, so that its return is not used.
    """
    steps = np.zeros((len(days) + 1, n_listings), np.int8)
    gaps, state = PriceGaps(life.counted, life.limit), new_life_state(n_listings)
    base, after_flag = np.zeros((2, len(prices)), np.bool_)
    ends = _Ends(life.spans, days, n_listings)
    for first in range(0, len(prices), RUN):
        rows = slice(first, first + RUN)
        part = prices[rows]
        day, listing = day_before(part["date"], days), part["listing"].to_numpy()
        events = PriceEvents(
            day, listing, part["quoted"].to_numpy(), part["delisted"].to_numpy(), ends.of(listing, day)
        )
        mark_lives(events, gaps, state, steps, base[rows], after_flag[rows])
    has_return = prices["return"].is_not_null().to_numpy()
    row_counts.unused_returns = prices.filter(base & has_return).select("date", "listing", "return")
    row_counts.drop("price", BEFORE_LIFE, len(row_counts.unused_returns))
    row_counts.drop("price", "return across a delisting", int((after_flag & has_return).sum()))
    close_lives(gaps, state, steps)
    np.cumsum(steps, axis=0, out=steps)
    return steps[:-1].astype(np.bool_), base


class _Ends:
    """The last day of each mapping of a listing in the id map."""

    def __init__(self, spans: pl.DataFrame, days: Sequence[dt.date], n_listings: int) -> None:
        listing = spans["listing"].to_numpy()
        self._last = day_before(spans["end_date"], days)
        starts = spans["start_date"].to_numpy().astype("datetime64[D]")
        self._keys = self._key(listing, np.searchsorted(np.array(days, "datetime64[D]"), starts))
        self._only = np.full(n_listings, len(days), np.int64)
        self._only[listing] = self._last
        self._several = np.bincount(listing, minlength=n_listings) > 1

    @staticmethod
    def _key(listing: NDArray[np.int32], day: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray((listing.astype(np.int64) << 32) + day)

    def of(self, listing: NDArray[np.int32], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) last day of the span that a day is in; outside of spans, of the previous or the first one."""
        out = self._only[listing]
        at_several = np.flatnonzero(self._several[listing])
        if len(at_several):
            at = (
                np.searchsorted(self._keys, self._key(listing[at_several], day[at_several]), side="right") - 1
            )
            begin = np.searchsorted(
                self._keys, self._key(listing[at_several], np.zeros(len(at_several), np.int64))
            )
            out[at_several] = self._last[np.maximum(at, begin)]
        return out


def day_before(dates: pl.Series, days: Sequence[dt.date]) -> NDArray[np.int64]:
    """(n,) index of the last of the days on or before each date, -1 before the first."""
    stored = np.array(days, dtype="datetime64[D]")
    at = np.searchsorted(stored, dates.to_numpy().astype("datetime64[D]"), side="right")
    return at.astype(np.int64) - 1
