"""What the checks look at, gathered once: a built dataset, its uploads, and closes beside the panel's
rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.calendar import closed_days
from openfactor.dataset.coding import code_listings
from openfactor.dataset.panelindex import RUN, day_index, event_offsets
from openfactor.dataset.quality.sources import Source, sources
from openfactor.dataset.resolving import without_duplicates
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.rowcounts import RowCounts
from openfactor.numerics.panel_scan import previous_prices, unchanged_runs
from openfactor.results.quality import Example
from openfactor.settings.quality import DataQualitySettings
from openfactor.settings.riskdataset import RootRiskDatasetSettings

Float = NDArray[np.float64]
RowNumbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
SHOWN = 3
"""Examples of a finding."""
SMALLEST_SPLIT = 0.2
"""Returns of less than this are no evidence of a split."""


@dataclass(frozen=True)
class Evidence:
    """Everything that a check may look at. Arrays by row are those of the panel: by day, then listing."""

    dataset: RiskDataset
    """Built, still without findings."""
    uploads: Mapping[str, pl.LazyFrame]
    """Upload to its rows. A derived dataset has its own uploads only, named with their type."""
    inventories: Mapping[str, pl.DataFrame]
    """Exposures upload to the rows that it has: date, asset_id_type, factor_group, factor, rows."""
    row_counts: RowCounts
    settings: DataQualitySettings

    @cached_property
    def days(self) -> NDArray[np.datetime64]:
        """(D,) stored days."""
        return np.array(self.dataset.days, "datetime64[D]")

    @cached_property
    def alive(self) -> NDArray[np.int64]:
        """(D,) listings that are alive."""
        return np.diff(self.dataset.panel.offsets)

    @cached_property
    def n_priced(self) -> NDArray[np.int64]:
        """(D,) listings with a price."""
        return self.per_day(self.dataset.panel.priced)

    @cached_property
    def newest(self) -> int:
        """The newest stored day with prices."""
        priced = np.flatnonzero(self.n_priced)
        return int(priced[-1]) if len(priced) else len(self.days) - 1

    @cached_property
    def last_price(self) -> dt.date:
        return self.dataset.days[self.newest]

    @cached_property
    def first_price(self) -> dt.date:
        return self.dataset.days[int(np.argmax(self.n_priced > 0))]

    @cached_property
    def closed(self) -> dict[str, Mask]:
        """Exchange to (D,): closed on that day."""
        return closed_days(self.dataset.closures, self.dataset.days)

    @cached_property
    def open_everywhere(self) -> Mask:
        """(D,) stored days on which no exchange is closed."""
        shut = np.zeros(len(self.days), np.bool_)
        for closed in self.closed.values():
            shut |= closed
        return ~shut

    @cached_property
    def foreign(self) -> list[str]:
        """Currencies of prices but for USD, sorted."""
        used = np.bincount(self.dataset.panel.currency, minlength=len(self.dataset.currencies)) > 0
        return sorted(
            {name for name, any_row in zip(self.dataset.currencies, used, strict=True) if any_row} - {"USD"}
        )

    @cached_property
    def names(self) -> list[str]:
        """Master id of each listing."""
        return self.dataset.identifiers.names(self.dataset.identifiers.id_types[0])

    @cached_property
    def day(self) -> NDArray[np.int32]:
        """(rows,) stored day of each row."""
        return self.dataset.panel.day

    @cached_property
    def cap_by_day(self) -> Float:
        """(D,) market cap of all companies."""
        panel = self.dataset.panel
        caps = np.where(panel.is_main_listing, np.nan_to_num(panel.market_cap), 0.0)
        return np.bincount(self.day, caps, minlength=len(self.days)).astype(np.float64, copy=False)

    def id_types(self, upload: str) -> list[str]:
        """The id types of an upload."""
        rows = self.uploads[upload].select(pl.col("asset_id_type").unique()).collect(engine="streaming")
        return rows["asset_id_type"].to_list()

    def has_changes(self, group: str) -> bool:
        """Whether the rows of a group are changes: assets keep their exposures until there are newer ones."""
        settings = self.dataset.settings
        return isinstance(settings, RootRiskDatasetSettings) and settings.has_changes(group)

    @cached_property
    def sources(self) -> list[Source]:
        """See `sources.sources`."""
        return sources(self)

    @cached_property
    def closes(self) -> Float | None:
        """(rows,) close of each row, NaN where there is none; None without a price upload."""
        if "price" not in self.uploads:
            return None
        panel, identifiers = self.dataset.panel, self.dataset.identifiers
        out = np.full(panel.n_rows, np.nan)
        slot = np.full(identifiers.n_listings, -1, np.int64)
        for days in self.blocks():
            first, last = self.dataset.days[days.start], self.dataset.days[days.stop - 1]
            rows = self.uploads["price"].filter(pl.col("date").is_between(first, last))
            events = without_duplicates(
                code_listings(identifiers, rows, ["close"], self.id_types("price")).collect()
            )
            events = events.sort("date", maintain_order=True)
            at = day_index(events["date"], self.dataset.days[days.start : days.stop])
            starts = event_offsets(at, days.stop - days.start)
            listing = events["listing"].to_numpy()
            close = events["close"].fill_null(float("nan")).to_numpy()
            for i, d in enumerate(range(days.start, days.stop)):
                mine = panel.rows_of(d)
                here = panel.listing[mine]
                slot[here] = np.arange(mine.start, mine.stop)
                today = slice(starts[i], starts[i + 1])
                row = slot[listing[today]]
                out[row[row >= 0]] = close[today][row >= 0]
                slot[here] = -1
        return out

    @cached_property
    def previous(self) -> NDArray[np.int64]:
        """(rows,) row of the listing's price before this one; -1 for its first, and where it has no price."""
        panel = self.dataset.panel
        return previous_prices(panel.listing, panel.priced, self.dataset.identifiers.n_listings)

    @cached_property
    def following(self) -> NDArray[np.int64]:
        """(rows,) row of the listing's next price; -1 where there is none."""
        out = np.full(self.dataset.panel.n_rows, -1, np.int64)
        has = np.flatnonzero(self.previous >= 0)
        out[self.previous[has]] = has
        return out

    @cached_property
    def unchanged(self) -> NDArray[np.int32]:
        """(rows,) how many prices in a row, up to this one, are that of the price before."""
        closes = np.zeros(0) if self.closes is None else self.closes
        return unchanged_runs(self.previous, closes, self.dataset.panel.local_return)

    @cached_property
    def typical_return(self) -> float:
        """`typical_return` over the panel's usual interval: a month's returns are larger than a day's."""
        return self.settings.typical_return * float(
            np.sqrt(max(1.0, 252 / self.dataset.report.periods_per_year))
        )

    @cached_property
    def n_returns(self) -> NDArray[np.int64]:
        """(D,) listings with a return."""
        return self.per_day(np.isfinite(self.dataset.panel.local_return))

    @cached_property
    def large(self) -> RowNumbers:
        """Rows with returns that any check could object to, so that few rows are looked at closely."""
        chosen = self.settings
        losses = [1 - 1 / (1 + chosen.extreme_return), 1 - 1 / chosen.reversal, chosen.typical_return]
        return np.flatnonzero(np.abs(self.dataset.panel.local_return) > min(SMALLEST_SPLIT, *losses))

    @cached_property
    def cap_dates(self) -> pl.DataFrame:
        """date and rows of the market caps, up to the last price."""
        rows = self.uploads["market_cap"].group_by("date").agg(rows=pl.len())
        return rows.filter(pl.col("date") <= self.last_price).sort("date").collect(engine="streaming")

    def blocks(self) -> Iterator[slice]:
        """Runs of stored days with about a million rows, so that arrays of a run stay small."""
        number = self.dataset.panel.offsets[:-1] // RUN
        bounds = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(self.days)]
        for first, stop in pairwise(bounds):
            yield slice(first, stop)

    def moves(self) -> Iterator[tuple[RowNumbers, RowNumbers]]:
        """Rows with a price and the rows of the price before, in blocks."""
        offsets = self.dataset.panel.offsets
        for days in self.blocks():
            start, stop = int(offsets[days.start]), int(offsets[days.stop])
            before = self.previous[start:stop]
            has = np.flatnonzero(before >= 0)
            yield has + start, before[has]

    def per_day(self, mask: Mask) -> NDArray[np.int64]:
        """(D,) rows of each day in the mask."""
        sums = np.concatenate([[0], np.cumsum(mask)])
        return np.asarray(np.diff(sums[self.dataset.panel.offsets]))

    def date(self, row: int) -> dt.date:
        """The day of a row."""
        return self.dataset.days[int(self.day[row])]

    def name(self, row: int) -> str:
        """The listing of a row."""
        return self.names[int(self.dataset.panel.listing[row])]

    def examples(self, rows: RowNumbers, values: Sequence[str] | None = None) -> tuple[Example, ...]:
        """The first rows, as listing, day and value."""
        shown = rows[:SHOWN].tolist()
        texts = [None] * len(shown) if values is None else list(values[:SHOWN])
        return tuple(
            Example(asset=self.name(row), date=self.date(row), value=text)
            for row, text in zip(shown, texts, strict=True)
        )

    def cap_share(self, rows: RowNumbers) -> float | None:
        """Market cap of the companies of rows, as a share of all on the rows' days; None without caps."""
        panel = self.dataset.panel
        company = (
            self.day[rows].astype(np.int64) * len(self.names) + self.dataset.company[panel.listing[rows]]
        )
        once = rows[np.unique(company, return_index=True)[1]]
        total = self.cap_by_day[np.unique(self.day[rows])].sum()
        return float(np.nan_to_num(panel.market_cap[once]).sum() / total) if total > 0 else None

    def cap_share_of(self, days: NDArray[np.int64], counts: Mask | None = None) -> float | None:
        """Market cap of the main listings that `counts` (rows,) marks, as a share of all on the days, of
        which the last hundred are looked at."""
        panel, found = self.dataset.panel, 0.0
        days = days[-100:]
        for d in days.tolist():
            rows = panel.rows_of(d)
            held = (
                panel.is_main_listing[rows] if counts is None else panel.is_main_listing[rows] & counts[rows]
            )
            found += float(np.nan_to_num(panel.market_cap[rows][held]).sum())
        total = self.cap_by_day[days].sum()
        return float(found / total) if total > 0 else None

    def has(self, group: str, factor: str | None = None) -> Mask:
        """(rows,) whether the listing has a category or an exposure (to the factor, or to any)."""
        panel = self.dataset.panel
        if group in panel.sparse:
            return np.asarray(panel.sparse[group].codes[0] >= 0)
        columns = panel.dense.get(group, {})
        out = np.zeros(panel.n_rows, np.bool_)
        for name, values in columns.items():
            if factor in (None, name):
                out |= np.isfinite(values)
        return out


def upload_of(evidence: Evidence, group: str) -> str | None:
    """The upload that a factor group comes from; None for groups that are computed or taken over."""
    return next((u for u, found in evidence.inventories.items() if group in found["factor_group"]), None)
