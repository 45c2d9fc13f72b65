"""What the checks look at, gathered once: a built dataset, its uploads, and closes aligned with the panel."""

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
from openfactor.dataset.panel_index import RUN
from openfactor.dataset.quality.alignment import closes_by_row
from openfactor.dataset.quality.sources import Source, find_sources
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.row_counts import RowCounts
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
"""Smaller returns are no evidence of a split."""


@dataclass(frozen=True)
class Evidence:
    """Everything that a check may look at. Arrays by row are those of the panel: by day, then listing."""

    dataset: RiskDataset
    """Built, without findings yet."""
    uploads: Mapping[str, pl.LazyFrame]
    """Upload to its rows. For a derived dataset, only the uploads that it reads itself, named with their
    type."""
    inventories: Mapping[str, pl.DataFrame]
    """Exposures upload to the number of its rows: date, asset_id_type, factor_group, factor, rows."""
    row_counts: RowCounts
    settings: DataQualitySettings

    @cached_property
    def days(self) -> NDArray[np.datetime64]:
        """(D,) stored days."""
        return np.array(self.dataset.days, "datetime64[D]")

    @cached_property
    def alive(self) -> NDArray[np.int64]:
        """(D,) number of listings alive."""
        return np.diff(self.dataset.panel.offsets)

    @cached_property
    def n_priced(self) -> NDArray[np.int64]:
        """(D,) number of listings with a price."""
        return self.per_day(self.dataset.panel.priced)

    @cached_property
    def newest(self) -> int:
        """Index of the newest stored day with prices."""
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
        """Currencies of prices other than USD, sorted."""
        used = np.bincount(self.dataset.panel.currency, minlength=len(self.dataset.currencies)) > 0
        return sorted(
            {name for name, any_row in zip(self.dataset.currencies, used, strict=True) if any_row} - {"USD"}
        )

    @cached_property
    def listing_ids(self) -> list[str]:
        """(listings,) id of each listing."""
        return self.dataset.identifiers.listing_ids(self.dataset.identifiers.id_types[0])

    @cached_property
    def day(self) -> NDArray[np.int32]:
        """(rows,) stored day of each row."""
        return self.dataset.panel.day

    @cached_property
    def cap_by_day(self) -> Float:
        """(D,) total market cap of all companies, in USD."""
        panel = self.dataset.panel
        caps = np.where(panel.is_main_listing, np.nan_to_num(panel.market_cap), 0.0)
        return np.bincount(self.day, caps, minlength=len(self.days)).astype(np.float64, copy=False)

    def id_types(self, upload: str) -> list[str]:
        """The id types of an upload."""
        rows = self.uploads[upload].select(pl.col("asset_id_type").unique()).collect(engine="streaming")
        return rows["asset_id_type"].to_list()

    def has_changes(self, group: str) -> bool:
        """Whether a group is uploaded as changes, each of which is kept until the next one."""
        settings = self.dataset.settings
        return isinstance(settings, RootRiskDatasetSettings) and settings.has_changes(group)

    @cached_property
    def sources(self) -> list[Source]:
        """See `find_sources`."""
        return find_sources(self)

    @cached_property
    def closes(self) -> Float | None:
        """(rows,) close of each row, NaN if there is none; None without a price upload."""
        if "price" not in self.uploads:
            return None
        prices, id_types = self.uploads["price"], self.id_types("price")
        return closes_by_row(self.dataset, prices, id_types, self.blocks())

    @cached_property
    def previous(self) -> NDArray[np.int64]:
        """(rows,) row of the listing's previous price; -1 for its first one, and for rows without a price."""
        panel = self.dataset.panel
        return previous_prices(panel.listing, panel.priced, self.dataset.identifiers.n_listings)

    @cached_property
    def following(self) -> NDArray[np.int64]:
        """(rows,) row of the listing's next price; -1 if there is none."""
        out = np.full(self.dataset.panel.n_rows, -1, np.int64)
        has = np.flatnonzero(self.previous >= 0)
        out[self.previous[has]] = has
        return out

    @cached_property
    def unchanged(self) -> NDArray[np.int32]:
        """(rows,) number of consecutive prices, up to this one, that equal their previous price."""
        closes = np.zeros(0) if self.closes is None else self.closes
        return unchanged_runs(self.previous, closes, self.dataset.panel.local_return)

    @cached_property
    def typical_return(self) -> float:
        """`typical_return`, scaled from a day to the usual interval between prices."""
        return self.settings.typical_return * float(
            np.sqrt(max(1.0, 252 / self.dataset.report.periods_per_year))
        )

    @cached_property
    def n_returns(self) -> NDArray[np.int64]:
        """(D,) number of listings with a return."""
        return self.per_day(np.isfinite(self.dataset.panel.local_return))

    @cached_property
    def large(self) -> RowNumbers:
        """Rows with returns that are large enough for any check to report, so that few rows are examined."""
        chosen = self.settings
        losses = [1 - 1 / (1 + chosen.extreme_return), 1 - 1 / chosen.reversal, chosen.typical_return]
        return np.flatnonzero(np.abs(self.dataset.panel.local_return) > min(SMALLEST_SPLIT, *losses))

    @cached_property
    def cap_dates(self) -> pl.DataFrame:
        """date, rows: number of market caps, up to the last price."""
        rows = self.uploads["market_cap"].group_by("date").agg(rows=pl.len())
        return rows.filter(pl.col("date") <= self.last_price).sort("date").collect(engine="streaming")

    def blocks(self) -> Iterator[slice]:
        """Runs of stored days of about a million rows, which bounds the size of temporary arrays."""
        number = self.dataset.panel.offsets[:-1] // RUN
        bounds = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(self.days)]
        for first, stop in pairwise(bounds):
            yield slice(first, stop)

    def moves(self) -> Iterator[tuple[RowNumbers, RowNumbers]]:
        """Rows with a previous price, and the rows of that price, in blocks."""
        offsets = self.dataset.panel.offsets
        for days in self.blocks():
            start, stop = int(offsets[days.start]), int(offsets[days.stop])
            before = self.previous[start:stop]
            has = np.flatnonzero(before >= 0)
            yield has + start, before[has]

    def jumps(self, values: Float, factor: float) -> tuple[RowNumbers, int]:
        """Rows where a value changes by more than a factor since the listing's previous price, and the number
        of rows compared.
        """
        rows, n_compared = [np.zeros(0, np.int64)], 0
        for block, before in self.moves():
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = values[block] / values[before]
            n_compared += int(np.isfinite(ratio).sum())
            rows.append(block[(ratio > factor) | (ratio < 1 / factor)])
        return np.concatenate(rows), n_compared

    def main_rows(self, day: int) -> RowNumbers:
        """Rows of the main listings of a stored day."""
        rows = self.dataset.panel.rows_of(day)
        return np.asarray(rows.start + np.flatnonzero(self.dataset.panel.is_main_listing[rows]))

    def per_day(self, mask: Mask) -> NDArray[np.int64]:
        """(D,) number of rows in the mask."""
        sums = np.concatenate([[0], np.cumsum(mask)])
        return np.asarray(np.diff(sums[self.dataset.panel.offsets]))

    def date(self, row: int) -> dt.date:
        """The day of a row."""
        return self.dataset.days[int(self.day[row])]

    def listing_id(self, row: int) -> str:
        """Id of the listing of a row."""
        return self.listing_ids[int(self.dataset.panel.listing[row])]

    def examples(self, rows: RowNumbers, values: Sequence[str] | None = None) -> tuple[Example, ...]:
        """The first rows, with listing, day and value."""
        first = rows[:SHOWN].tolist()
        texts = [None] * len(first) if values is None else list(values[:SHOWN])
        return tuple(
            Example(asset=self.listing_id(row), date=self.date(row), value=text)
            for row, text in zip(first, texts, strict=True)
        )

    def cap_share(self, rows: RowNumbers) -> float | None:
        """Share of the companies of some rows in the total market cap of their days; None without caps."""
        panel = self.dataset.panel
        company = (
            self.day[rows].astype(np.int64) * len(self.listing_ids)
            + self.dataset.company[panel.listing[rows]]
        )
        once = rows[np.unique(company, return_index=True)[1]]
        total = self.cap_by_day[np.unique(self.day[rows])].sum()
        return float(np.nan_to_num(panel.market_cap[once]).sum() / total) if total > 0 else None

    def cap_share_of(self, days: NDArray[np.int64], counts: Mask | None = None) -> float | None:
        """Share of some main listings in the total market cap of days, of the last hundred if there are more;
        None without caps.

        counts : (rows,) the listings; all of them by default
        """
        panel, cap = self.dataset.panel, 0.0
        days = days[-100:]
        for d in days.tolist():
            rows = self.main_rows(d)
            if counts is not None:
                rows = rows[counts[rows]]
            cap += float(np.nan_to_num(panel.market_cap[rows]).sum())
        total = self.cap_by_day[days].sum()
        return float(cap / total) if total > 0 else None

    def has(self, group: str, factor: str | None = None) -> Mask:
        """(rows,) whether the listing has a category, or an exposure: to the factor, or to any."""
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
    """The upload of a factor group; None for groups that are computed or come from the reference."""
    return next(
        (upload for upload, rows in evidence.inventories.items() if group in rows["factor_group"]), None
    )
