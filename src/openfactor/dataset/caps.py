"""Market caps: what is in use of an upload, and the cap of its company on each row of a panel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.coding import code_companies
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel_index import PanelIndex, day_index, event_offsets, in_order, runs
from openfactor.dataset.resolving import count_unknown, known_listings
from openfactor.dataset.row_counts import AFTER_THE_END, NOT_BY_LISTING, SUPERSEDED, RowCounts
from openfactor.numerics.asof import LatestState, Values, age_limit, carry_latest
from openfactor.numerics.share_classes import carry_sums, new_class_state
from openfactor.settings.riskdataset import RootRiskDatasetSettings

Float = NDArray[np.float64]
_COLUMNS = ["ccy", "market_cap", "idio_vol"]


@dataclass(frozen=True)
class Caps:
    """The rows of a `market_cap` upload; by_type : asset_id_type and rows of it."""

    upload: pl.LazyFrame
    by_type: pl.DataFrame
    identifiers: Identifiers
    settings: RootRiskDatasetSettings

    @property
    def _types(self) -> list[str]:
        return self.by_type["asset_id_type"].to_list()

    def in_use(self, rows: PanelIndex, row_counts: RowCounts) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows of known companies: ccy, first_use, last_use, rows, of those that have rows in the panel and
        until its last day; and date, rows, of all."""
        coded = code_companies(self.identifiers, self.upload, ["ccy"], self._types)
        date, first, last = pl.col("date"), rows.days[0], rows.days[-1]
        held = np.zeros(rows.n_companies, np.bool_)
        held[rows.company] = True
        sources = pl.Series(np.flatnonzero(held[self.identifiers.source_company]), dtype=pl.Int32)
        uses = (
            coded.filter(date <= last)
            .group_by("source", "ccy")
            .agg(first_use=date.min().clip(first), last_use=date.max().clip(first), rows=pl.len())
            .filter(pl.col("source").is_in(sources.implode()))
            .group_by("ccy")
            .agg(pl.col("first_use").min(), pl.col("last_use").max(), pl.col("rows").sum())
        )
        by_date = coded.group_by("date").agg(rows=pl.len()).collect(engine="streaming")
        row_counts.drop("market_cap", AFTER_THE_END, int(by_date.filter(date > last)["rows"].sum()))
        by_source = coded.group_by("source").agg(rows=pl.len()).collect(engine="streaming")
        found: dict[str, int] = {}
        for source, count in by_source.iter_rows():
            id_type = self.identifiers.source_types[source]
            found[id_type] = found.get(id_type, 0) + count
        count_unknown(row_counts, "market_cap", self.by_type, found, self.identifiers.company_types)
        if self.settings.market_cap_per == "listing":
            whole = sum(n for t, n in found.items() if t not in self.identifiers.listing_types)
            row_counts.drop("market_cap", NOT_BY_LISTING, whole)
        return uses.collect(engine="streaming"), by_date

    def carry(
        self,
        counts: pl.DataFrame,
        rows: PanelIndex,
        currencies: tuple[str, ...],
        usd: Float,
        row_counts: RowCounts,
    ) -> tuple[Float, Float]:
        """Market cap in USD and idio_vol of each panel row, the latest on or before its day.

        A cap is converted at the rate of its own day, and is carried in USD. Where several listings of an
        company have a cap on a day, that of the first by rank counts; with `market_cap_per="listing"` it is
        the sum of the latest ones of all listings, see `carry_sums`.
        """
        known_ccy = pl.col("ccy").cast(pl.Enum(currencies), strict=False)
        # only rows that are not used may be in a currency without a rate
        rated = self.upload.with_columns(known_ccy).filter(pl.col("ccy").is_not_null())
        if self.settings.market_cap_per == "listing":
            return self._of_classes(rated, counts, rows, usd)
        return self._of_companies(rated, counts, rows, usd, row_counts)

    def _of_companies(
        self, rated: pl.LazyFrame, counts: pl.DataFrame, rows: PanelIndex, usd: Float, row_counts: RowCounts
    ) -> tuple[Float, Float]:
        identifiers = self.identifiers
        coded = code_companies(identifiers, rated, _COLUMNS, self._types)
        shared = identifiers.is_shared.any() or self._types != [identifiers.id_types[0]]
        states = [_unknown(rows.n_companies) for _ in range(2)]
        out = np.full((2, rows.n_rows), np.nan)
        repeated = 0
        for run in self._runs(coded, counts, rows, usd, ordered=bool(shared)):
            if shared:
                who = run.day * rows.n_companies + run.company
                repeated += len(who) - len(np.unique(who))
            for k, values in enumerate((run.market_cap, run.idio_vol)):
                self._carry_latest(run, slice(None), values, rows, states[k], out[k])
        row_counts.drop("market_cap", SUPERSEDED, repeated)
        return out[0], out[1]

    def _of_classes(
        self, rated: pl.LazyFrame, counts: pl.DataFrame, rows: PanelIndex, usd: Float
    ) -> tuple[Float, Float]:
        """Sums of caps, and the latest idio_vol that any class has, of those of a day the first by rank."""
        found = known_listings(rated, _COLUMNS, self.by_type, self.identifiers, RowCounts(), "")
        coded = found.rename({"listing": "source"}).lazy()
        vol, classes = _unknown(rows.n_companies), new_class_state(rows.n_listings)
        limit = age_limit(self.settings.market_cap_max_age)
        company = self.identifiers.table["company"].to_numpy()
        cap_out, vol_out = np.full((2, rows.n_rows), np.nan)
        for run in self._runs(coded, counts, rows, usd, ordered=True):
            caps = Values(run.begins(), run.source, run.market_cap)
            carry_sums(caps, rows.run_rows(run.dates), company, limit, classes, cap_out)
            given = np.flatnonzero(np.isfinite(run.idio_vol))
            self._carry_latest(run, given, run.idio_vol, rows, vol, vol_out)
        return cap_out, vol_out

    def _runs(
        self, coded: pl.LazyFrame, counts: pl.DataFrame, rows: PanelIndex, usd: Float, *, ordered: bool
    ) -> Iterator[_Run]:
        """Caps of runs of days; ordered : the first by rank of a day comes last, so that it counts."""
        for _, dates in runs(counts, rows.days):
            events = coded.filter(pl.col("date").is_between(dates[0], dates[-1])).collect()
            if ordered:
                rank = self.identifiers.static_ranks[events["source"].to_numpy()]
                events = events[np.argsort(-rank, kind="stable")]
            events, day = in_order(events, dates)
            source = events["source"].to_numpy()
            stored = day_index(pl.Series(dates), rows.days)[day]
            per_unit = usd[stored, events["ccy"].to_physical().to_numpy()]
            yield _Run(
                dates, day, source, self.identifiers.source_company[source],
                events["market_cap"].to_numpy() * per_unit,
                events["idio_vol"].fill_null(float("nan")).to_numpy(),
            )  # fmt: skip

    def _carry_latest(
        self,
        run: _Run,
        which: slice | NDArray[np.int64],
        values: Float,
        rows: PanelIndex,
        state: LatestState,
        out: Float,
    ) -> None:
        events = Values(run.begins(which), run.company[which], values[which])
        limit = age_limit(self.settings.market_cap_max_age)
        carry_latest(events, rows.run_rows(run.dates), limit, state, out)


@dataclass(frozen=True)
class _Run:
    """Caps of a run of days, sorted by day; caps in USD."""

    dates: Sequence[dt.date]
    day: NDArray[np.int64]
    source: NDArray[np.int32]
    company: NDArray[np.int32]
    market_cap: Float
    idio_vol: Float

    def begins(self, which: slice | NDArray[np.int64] = slice(None)) -> NDArray[np.int64]:
        """(days + 1,) where the caps of each day begin, of some of them."""
        return event_offsets(self.day[which], len(self.dates))


def _unknown(n_companies: int) -> LatestState:
    """Before the first day."""
    return LatestState(np.full(n_companies, np.nan), np.zeros(n_companies, np.int32))
