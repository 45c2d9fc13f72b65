"""Market caps: the rows of an upload that a panel uses, and the cap of each of its rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
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
    """The rows of a `market_cap` upload."""

    upload: pl.LazyFrame
    rows_by_type: pl.DataFrame
    """asset_id_type, rows: number of its rows."""
    identifiers: Identifiers
    settings: RootRiskDatasetSettings

    @property
    def _types(self) -> list[str]:
        return self.rows_by_type["asset_id_type"].to_list()

    def in_use(self, index: PanelIndex, row_counts: RowCounts) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows of known companies.

        Returns
        -------
        ccy, first_use, last_use, rows: of companies in the panel, up to its last day; and date, rows: of all.
        """
        coded = code_companies(self.identifiers, self.upload, ["ccy"], self._types)
        date, first, last = pl.col("date"), index.days[0], index.days[-1]
        has_rows = np.zeros(index.n_companies, np.bool_)
        has_rows[index.company] = True
        sources = pl.Series(np.flatnonzero(has_rows[self.identifiers.source_company]), dtype=pl.Int32)
        currencies = (
            coded.filter(date <= last)
            .group_by("source", "ccy")
            .agg(first_use=date.min().clip(first), last_use=date.max().clip(first), rows=pl.len())
            .filter(pl.col("source").is_in(sources.implode()))
            .group_by("ccy")
            .agg(pl.col("first_use").min(), pl.col("last_use").max(), pl.col("rows").sum())
        )
        rows_by_date = coded.group_by("date").agg(rows=pl.len()).collect(engine="streaming")
        row_counts.drop("market_cap", AFTER_THE_END, int(rows_by_date.filter(date > last)["rows"].sum()))
        self._count_unknown(coded, row_counts)
        return currencies.collect(engine="streaming"), rows_by_date

    def _count_unknown(self, coded: pl.LazyFrame, row_counts: RowCounts) -> None:
        """Count rows of unknown companies and, where listings have caps of their own, rows of companies."""
        by_source = coded.group_by("source").agg(rows=pl.len()).collect(engine="streaming")
        known: Counter[str] = Counter()
        for source, count in by_source.iter_rows():
            known[self.identifiers.source_types[source]] += count
        count_unknown(row_counts, "market_cap", self.rows_by_type, known, self.identifiers.company_types)
        if self.settings.market_cap_per == "listing":
            of_companies = sum(n for t, n in known.items() if t not in self.identifiers.listing_types)
            row_counts.drop("market_cap", NOT_BY_LISTING, of_companies)

    def carry(
        self,
        rows_by_date: pl.DataFrame,
        index: PanelIndex,
        currencies: tuple[str, ...],
        usd_per_unit: Float,
        row_counts: RowCounts,
    ) -> tuple[Float, Float]:
        """Caps and volatilities of the rows of a panel, the latest on or before the day of each row.

        A cap is converted at the rate of its own day, and carried forward in USD. If several listings of a
        company have a cap on a day, that of the first by rank counts; with `market_cap_per="listing"` the cap
        is the sum of the latest ones of all listings, see `carry_sums`.

        Parameters
        ----------
        rows_by_date : see `in_use`
        usd_per_unit : (D, C) by currency

        Returns
        -------
        (rows,) market cap in USD, and (rows,) idio_vol as uploaded; NaN where unknown.
        """
        known_ccy = pl.col("ccy").cast(pl.Enum(currencies), strict=False)
        # only unused rows can be in a currency without a rate
        rated = self.upload.with_columns(known_ccy).filter(pl.col("ccy").is_not_null())
        if self.settings.market_cap_per == "listing":
            return self._of_classes(rated, rows_by_date, index, usd_per_unit)
        return self._of_companies(rated, rows_by_date, index, usd_per_unit, row_counts)

    def _of_companies(
        self,
        rated: pl.LazyFrame,
        rows_by_date: pl.DataFrame,
        index: PanelIndex,
        usd_per_unit: Float,
        row_counts: RowCounts,
    ) -> tuple[Float, Float]:
        identifiers = self.identifiers
        coded = code_companies(identifiers, rated, _COLUMNS, self._types)
        shared = identifiers.is_shared.any() or self._types != [identifiers.id_types[0]]
        states = [_unknown(index.n_companies) for _ in range(2)]
        out = np.full((2, index.n_rows), np.nan)
        n_superseded = 0
        for run in self._runs(coded, rows_by_date, index, usd_per_unit, ordered=bool(shared)):
            if shared:
                day_and_company = run.day * index.n_companies + run.company
                n_superseded += len(day_and_company) - len(np.unique(day_and_company))
            for k, values in enumerate((run.market_cap, run.idio_vol)):
                self._carry_latest(run, slice(None), values, index, states[k], out[k])
        row_counts.drop("market_cap", SUPERSEDED, n_superseded)
        return out[0], out[1]

    def _of_classes(
        self, rated: pl.LazyFrame, rows_by_date: pl.DataFrame, index: PanelIndex, usd_per_unit: Float
    ) -> tuple[Float, Float]:
        """Sums of caps of share classes; the latest idio_vol of any class, on a day of the first by rank."""
        known = known_listings(rated, _COLUMNS, self.rows_by_type, self.identifiers, RowCounts(), "")
        coded = known.rename({"listing": "source"}).lazy()
        vol, classes = _unknown(index.n_companies), new_class_state(index.n_listings)
        limit = age_limit(self.settings.market_cap_max_age)
        company = self.identifiers.table["company"].to_numpy()
        cap_out, vol_out = np.full((2, index.n_rows), np.nan)
        for run in self._runs(coded, rows_by_date, index, usd_per_unit, ordered=True):
            caps = Values(run.begins(), run.source, run.market_cap)
            carry_sums(caps, index.run_rows(run.dates), company, limit, classes, cap_out)
            known_vol = np.flatnonzero(np.isfinite(run.idio_vol))
            self._carry_latest(run, known_vol, run.idio_vol, index, vol, vol_out)
        return cap_out, vol_out

    def _runs(
        self,
        coded: pl.LazyFrame,
        rows_by_date: pl.DataFrame,
        index: PanelIndex,
        usd_per_unit: Float,
        *,
        ordered: bool,
    ) -> Iterator[_Run]:
        """Caps of runs of days; ordered : on each day, the first by rank comes last, so that it is kept."""
        for _, dates in runs(rows_by_date, index.days):
            events = coded.filter(pl.col("date").is_between(dates[0], dates[-1])).collect()
            if ordered:
                rank = self.identifiers.static_ranks[events["source"].to_numpy()]
                events = events[np.argsort(-rank, kind="stable")]
            events, day = in_order(events, dates)
            source = events["source"].to_numpy()
            stored = day_index(pl.Series(dates), index.days)[day]
            rates = usd_per_unit[stored, events["ccy"].to_physical().to_numpy()]
            yield _Run(
                dates, day, source, self.identifiers.source_company[source],
                events["market_cap"].to_numpy() * rates,
                events["idio_vol"].fill_null(float("nan")).to_numpy(),
            )  # fmt: skip

    def _carry_latest(
        self,
        run: _Run,
        which: slice | NDArray[np.int64],
        values: Float,
        index: PanelIndex,
        state: LatestState,
        out: Float,
    ) -> None:
        events = Values(run.begins(which), run.company[which], values[which])
        limit = age_limit(self.settings.market_cap_max_age)
        carry_latest(events, index.run_rows(run.dates), limit, state, out)


@dataclass(frozen=True)
class _Run:
    """Caps of a run of days in USD, sorted by day."""

    dates: Sequence[dt.date]
    day: NDArray[np.int64]
    source: NDArray[np.int32]
    company: NDArray[np.int32]
    market_cap: Float
    idio_vol: Float

    def begins(self, which: slice | NDArray[np.int64] = slice(None)) -> NDArray[np.int64]:
        """(days + 1,) where the caps of each day begin, among those selected."""
        return event_offsets(self.day[which], len(self.dates))


def _unknown(n_companies: int) -> LatestState:
    """No values yet, before the first day."""
    return LatestState(np.full(n_companies, np.nan), np.zeros(n_companies, np.int32))
