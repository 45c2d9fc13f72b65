"""Market caps: the rows of an upload that a panel uses, and the cap of each of its rows, run by run."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.axes import find_companies, find_listings, name_companies, name_listings
from openfactor.dataset.coding import code_companies, code_listings
from openfactor.dataset.dated_rows import DatedRows
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel_index import PanelIndex, day_index, event_offsets, in_order
from openfactor.dataset.rates import Rates
from openfactor.dataset.resolving import count_by_type, count_unknown, without_duplicates
from openfactor.dataset.row_counts import AFTER_THE_END, NOT_BY_LISTING, SUPERSEDED, RowCounts
from openfactor.numerics.asof import LatestState, Values, age_limit, carry_latest
from openfactor.numerics.share_classes import NEVER, carry_sums, new_class_state
from openfactor.settings.riskdataset import RootRiskDatasetSettings

Float = NDArray[np.float64]
_BY_TYPE = {"asset_id_type": pl.String, "rows": pl.Int64}
_USES = {"company": pl.Int64, "ccy": pl.String, "first_use": pl.Date, "last_use": pl.Date, "rows": pl.UInt32}


class CapColumns(NamedTuple):
    """Columns of the rows of a run."""

    market_cap: Float
    """(rows,) in USD; NaN where unknown."""
    idio_vol: Float
    """(rows,) as uploaded; NaN where unknown."""


class CapStage:
    """Caps and volatilities of the rows of a panel, the latest on or before the day of each row.

    A cap is converted at the rate of its own day, and carried forward in USD. If several listings of a
    company have a cap on a day, that of the first by rank counts; with `market_cap_per="listing"` the cap is
    the sum of the latest ones of all listings, see `carry_sums`.

    Parameters
    ----------
    upload : rows of market caps; on a resumed build, those after the last day so far
    counts : date, asset_id_type, rows: number of these rows
    """

    def __init__(
        self,
        upload: pl.LazyFrame,
        counts: pl.DataFrame,
        identifiers: Identifiers,
        rates: Rates,
        settings: RootRiskDatasetSettings,
    ) -> None:
        self._identifiers, self._rates, self._settings = identifiers, rates, settings
        self._counts = counts
        types = counts["asset_id_type"].unique().to_list()
        coded = code_companies(identifiers, upload, ["ccy", "market_cap", "idio_vol"], types)
        self._rows = DatedRows(coded, counts)
        self._listed: DatedRows | None = None
        if settings.market_cap_per == "listing":
            listed = code_listings(identifiers, upload, ["ccy", "market_cap", "idio_vol"], types)
            self._listed = DatedRows(listed, counts)
        self._company = identifiers.table["company"].to_numpy()
        n_companies = identifiers.n_companies
        self._cap, self._vol = (
            LatestState(np.full(n_companies, np.nan), np.zeros(n_companies, np.int32)) for _ in range(2)
        )
        self._classes = new_class_state(identifiers.n_listings)
        self._has_rows = np.zeros(n_companies, np.bool_)
        self._uses = pl.DataFrame(schema=_USES)
        self._first_day: dt.date | None = None
        self._n_superseded = 0
        self._read: Counter[str] = Counter()
        self._known: Counter[str] = Counter()

    def advance(self, index: PanelIndex) -> CapColumns:
        """The columns of the rows of a run; index : of the run."""
        last = index.days[-1]
        self._read += self._rows_by_type(pl.col("date") <= last)
        self._counts = self._counts.filter(pl.col("date") > last)
        self._first_day = self._first_day or index.days[0]
        self._has_rows[index.company] = True
        events = self._rows.until(last)
        self._known += Counter(count_by_type(events["source"].to_numpy(), self._identifiers))
        self._note_uses(events)
        if self._listed is not None:
            listed = without_duplicates(self._listed.until(last)).rename({"listing": "source"})
            return self._of_classes(self._in_usd(listed, index.days), index)
        return self._of_companies(self._in_usd(events, index.days), index)

    def _rows_by_type(self, which: pl.Expr) -> Counter[str]:
        by_type = self._counts.filter(which).group_by("asset_id_type").agg(pl.col("rows").sum())
        return Counter(dict(by_type.iter_rows()))

    def _in_usd(self, events: pl.DataFrame, days: Sequence[dt.date]) -> _Run:
        """Caps by day; on each day the first by rank comes last, so that it is kept."""
        # only unused rows can be in a currency without a rate
        ccy = pl.col("ccy").cast(pl.Enum(self._rates.currencies), strict=False)
        events = events.with_columns(ccy).filter(pl.col("ccy").is_not_null())
        rank = self._identifiers.static_ranks[events["source"].to_numpy()]
        events = events[np.argsort(-rank, kind="stable")]
        dates = sorted({*events["date"].unique(), *days})
        events, day = in_order(events, dates)
        stored = day_index(pl.Series(dates), days)[day]
        rates = self._rates.table(np.array(days, "datetime64[D]"))
        source = events["source"].to_numpy()
        return _Run(
            dates, day, source, self._identifiers.source_company[source],
            events["market_cap"].to_numpy() * rates[stored, events["ccy"].to_physical().to_numpy()],
            events["idio_vol"].fill_null(float("nan")).to_numpy(),
        )  # fmt: skip

    def _of_companies(self, run: _Run, index: PanelIndex) -> CapColumns:
        key = run.day * index.n_companies + run.company
        self._n_superseded += len(key) - len(np.unique(key))
        cap = self._carry_latest(run, slice(None), run.market_cap, index, self._cap)
        return CapColumns(cap, self._carry_latest(run, slice(None), run.idio_vol, index, self._vol))

    def _of_classes(self, run: _Run, index: PanelIndex) -> CapColumns:
        """Sums of caps of share classes; the latest idio_vol of any class, on a day of the first by rank."""
        limit, out = age_limit(self._settings.market_cap_max_age), np.full(index.n_rows, np.nan)
        caps = Values(run.begins(), run.source, run.market_cap)
        carry_sums(caps, index.run_rows(run.dates), self._company, limit, self._classes, out)
        known = np.flatnonzero(np.isfinite(run.idio_vol))
        return CapColumns(out, self._carry_latest(run, known, run.idio_vol, index, self._vol))

    def _carry_latest(
        self,
        run: _Run,
        which: slice | NDArray[np.int64],
        values: Float,
        index: PanelIndex,
        state: LatestState,
    ) -> Float:
        events, out = Values(run.begins(which), run.company[which], values[which]), np.empty(index.n_rows)
        limit = age_limit(self._settings.market_cap_max_age)
        carry_latest(events, index.run_rows(run.dates), limit, state, out)
        return out

    def _note_uses(self, events: pl.DataFrame) -> None:
        """Note the currencies of companies and when they are used."""
        company = self._identifiers.source_company[events["source"].to_numpy()]
        uses = (
            events.select("date", "ccy", company=pl.Series(company, dtype=pl.Int64))
            .group_by("company", "ccy")
            .agg(first_use=pl.col("date").min(), last_use=pl.col("date").max(), rows=pl.len())
        )
        both = pl.concat([self._uses, uses.select(list(_USES))])
        self._uses = both.group_by("company", "ccy").agg(
            pl.col("first_use").min(), pl.col("last_use").max(), pl.col("rows").sum()
        )

    def currencies(self) -> pl.DataFrame:
        """ccy, first_use, last_use, rows: of companies in the panel."""
        first = pl.lit(self._first_day, pl.Date)
        in_panel = pl.Series(np.flatnonzero(self._has_rows), dtype=pl.Int64)
        return (
            self._uses.filter(pl.col("company").is_in(in_panel.implode()))
            .group_by("ccy")
            .agg(
                pl.max_horizontal(pl.col("first_use"), first).min(),
                pl.max_horizontal(pl.col("last_use"), first).max(),
                pl.col("rows").sum(),
            )
        )

    def count(self, row_counts: RowCounts) -> None:
        """Count the rows so far and those after the last day; those of assets that are not known, and where
        listings have caps of their own, those of companies.
        """
        rest = self._rows.until(dt.date.max)
        known = self._known + Counter(count_by_type(rest["source"].to_numpy(), self._identifiers))
        read = self._read + self._rows_by_type(pl.lit(value=True))
        row_counts.read["market_cap"] = read.total()
        row_counts.drop("market_cap", AFTER_THE_END, len(rest))
        types = self._identifiers.company_types
        by_type = pl.DataFrame({"asset_id_type": list(read), "rows": list(read.values())}, _BY_TYPE)
        count_unknown(row_counts, "market_cap", by_type, known, types)
        if self._listed is not None:
            of_companies = sum(n for t, n in known.items() if t not in self._identifiers.listing_types)
            row_counts.drop("market_cap", NOT_BY_LISTING, of_companies)
        row_counts.drop("market_cap", SUPERSEDED, self._n_superseded)

    # state

    def state(self) -> dict[str, pl.DataFrame]:
        """What later runs depend on, by name of listing and company."""
        seen = np.flatnonzero(self._has_rows | (self._cap.known_date > 0) | (self._vol.known_date > 0))
        known = np.flatnonzero((self._classes.known_date != NEVER) | (self._classes.first_row != NEVER))
        classes = {name: values[known] for name, values in self._classes._asdict().items()}
        counts = [("read", *item) for item in self._read.items()]
        counts += [("known", *item) for item in self._known.items()]
        counts.append(("superseded", "", self._n_superseded))
        return {
            "caps": pl.DataFrame(
                {
                    "company_id": name_companies(self._identifiers, seen),
                    "has_rows": self._has_rows[seen],
                    "cap": self._cap.known[seen],
                    "cap_date": self._cap.known_date[seen],
                    "vol": self._vol.known[seen],
                    "vol_date": self._vol.known_date[seen],
                }
            ),
            "classes": name_listings(self._identifiers, known).with_columns(**classes),
            "cap_uses": self._uses.with_columns(
                company=name_companies(self._identifiers, self._uses["company"].to_numpy())
            ).sort("company", "ccy"),
            "cap_counts": pl.DataFrame(counts, ["what", "id_type", "count"], orient="row"),
            "cap_days": pl.DataFrame({"first_day": [self._first_day]}, {"first_day": pl.Date}),
        }

    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        """Go on from a state."""
        caps = state["caps"]
        company = find_companies(self._identifiers, caps["company_id"])
        at = np.flatnonzero(company >= 0)
        company, caps = company[at], caps[at]
        self._has_rows[company] = caps["has_rows"].to_numpy()
        self._cap.known[company], self._cap.known_date[company] = caps["cap"], caps["cap_date"]
        self._vol.known[company], self._vol.known_date[company] = caps["vol"], caps["vol_date"]
        classes = state["classes"]
        listing = find_listings(self._identifiers, classes)
        at = np.flatnonzero(listing >= 0)
        for name, values in self._classes._asdict().items():
            values[listing[at]] = classes[name].to_numpy()[at]
        uses = find_companies(self._identifiers, state["cap_uses"]["company"])
        self._uses = state["cap_uses"].with_columns(company=pl.Series(uses)).filter(pl.col("company") >= 0)
        self._first_day = state["cap_days"]["first_day"].item()
        for what, id_type, count in state["cap_counts"].iter_rows():
            if what == "superseded":
                self._n_superseded = count
            else:
                (self._read if what == "read" else self._known)[id_type] += count


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
