"""Lays out the rows of a panel: which listing is alive on which stored day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.riskdataset import RiskDataset

RUN = 1_000_000
"""Rows of an upload that are read at a time, about."""


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
    main: NDArray[np.bool_]

    @property
    def n_rows(self) -> int:
        return len(self.listing)

    def offsets_of(self, dates: Sequence[dt.date]) -> NDArray[np.int64]:
        """(dates + 1,) where the rows of each date begin; a date that is not stored has none."""
        stored = np.array(self.days, "datetime64[D]")
        at = np.searchsorted(stored, np.array(dates, "datetime64[D]"))
        end = np.searchsorted(stored, np.array(dates[-1], "datetime64[D]"), side="right")
        return np.asarray(self.offsets[np.append(at, end)])


def runs(counts: pl.DataFrame, days: Sequence[dt.date]) -> Iterator[tuple[int, list[dt.date]]]:
    """Runs of consecutive dates, those stored and those of an upload: number of the first, and the dates.

    counts : date and rows of the upload, of which a run has about RUN; dates after the last day are left out
    """
    by_date = counts.group_by("date").agg(pl.col("rows").sum()).filter(pl.col("date") <= days[-1])
    every = pl.DataFrame({"date": days}).join(by_date, on="date", how="full", coalesce=True).sort("date")
    number = (every["rows"].fill_null(0).cum_sum() // RUN).to_numpy()
    dates = every["date"].to_list()
    for first, end in pairwise([0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(dates)]):
        yield first, dates[first:end]


def rows_of(dataset: RiskDataset) -> Rows:
    """The skeleton of a dataset's panel."""
    panel = dataset.panel
    return Rows(
        days=dataset.days,
        n_listings=dataset.identifiers.n_listings,
        n_entities=dataset.identifiers.n_entities,
        entity=dataset.entity[panel.listing],
        offsets=panel.offsets,
        listing=panel.listing,
        local_return=panel.local_return,
        priced=panel.priced,
        main=panel.main,
    )


def day_index(dates: pl.Series, days: Sequence[dt.date]) -> NDArray[np.int64]:
    """Index of the first of the days on or after each date."""
    stored = np.array(days, dtype="datetime64[D]")
    return np.searchsorted(stored, dates.to_numpy().astype("datetime64[D]")).astype(np.int64)


def event_offsets(day: NDArray[np.int64], n_days: int) -> NDArray[np.int64]:
    """(D + 1,) where each day's events begin, for events sorted by day."""
    return np.searchsorted(day, np.arange(n_days + 1)).astype(np.int64)


def lay_rows(prices: pl.DataFrame, days: Sequence[dt.date], identifiers: Identifiers) -> Rows:
    """A row for each listing and stored day from its first to its last price.

    `prices` (date, listing, return) has one row a listing and date.
    """
    n_listings = identifiers.n_listings
    lives = prices.group_by("listing").agg(first=pl.col("date").min(), last=pl.col("date").max())
    first = np.full(n_listings, len(days), np.int32)
    last = np.full(n_listings, -1, np.int32)
    first[lives["listing"].to_numpy()] = day_index(lives["first"], days)
    last[lives["listing"].to_numpy()] = day_index(lives["last"], days)
    today = np.arange(len(days), dtype=np.int32)[:, None]
    alive = (today >= first) & (today <= last)
    offsets = np.concatenate([[0], np.cumsum(alive.sum(axis=1))]).astype(np.int64)
    names = np.broadcast_to(np.arange(n_listings, dtype=np.int32), alive.shape)[alive]
    # the place of each listing's row on its day: rows of the day before it
    position = np.cumsum(alive, axis=1, dtype=np.int32)
    del alive
    returns = np.full(int(offsets[-1]), np.nan)
    priced = np.zeros(int(offsets[-1]), np.bool_)
    for part in prices.iter_slices(RUN):
        day = day_index(part["date"], days)
        at = offsets[day] + position[day, part["listing"].to_numpy()] - 1
        returns[at] = part["return"].fill_null(float("nan")).to_numpy()
        priced[at] = True
    del position
    entity = identifiers.table["entity"].to_numpy()[names]
    return Rows(
        days=days,
        n_listings=n_listings,
        n_entities=identifiers.n_entities,
        entity=entity,
        offsets=offsets,
        listing=names,
        local_return=returns,
        priced=priced,
        main=main_rows(offsets, names, identifiers),
    )


def in_order(events: pl.DataFrame, dates: Sequence[dt.date]) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Events by day, those of one day as they came, and the number of each one's day among the dates."""
    day = day_index(events["date"], dates)
    if (np.diff(day) < 0).any():
        order = np.argsort(day, kind="stable")
        events, day = events[order], day[order]
    return events, day


def main_rows(
    offsets: NDArray[np.int64],
    listing: NDArray[np.int32],
    identifiers: Identifiers,
    among: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """(rows,) for each day and entity the row of the first of its listings by rank.

    among : (rows,) only of these rows; by default all, which gives the main listing of each day
    """
    rank = identifiers.table["rank"].to_numpy()
    entity = identifiers.table["entity"].to_numpy()
    main = np.ones(len(listing), np.bool_) if among is None else among.copy()
    shared = np.bincount(entity, minlength=identifiers.n_entities) > 1
    if not shared.any():
        return main
    rows = np.flatnonzero(main & shared[entity[listing]])
    day = np.searchsorted(offsets, rows, side="right")
    order = np.lexsort((rank[listing[rows]], entity[listing[rows]], day))
    again = (np.diff(day[order]) == 0) & (np.diff(entity[listing[rows]][order]) == 0)
    main[rows[order[1:][again]]] = False
    return main
