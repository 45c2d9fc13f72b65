"""Lays out the rows of a panel: which listing is alive on which stored day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers


@dataclass(frozen=True)
class Rows:
    """The skeleton of a panel; see `Panel` for the fields that it shares."""

    days: Sequence[dt.date]
    """(D,) stored days."""
    n_listings: int
    n_entities: int
    entity: NDArray[np.int32]
    """(rows,) entity of each row's listing."""
    offsets: NDArray[np.int64]
    listing: NDArray[np.int32]
    local_return: NDArray[np.float64]
    priced: NDArray[np.bool_]


def day_index(dates: pl.Series, days: Sequence[dt.date]) -> NDArray[np.int64]:
    """Index of the first stored day on or after each date: the day on which it is known."""
    stored = np.array(days, dtype="datetime64[D]")
    return np.searchsorted(stored, dates.to_numpy().astype("datetime64[D]")).astype(np.int64)


def event_offsets(day: NDArray[np.int64], n_days: int) -> NDArray[np.int64]:
    """(D + 1,) where each day's events begin, for events sorted by day."""
    return np.searchsorted(day, np.arange(n_days + 1)).astype(np.int64)


def lay_rows(prices: pl.DataFrame, days: Sequence[dt.date], identifiers: Identifiers) -> Rows:
    """A row for each listing and stored day from its first to its last price.

    `prices` (listing, date, return) has one row a listing and date.
    """
    n_listings = identifiers.n_listings
    day, listing = day_index(prices["date"], days), prices["listing"].to_numpy()
    first = np.full(n_listings, len(days))
    last = np.full(n_listings, -1)
    np.minimum.at(first, listing, day)
    np.maximum.at(last, listing, day)
    today = np.arange(len(days))[:, None]
    alive = (today >= first) & (today <= last)
    offsets = np.concatenate([[0], np.cumsum(alive.sum(axis=1))]).astype(np.int64)
    names = np.flatnonzero(alive) % max(n_listings, 1)
    position = np.cumsum(alive.ravel(), dtype=np.int32 if alive.size < 2**31 else np.int64) - 1
    at = position[day * n_listings + listing]
    returns = np.full(int(offsets[-1]), np.nan)
    returns[at] = prices["return"].fill_null(float("nan")).to_numpy()
    priced = np.zeros(int(offsets[-1]), np.bool_)
    priced[at] = True
    return Rows(
        days=days,
        n_listings=n_listings,
        n_entities=identifiers.n_entities,
        entity=identifiers.table["entity"].to_numpy()[names],
        offsets=offsets,
        listing=names.astype(np.int32),
        local_return=returns,
        priced=priced,
    )
