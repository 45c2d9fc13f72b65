"""The index of a panel: which listing has a row on which stored day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.columns import Exposure, SparseGroup
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel, PanelRun
from openfactor.dataset.runs import months
from openfactor.numerics.asof import RunRows

if TYPE_CHECKING:
    from openfactor.dataset.riskdataset import RiskDataset

RUN = 1_000_000
"""Approximate number of rows of an upload that are read at a time."""
LONGEST_CLOSURE = 10
"""Counted days without a price after which another listing of a company replaces its main listing: no holiday
of an exchange is longer."""


@dataclass(frozen=True)
class PanelIndex:
    """The rows of a panel without caps and exposures; see `Panel` for the fields that it shares."""

    days: Sequence[dt.date]
    """(D,) stored days."""
    n_listings: int
    n_companies: int
    company: NDArray[np.int32]
    """(rows,) company of the listing."""
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
        """The rows of consecutive dates; dates that are not stored have none."""
        stored = np.array(self.days, "datetime64[D]")
        at = np.searchsorted(stored, np.array(dates, "datetime64[D]"))
        end = np.searchsorted(stored, np.array(dates[-1], "datetime64[D]"), side="right")
        offsets = self.offsets[np.append(at, end)]
        return RunRows(ordinals(dates), offsets, self.company, self.listing, self.priced)


def split(index: PanelIndex) -> Iterator[PanelIndex]:
    """The months of an index."""
    for run in months(index.days):
        first, stop = (int(index.offsets[day]) for day in (run.first, run.stop))
        rows = slice(first, stop)
        ends = slice(*np.searchsorted(index.delisted, [first, stop]).tolist())
        yield PanelIndex(
            days=run.dates,
            n_listings=index.n_listings,
            n_companies=index.n_companies,
            company=index.company[rows],
            offsets=index.offsets[run.first : run.stop + 1] - first,
            listing=index.listing[rows],
            local_return=index.local_return[rows],
            currency=index.currency[rows],
            priced=index.priced[rows],
            delisted=index.delisted[ends] - first,
            is_main_listing=index.is_main_listing[rows],
        )


def index_of_panel(dataset: RiskDataset) -> PanelIndex:
    """The index of a dataset's panel."""
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
    """(n,) index of the first of the days on or after each date."""
    stored = np.array(days, dtype="datetime64[D]")
    return np.searchsorted(stored, dates.to_numpy().astype("datetime64[D]")).astype(np.int64)


def ordinals(dates: Sequence[dt.date]) -> NDArray[np.int32]:
    """(D,) calendar days since the year 1."""
    return np.array([date.toordinal() for date in dates], np.int32)


def event_offsets(day: NDArray[np.int64], n_days: int) -> NDArray[np.int64]:
    """(D + 1,) where each day's events begin, for events sorted by day."""
    return np.searchsorted(day, np.arange(n_days + 1)).astype(np.int64)


def panel_run(
    index: PanelIndex,
    market_cap: NDArray[np.float64],
    idio_vol: NDArray[np.float64],
    dense: dict[str, dict[str, Exposure]],
    sparse: dict[str, SparseGroup],
) -> PanelRun:
    """The rows of an index with caps and exposures."""
    return PanelRun(
        index.offsets, index.listing, index.local_return, index.currency, index.priced, index.delisted,
        index.is_main_listing, market_cap, idio_vol, dense, sparse,
    )  # fmt: skip


def panel_of(
    index: PanelIndex,
    market_cap: NDArray[np.float64],
    idio_vol: NDArray[np.float64],
    dense: dict[str, dict[str, Exposure]],
    sparse: dict[str, SparseGroup],
) -> Panel:
    """The panel of an index, in months."""
    run = panel_run(index, market_cap, idio_vol, dense, sparse)
    return Panel([run.slice_days(days.first, days.stop) for days in months(index.days)])


def in_order(events: pl.DataFrame, dates: Sequence[dt.date]) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Events sorted by day, stable within a day, and (n,) the index of each event's day among the dates."""
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
    """Mark one row per day and company: that of the first of its listings by rank.

    Parameters
    ----------
    days : (D,) stored days
    among : (rows,) rows to choose from; all of them by default
    last : (rows,) rows that come after all others, whatever their rank

    Returns
    -------
    (rows,) whether the row is marked.
    """
    company = identifiers.table["company"].to_numpy()
    is_main = np.ones(len(listing), np.bool_) if among is None else among.copy()
    if not identifiers.is_shared.any():
        return is_main
    rows = np.flatnonzero(is_main & identifiers.is_shared[listing])
    day = np.searchsorted(offsets, rows, side="right") - 1
    rank = identifiers.ranks(pl.Series(days, dtype=pl.Date).gather(day), listing[rows])
    behind = np.zeros(len(rows), np.bool_) if last is None else last[rows]
    order = np.lexsort((rank, behind, company[listing[rows]], day))
    is_repeated = (np.diff(day[order]) == 0) & (np.diff(company[listing[rows]][order]) == 0)
    is_main[rows[order[1:][is_repeated]]] = False
    return is_main
