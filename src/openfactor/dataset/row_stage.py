"""Which listing has a row on which stored day, run by run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.axes import find_companies, find_listings, name_companies, name_listings
from openfactor.dataset.calendar import counts_as_day
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.lives import StatedEnds
from openfactor.dataset.panel_index import LONGEST_CLOSURE, PanelIndex, main_rows
from openfactor.dataset.prices import Prices
from openfactor.dataset.row_counts import BEFORE_LIFE, RowCounts
from openfactor.dataset.runs import RunDays
from openfactor.numerics.listing_lives import (
    DayRows,
    LifeLimits,
    PriceEvents,
    StoredDays,
    lay_out_days,
    new_day_rows,
    new_life_state,
)

Days = NDArray[np.datetime64]


class RowStage:
    """Lays out a row per listing and stored day on which it is alive.

    A listing is alive on days with a price. It stays alive without one for a set number of days, unless its
    last row is flagged `delisted` or its mapping in the id map has ended.

    Parameters
    ----------
    closures : exchange, date: closed days
    currencies : names of the codes in prices
    max_days_without_price : counted days, see `counts_as_day`
    """

    def __init__(
        self,
        identifiers: Identifiers,
        closures: pl.DataFrame,
        currencies: tuple[str, ...],
        max_days_without_price: int,
    ) -> None:
        self._identifiers = identifiers
        self._ends = StatedEnds(identifiers.mapped, identifiers.n_listings)
        self._closed = np.unique(closures["date"].to_numpy().astype("datetime64[D]"))
        self._currencies = currencies
        self._limits = LifeLimits(max_days_without_price, LONGEST_CLOSURE)
        self._company = identifiers.table["company"].to_numpy()
        self._lives = new_life_state(identifiers.n_listings, identifiers.n_companies)
        self._currency = np.zeros(identifiers.n_listings, np.int16)  # of the last price
        # number of stored days and of counted days so far, and the last stored date
        self._n_days, self._n_counted, self._last_date = 0, 0, np.iinfo(np.int32).min

    @property
    def n_days(self) -> int:
        """Number of stored days so far."""
        return self._n_days

    def advance(self, run: RunDays, prices: Prices, row_counts: RowCounts) -> PanelIndex:
        """The rows of the days of a run.

        Parameters
        ----------
        run : its days include all dates with a price; it may have none
        prices : dated after the last day of the run before
        row_counts : receives the returns that are not used
        """
        days = np.array(run.dates, "datetime64[D]")
        stored, events = self._stored_days(run, days, prices), self._events(days, prices)
        can_have_rows = self._lives.last_price >= 0
        can_have_rows[prices.listing] = True
        rows = new_day_rows(len(days), len(days) * int(can_have_rows.sum()), len(prices.date))
        lay_out_days(stored, events, self._company, self._limits, self._lives, rows)
        self._n_days += len(days)
        self._n_counted, self._last_date = int(stored.counted[-1]), int(stored.date[-1])
        _count_unused(prices, rows, row_counts)
        return self._index(run, prices, rows)

    def _stored_days(self, run: RunDays, days: Days, prices: Prices) -> StoredDays:
        counts = counts_as_day(self._closed, days, np.isin(days, prices.days))
        return StoredDays(
            self._n_days,
            np.append(self._last_date, days.astype(np.int64)),
            self._n_counted + np.append(0, np.cumsum(counts)),
        )

    def _events(self, days: Days, prices: Prices) -> PriceEvents:
        # the events of a day are dated after the day before
        ends = np.searchsorted(prices.date, days, side="right")
        return PriceEvents(
            np.array([0, *ends, len(prices.date)], np.int64),
            prices.listing,
            prices.quoted,
            prices.delisted,
            prices.currency,
            self._ends.of(prices.listing, prices.date.astype(np.int64)),
        )

    def _index(self, run: RunDays, prices: Prices, rows: DayRows) -> PanelIndex:
        n_rows = int(rows.offsets[-1])
        listing, price = rows.listing[:n_rows].copy(), rows.price[:n_rows]
        priced = price >= 0
        returns = np.full(n_rows, np.nan)
        returns[priced] = np.where(rows.base, np.nan, prices.returns)[price[priced]]
        asleep = rows.asleep[:n_rows]
        return PanelIndex(
            days=run.dates,
            n_listings=self._identifiers.n_listings,
            n_companies=self._identifiers.n_companies,
            company=self._company[listing],
            offsets=rows.offsets,
            listing=listing,
            local_return=returns,
            currency=rows.currency[:n_rows].copy(),
            priced=priced,
            delisted=np.flatnonzero(rows.is_last[:n_rows]),
            is_main_listing=main_rows(run.dates, rows.offsets, listing, self._identifiers, last=asleep),
        )

    # state

    def state(self) -> dict[str, pl.DataFrame]:
        """What later days depend on, by name of listing and company."""
        lives = self._lives._asdict()
        began_trading = lives.pop("began_trading")
        seen = np.flatnonzero(self._lives.last_price >= 0)
        names = pl.Series(self._currencies, dtype=pl.String)
        columns = {name: values[seen] for name, values in lives.items()}
        columns |= {"currency": names.gather(columns["currency"])}
        trading = np.flatnonzero(began_trading >= 0)
        companies = name_companies(self._identifiers, trading).alias("company_id")
        return {
            "lives": name_listings(self._identifiers, seen).with_columns(**columns),
            "companies": pl.DataFrame({"company_id": companies, "began_trading": began_trading[trading]}),
            "days": pl.DataFrame(
                {"n_days": [self._n_days], "n_counted": [self._n_counted], "last_date": [self._last_date]}
            ),
        }

    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        """Go on from a state; the currencies of its prices must be among `currencies`."""
        codes = {ccy: code for code, ccy in enumerate(self._currencies)}
        lives = state["lives"].with_columns(pl.col("currency").replace_strict(codes, return_dtype=pl.Int16))
        listing = find_listings(self._identifiers, lives)
        known = np.flatnonzero(listing >= 0)
        for name, values in self._lives._asdict().items():
            if name != "began_trading":
                values[listing[known]] = lives[name].to_numpy()[known]
        companies = state["companies"]
        company = find_companies(self._identifiers, companies["company_id"])
        known = np.flatnonzero(company >= 0)
        self._lives.began_trading[company[known]] = companies["began_trading"].to_numpy()[known]
        self._n_days, self._n_counted, self._last_date = state["days"].row(0)


def _count_unused(prices: Prices, rows: DayRows, row_counts: RowCounts) -> None:
    """Count the returns that no row has."""
    has_return = np.isfinite(prices.returns)
    unused = np.flatnonzero(rows.base & has_return)
    if len(unused):
        returns = pl.DataFrame(
            {"date": prices.date[unused], "listing": prices.listing[unused], "return": prices.returns[unused]}
        )
        row_counts.unused_returns = pl.concat([row_counts.unused_returns, returns])
        row_counts.drop("price", BEFORE_LIFE, len(unused))
    row_counts.drop("price", "return across a delisting", int((rows.after_flag & has_return).sum()))
