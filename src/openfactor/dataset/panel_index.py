"""Lays out the rows of a panel: which listing is alive on which stored day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.lives import Life, day_before, lives
from openfactor.dataset.panel import Exposure, Panel, SparseGroup
from openfactor.dataset.row_counts import RowCounts
from openfactor.numerics.asof import RunRows
from openfactor.numerics.listing_lives import fill_stale_rows

if TYPE_CHECKING:
    from openfactor.dataset.riskdataset import RiskDataset

RUN = 1_000_000
"""Rows of an upload that are read at a time, about."""
LONGEST_CLOSURE = 10
"""Counted days without a price after which another listing of a company takes the place of its main
listing: no holiday of an exchange is longer."""


@dataclass(frozen=True)
class PanelIndex:
    """The skeleton of a panel; see `Panel` for the fields that it shares."""

    days: Sequence[dt.date]
    """(D,) stored days."""
    n_listings: int
    n_companies: int
    company: NDArray[np.int32]
    """(rows,) company of each row's listing."""
    offsets: NDArray[np.int64]
    listing: NDArray[np.int32]
    local_return: NDArray[np.float64]
    currency: NDArray[np.int16]
    priced: NDArray[np.bool_]
    delisted: NDArray[np.int64]
    is_main_listing: NDArray[np.bool_]

    @property
    def n_rows(self) -> int:
        return len(self.listing)

    def run_rows(self, dates: Sequence[dt.date]) -> RunRows:
        """The rows of consecutive dates; a date that is not stored has none."""
        stored = np.array(self.days, "datetime64[D]")
        at = np.searchsorted(stored, np.array(dates, "datetime64[D]"))
        end = np.searchsorted(stored, np.array(dates[-1], "datetime64[D]"), side="right")
        offsets = self.offsets[np.append(at, end)]
        return RunRows(ordinals(dates), offsets, self.company, self.listing, self.priced)


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


def index_of_panel(dataset: RiskDataset) -> PanelIndex:
    """The skeleton of a dataset's panel."""
    panel = dataset.panel
    return PanelIndex(
        days=dataset.days,
        n_listings=dataset.identifiers.n_listings,
        n_companies=dataset.identifiers.n_companies,
        company=dataset.company[panel.listing],
        offsets=panel.offsets,
        listing=panel.listing,
        local_return=panel.local_return,
        currency=panel.currency,
        priced=panel.priced,
        delisted=panel.delisted,
        is_main_listing=panel.is_main_listing,
    )


def day_index(dates: pl.Series, days: Sequence[dt.date]) -> NDArray[np.int64]:
    """Index of the first of the days on or after each date."""
    stored = np.array(days, dtype="datetime64[D]")
    return np.searchsorted(stored, dates.to_numpy().astype("datetime64[D]")).astype(np.int64)


def ordinals(dates: Sequence[dt.date]) -> NDArray[np.int32]:
    """(D,) calendar days since the year 1."""
    return np.array([date.toordinal() for date in dates], np.int32)


def event_offsets(day: NDArray[np.int64], n_days: int) -> NDArray[np.int64]:
    """(D + 1,) where each day's events begin, for events sorted by day."""
    return np.searchsorted(day, np.arange(n_days + 1)).astype(np.int64)


def build_index(
    prices: pl.DataFrame,
    days: Sequence[dt.date],
    life: Life,
    identifiers: Identifiers,
    row_counts: RowCounts,
) -> PanelIndex:
    """A row for each listing and stored day on which it is alive; `prices` as of `read_prices`."""
    alive, base = lives(prices, days, life, identifiers.n_listings, row_counts)
    offsets = np.concatenate([[0], np.cumsum(alive.sum(axis=1))]).astype(np.int64)
    listing = np.broadcast_to(np.arange(identifiers.n_listings, dtype=np.int32), alive.shape)[alive]
    # the place of each listing's row on its day: rows of the day before it
    position = np.cumsum(alive, axis=1, dtype=np.int32)
    n_rows = int(offsets[-1])
    returns, priced = np.full(n_rows, np.nan), np.zeros(n_rows, np.bool_)
    currency, delisted = np.zeros(n_rows, np.int16), []
    for part, first in zip(prices.iter_slices(RUN), np.split(base, range(RUN, len(base), RUN)), strict=True):
        day, name = day_before(part["date"], days), part["listing"].to_numpy()
        at = offsets[day] + position[day, name] - 1
        ends = part["delisted"].to_numpy() & (day >= 0) & alive[day, name]
        delisted.append(at[ends])
        quoted = part["quoted"].to_numpy()
        at = at[quoted]
        returns[at] = np.where(first, np.nan, part["return"].fill_null(float("nan")).to_numpy())[quoted]
        currency[at] = part["ccy"].to_numpy()[quoted]
        priced[at] = True
    del position, alive
    company = identifiers.table["company"].to_numpy()[listing]
    asleep = np.zeros(n_rows, np.bool_)
    fill_stale_rows(offsets, listing, company, priced, life.counted, LONGEST_CLOSURE, currency, asleep)
    return PanelIndex(
        days=days,
        n_listings=identifiers.n_listings,
        n_companies=identifiers.n_companies,
        company=company,
        offsets=offsets,
        listing=listing,
        local_return=returns,
        currency=currency,
        priced=priced,
        delisted=np.unique(np.concatenate(delisted)),
        is_main_listing=main_rows(days, offsets, listing, identifiers, last=asleep),
    )


def panel_of(
    rows: PanelIndex,
    cap: NDArray[np.float64],
    idio_vol: NDArray[np.float64],
    dense: dict[str, dict[str, Exposure]],
    sparse: dict[str, SparseGroup],
) -> Panel:
    """The panel of a skeleton."""
    return Panel(
        rows.offsets, rows.listing, rows.local_return, rows.currency, rows.priced, rows.delisted,
        rows.is_main_listing, cap, idio_vol, dense, sparse,
    )  # fmt: skip


def in_order(events: pl.DataFrame, dates: Sequence[dt.date]) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Events by day, those of one day as they came, and the number of each one's day among the dates."""
    day = day_index(events["date"], dates)
    if (np.diff(day) < 0).any():
        order = np.argsort(day, kind="stable")
        events, day = events[order], day[order]
    return events, day


def main_rows(
    days: Sequence[dt.date],
    offsets: NDArray[np.int64],
    listing: NDArray[np.int32],
    identifiers: Identifiers,
    among: NDArray[np.bool_] | None = None,
    last: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """(rows,) for each day and company the row of the first of its listings by rank.

    days : (D,) stored days
    among : (rows,) only of these rows; by default all
    last : (rows,) these come after the others, whatever their rank
    """
    company = identifiers.table["company"].to_numpy()
    main = np.ones(len(listing), np.bool_) if among is None else among.copy()
    if not identifiers.is_shared.any():
        return main
    rows = np.flatnonzero(main & identifiers.is_shared[listing])
    day = np.searchsorted(offsets, rows, side="right") - 1
    rank = identifiers.ranks(pl.Series(days, dtype=pl.Date).gather(day), listing[rows])
    behind = np.zeros(len(rows), np.bool_) if last is None else last[rows]
    order = np.lexsort((rank, behind, company[listing[rows]], day))
    again = (np.diff(day[order]) == 0) & (np.diff(company[listing[rows]][order]) == 0)
    main[rows[order[1:][again]]] = False
    return main
