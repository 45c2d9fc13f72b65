"""Lays out the rows of a root dataset's panel from its prices, run by run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from openfactor.dataset import checks
from openfactor.dataset.assembly import raise_faults
from openfactor.dataset.coding import rows_of_listings
from openfactor.dataset.inventory import used_dates
from openfactor.dataset.panel_index import PanelIndex
from openfactor.dataset.price_months import last_date, price_months
from openfactor.dataset.prices import Prices, PriceStage, price_columns
from openfactor.dataset.rates import Rates
from openfactor.dataset.resolving import unique_listings
from openfactor.dataset.root_inputs import RootInputs
from openfactor.dataset.row_counts import RowCounts
from openfactor.dataset.row_stage import RowStage
from openfactor.dataset.runs import RunDays, months
from openfactor.errors import Fault
from openfactor.settings.riskdataset import RootRiskDatasetSettings
from openfactor.uploads import DATA_TYPES

State = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class PricedRun:
    """The rows of a run, and what prices say about them."""

    days: RunDays
    index: PanelIndex
    row_counts: RowCounts
    currencies: pl.DataFrame
    """ccy, first_use, last_use, rows: of the prices."""
    faults: list[Fault]
    """Of the returns."""


class RowLayout:
    """Lays out a row per listing and stored day on which it is alive, month by month.

    The stored days are those with a price of a known listing, or with an exposure that the dataset uses. A
    run does not depend on rows of later months.

    Parameters
    ----------
    settings, inputs
        Of the dataset.
    after
        The run to go on after; None to begin with the first month.
    state
        `state` as of that run.
    """

    def __init__(
        self,
        settings: RootRiskDatasetSettings,
        inputs: RootInputs,
        after: str | None = None,
        state: State | None = None,
    ) -> None:
        self._settings, self._inputs, self._after = settings, inputs, after
        uploads, identifiers = inputs.uploads, inputs.identifiers
        later = pl.lit(value=True) if after is None else pl.col("date") > last_date(after)
        self._prices, self._exposures = (uploads[name].filter(later) for name in ("price", "exposures"))
        counts = self._prices.group_by("date", "asset_id_type").agg(rows=pl.len())
        self._counts = counts.collect(engine="streaming")
        self._inventory = inputs.inventory.filter(later)
        self._dates = set(self._counts["date"].unique())
        dates = used_dates(self._exposures, self._inventory, identifiers, self._dates)
        self._exposure_dates = {run.name: set(run.dates) for run in months(sorted(dates))}
        self.fx = uploads["exchange_rates"].collect()
        """The exchange_rates upload."""
        currencies = self._prices.select(pl.col("ccy").unique()).collect()["ccy"].to_list()
        if state is not None:
            currencies += state["quotes"]["ccy"].unique().to_list()
        self.rates = Rates(self.fx, currencies)
        """Of all currencies of prices."""
        self.closures = (
            uploads["exchange_dates"].select("exchange", "date").sort("exchange", "date").collect()
        )
        """exchange, date: closed days."""
        self._price_stage = PriceStage(identifiers, self.rates, settings.empty_returns)
        self._row_stage = RowStage(
            identifiers, self.closures, self.rates.names, settings.max_days_without_price
        )
        if state is not None:
            self._price_stage.restore(state)
            self._row_stage.restore(state)
        self.rest = RowCounts()
        """Counts of rows since the last run."""

    def state(self) -> dict[str, pl.DataFrame]:
        """What later runs depend on. To be taken before the next run is asked for."""
        return self._price_stage.state() | self._row_stage.state()

    def runs(self) -> Iterator[PricedRun]:
        """The runs, of which each is laid out when it is asked for."""
        identifiers = self._inputs.identifiers
        columns = price_columns(self.rates, self._settings.empty_returns)
        rows = self._prices.with_columns(**columns)
        for of_month in price_months(rows, [*columns], identifiers, self._counts, self._exposure_dates):
            known = unique_listings(of_month.rows, of_month.rows_by_type, identifiers, self.rest, "price")
            prices = self._price_stage.advance(known, self.rest)
            dates = self._stored_dates(of_month.name, prices.days.tolist())
            run = RunDays(of_month.name, tuple(dates), self._row_stage.n_days)
            index = self._row_stage.advance(run, prices, self.rest)
            if dates:
                row_counts, self.rest = self.rest, RowCounts()
                faults = checks.returns(index, identifiers, self._settings.max_return)
                yield PricedRun(run, index, row_counts, self._currencies(prices), faults)

    def _stored_dates(self, name: str, price_days: list[dt.date]) -> list[dt.date]:
        of_month = self._exposure_dates.get(name, set())
        unpriced = (of_month & self._dates).difference(price_days)  # the rows of these dates are no prices
        if unpriced:
            at = pl.col("date").is_in(sorted(unpriced))
            used = used_dates(
                self._exposures.filter(at), self._inventory.filter(at), self._inputs.identifiers, ()
            )
            of_month = of_month - (unpriced - used)
        return sorted(of_month.union(price_days))

    def _currencies(self, prices: Prices) -> pl.DataFrame:
        """ccy, first_use, last_use, rows: of prices."""
        currency, date = prices.currency[prices.quoted], prices.date[prices.quoted]
        counts = np.bincount(currency, minlength=len(self.rates.names))
        used = np.flatnonzero(counts).tolist()
        dates = [date[currency == code] for code in used]
        return pl.DataFrame(
            {
                "ccy": pl.Series([self.rates.names[code] for code in used], dtype=pl.String),
                "first_use": np.array([of[0] for of in dates], "datetime64[D]"),
                "last_use": np.array([of[-1] for of in dates], "datetime64[D]"),
                "rows": counts[used],
            }
        )

    def faults(self, runs: Sequence[PricedRun], currencies: pl.DataFrame) -> list[Fault]:
        """All that is wrong with the prices of runs; currencies : those of all runs so far.

        Raises
        ------
        DataError: no price is of a listing.
        """
        uploads, identifiers = self._inputs.uploads, self._inputs.identifiers
        if not len(currencies) and self._after is None:
            raise_faults([checks.no_listing(uploads["price"], identifiers)])
        first, last = pl.col("first_use").min(), pl.col("last_use").max()
        uses = currencies.group_by("ccy").agg(first, last, pl.col("rows").sum())
        faults = checks.rates("price", uses, self.fx)
        faults += checks.merged([fault for run in runs for fault in run.faults])
        if any(len(run.row_counts.unused_returns) for run in runs):
            # only rows that are used must obey the rules of the upload
            faults += DATA_TYPES["price"].table_faults(rows_of_listings(identifiers, uploads["price"]))
        return faults
