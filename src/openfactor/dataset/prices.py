"""Rows of a price upload: one per listing and day, in one currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.axes import find_listings, name_listings
from openfactor.dataset.currency_changes import CurrencyChange, return_across
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.rates import Rates
from openfactor.dataset.row_counts import RowCounts
from openfactor.numerics.quotes import (
    AFTER_THE_END,
    EMPTY,
    KEPT,
    NEVER,
    OTHER_CURRENCY,
    CurrencyQuotes,
    QuoteResults,
    QuoteRows,
    new_currency_quotes,
    new_listing_quotes,
    new_results,
    settle_quotes,
)
from openfactor.settings.riskdataset import EmptyReturns

_REASONS = {
    EMPTY: "neither close nor return",
    OTHER_CURRENCY: "quoted in another currency",
    AFTER_THE_END: "after the delisting",
}


@dataclass(frozen=True)
class Prices:
    """Rows of listings, sorted by date; at most one per listing and date."""

    date: NDArray[np.datetime64]
    """(n,)"""
    listing: NDArray[np.int32]
    """(n,)"""
    returns: NDArray[np.float64]
    """(n,) total return since the last price, as a fraction; NaN: none."""
    currency: NDArray[np.int16]
    """(n,)"""
    quoted: NDArray[np.bool_]
    """(n,) there is a price; other rows only say that the listing ends."""
    delisted: NDArray[np.bool_]
    """(n,)"""

    @property
    def days(self) -> NDArray[np.datetime64]:
        """The dates with a price, ascending."""
        date = self.date[self.quoted]
        return date[np.flatnonzero(np.diff(date.astype(np.int64), prepend=NEVER))]


class PriceStage:
    """Goes through the rows of a price upload in runs of dates.

    A row with neither close nor return is no price; it may still be flagged `delisted`. If a listing has
    several currencies on a day, one is kept: that of its last price, else the first by name that has a rate.
    After a row flagged `delisted`, only rows with the flag are kept: some vendors flag every row of a listing
    that has ended. `settle_quotes` has the rules.

    Empty returns are derived from closes as the settings say. Such a return runs from the listing's previous
    price in the currency, whatever the gap, and stays empty if that price has no close. `adjusted_close`:
    closes are adjusted for dividends and splits, and their growth is the return. `close`: each share held at
    the base becomes s shares by later splits, and dividends are paid on the shares held on their day:
    (s * close + sum of s_d * dividend_d) / base - 1.
    """

    def __init__(self, identifiers: Identifiers, rates: Rates, empty_returns: EmptyReturns) -> None:
        self._identifiers = identifiers
        self._rates = rates
        self._empty_returns = empty_returns
        n_listings = identifiers.n_listings
        self._listings = new_listing_quotes(n_listings)
        self._quotes = new_currency_quotes(0)
        # (currencies, listings) index in `_quotes`; -1: none
        self._index = np.full((len(rates.names), n_listings), -1, np.int32)

    def advance(self, rows: pl.DataFrame, row_counts: RowCounts) -> Prices:
        """The prices of the next dates.

        Parameters
        ----------
        rows : of known listings, one per listing, date and currency, sorted by date: date, listing and the
            `price_columns`
        row_counts : receives dropped rows and derived returns
        """
        quotes, out = self._quote_rows(rows), new_results(len(rows))
        settle_quotes(quotes, self._empty_returns != "none", self._listings, self._quotes, out)
        derived = np.isnan(quotes.returns) & ~np.isnan(out.returns)
        row_counts.work_out("price", "returns derived from closes", int(derived.sum()))
        for fate, reason in _REASONS.items():
            row_counts.drop("price", reason, int((out.fate == fate).sum()))
        dates = np.repeat(quotes.date.astype("datetime64[D]"), np.diff(quotes.offsets))
        self._cross_currencies(quotes, dates, out, row_counts)
        kept = np.flatnonzero(out.fate == KEPT)
        return Prices(
            dates[kept], quotes.listing[kept], out.returns[kept], quotes.currency[kept], out.quoted[kept],
            quotes.delisted[kept],
        )  # fmt: skip

    def _quote_rows(self, rows: pl.DataFrame) -> QuoteRows:
        date = rows["date"].to_physical().to_numpy()
        first = np.flatnonzero(np.diff(date, prepend=NEVER))
        listing, currency = rows["listing"].to_numpy(), rows["ccy"].to_numpy()
        split, dividend = np.ones(len(rows)), np.zeros(len(rows))
        if self._empty_returns == "close":
            split, dividend = rows["split"].to_numpy(), rows["dividend"].to_numpy()
        return QuoteRows(
            np.append(first, len(rows)), date[first], listing, currency,
            self._quotes_of(listing, currency), rows["close"].to_numpy(), rows["return"].to_numpy(), split,
            dividend, rows["delisted"].to_numpy(),
            self._rates.precedence(date[first].astype("datetime64[D]")),
        )  # fmt: skip

    def _quotes_of(self, listing: NDArray[np.int32], currency: NDArray[np.int16]) -> NDArray[np.int32]:
        """(n,) index in `_quotes` of each listing and currency; new ones are added."""
        index = self._index[currency, listing]
        unseen = np.flatnonzero(index < 0)
        if len(unseen):
            n, (_, n_listings) = len(self._quotes.close), self._index.shape
            new = np.unique(currency[unseen].astype(np.int64) * n_listings + listing[unseen])
            self._index.flat[new] = np.arange(n, n + len(new))
            more = new_currency_quotes(len(new))._asdict()
            self._quotes = CurrencyQuotes(
                **{name: np.append(old, more[name]) for name, old in self._quotes._asdict().items()}
            )
            index = self._index[currency, listing]
        return index

    def _cross_currencies(
        self, rows: QuoteRows, dates: NDArray[np.datetime64], out: QuoteResults, row_counts: RowCounts
    ) -> None:
        """Work out the returns of prices whose currency differs from that of the last price."""
        worked_out = unknown = 0
        for j in np.flatnonzero(out.old_currency >= 0).tolist():
            same_date = None if out.same_date[j] == NEVER else np.datetime64(int(out.same_date[j]), "D")
            change = CurrencyChange(
                int(out.old_currency[j]), np.datetime64(int(out.old_date[j]), "D"), float(out.old_close[j]),
                int(rows.currency[j]), dates[j], float(rows.close[j]), float(out.worth[j]),
                float(out.returns[j]), same_date,
            )  # fmt: skip
            out.returns[j], from_closes = return_across(change, self._rates)
            worked_out += from_closes
            unknown += bool(np.isnan(out.returns[j]))
        what = "returns across a change of currency, derived from closes"
        row_counts.work_out("price", what, worked_out)
        reason = "no return across a change of currency: no close, or no rate for both"
        row_counts.drop("price", reason, unknown)

    # state

    def state(self) -> dict[str, pl.DataFrame]:
        """What later dates depend on, by name of listing and currency."""
        seen = np.flatnonzero(self._listings.first_date != NEVER)
        listings = {name: values[seen] for name, values in self._listings._asdict().items()}
        place = np.full(len(self._listings.first_date), -1, np.int32)
        place[seen] = np.arange(len(seen))
        currency, listing = np.nonzero(self._index >= 0)
        index = self._index[currency, listing]
        quotes = {name: values[index] for name, values in self._quotes._asdict().items()}
        names = pl.Series("ccy", self._rates.names, pl.String)
        of_prices = pl.Series(listings.pop("price_currency"), dtype=pl.Int64)
        return {
            "listings": name_listings(self._identifiers, seen).with_columns(
                **listings, price_currency=names.gather(of_prices.replace(-1, None))
            ),
            "quotes": pl.DataFrame({"row": place[listing], "ccy": names.gather(currency), **quotes}),
        }

    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        """Go on from a state; the rates must have the currencies of its prices."""
        codes = {ccy: code for code, ccy in enumerate(self._rates.names)}
        listings, quotes = state["listings"], state["quotes"]
        ccy = pl.col("price_currency").replace_strict(codes, default=-1, return_dtype=pl.Int16)
        listings = listings.with_columns(ccy)
        listing = find_listings(self._identifiers, listings)
        known = np.flatnonzero(listing >= 0)
        for name, values in self._listings._asdict().items():
            values[listing[known]] = listings[name].to_numpy()[known]
        listing = listing[quotes["row"].to_numpy()].astype(np.int32)
        currency = quotes["ccy"].replace_strict(codes, return_dtype=pl.Int16).to_numpy()
        known = np.flatnonzero(listing >= 0)
        at = self._quotes_of(listing[known], currency[known])
        for name, values in self._quotes._asdict().items():
            values[at] = quotes[name].to_numpy()[known]


def price_columns(rates: Rates, empty_returns: EmptyReturns) -> dict[str, pl.Expr]:
    """The columns of a price upload that `PriceStage` takes, from those of the upload; none has nulls."""
    code = pl.col("ccy").cast(pl.Enum(rates.names)).to_physical().cast(pl.Int16)
    columns = {"ccy": code, "delisted": pl.col("delisted").fill_null(value=False)}
    columns |= {name: pl.col(name).fill_null(float("nan")) for name in ("close", "return")}
    if empty_returns == "close":
        columns |= {"dividend": pl.col("dividend").fill_null(0.0), "split": pl.col("split").fill_null(1.0)}
    return columns
