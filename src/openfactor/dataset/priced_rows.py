"""Lays out the rows of a root dataset's panel from its prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from openfactor.dataset import checks
from openfactor.dataset.assembly import raise_faults
from openfactor.dataset.calendar import closed_days, counted_days
from openfactor.dataset.coding import rows_of_listings
from openfactor.dataset.inventory import used_dates
from openfactor.dataset.lives import Life, stated_spans
from openfactor.dataset.panel_index import PanelIndex, build_index
from openfactor.dataset.prices import read_prices
from openfactor.dataset.rates import Rates
from openfactor.dataset.root_inputs import RootInputs
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import Fault
from openfactor.settings.riskdataset import RootRiskDatasetSettings
from openfactor.uploads import DATA_TYPES


@dataclass(frozen=True)
class PricedRows:
    """The rows of a panel, and what prices say about them."""

    index: PanelIndex
    fx: pl.DataFrame
    """The exchange_rates upload."""
    rates: Rates
    closures: pl.DataFrame
    """exchange, date: closed days."""
    faults: list[Fault]


def lay_out_rows(settings: RootRiskDatasetSettings, inputs: RootInputs, row_counts: RowCounts) -> PricedRows:
    """A row per listing and stored day on which it is alive; faults of prices are returned.

    Raises
    ------
    DataError: no price is of a listing.
    """
    uploads, identifiers = inputs.uploads, inputs.identifiers
    fx = uploads["exchange_rates"].collect()
    rates = Rates(fx, uploads["price"].select(pl.col("ccy").unique()).collect()["ccy"])
    prices = read_prices(
        uploads["price"], inputs.rows_by_type["price"], identifiers, rates, row_counts,
        settings.empty_returns,
    )  # fmt: skip
    priced = prices.filter("quoted")
    if not len(priced):
        raise_faults([checks.no_listing(uploads["price"], identifiers)])
    price_days = priced["date"].unique()
    dates = used_dates(uploads["exposures"], inputs.inventory, identifiers, price_days)
    days = sorted(dates.union(price_days))
    closures = uploads["exchange_dates"].select("exchange", "date").sort("exchange", "date").collect()
    has_prices = np.isin(np.array(days, "datetime64[D]"), price_days.to_numpy())
    life = Life(
        counted_days(closed_days(closures, days), has_prices),
        settings.max_days_without_price,
        stated_spans(uploads["idmap"].collect(), identifiers, settings.as_of_date),
    )
    index = build_index(prices, days, life, identifiers, row_counts)
    faults = _currency_faults(priced, rates, fx)
    faults += checks.returns(index, identifiers, settings.max_return)
    if len(row_counts.unused_returns):  # only rows that are used must obey the rules of the upload
        faults += DATA_TYPES["price"].table_faults(rows_of_listings(identifiers, uploads["price"]))
    return PricedRows(index, fx, rates, closures, faults)


def _currency_faults(priced: pl.DataFrame, rates: Rates, fx: pl.DataFrame) -> list[Fault]:
    """Currencies of prices without a rate."""
    date = pl.col("date")
    uses = priced.group_by("ccy").agg(first_use=date.min(), last_use=date.max(), rows=pl.len())
    names = pl.Series([rates.names[code] for code in uses["ccy"]], dtype=pl.String)
    return checks.rates("price", uses.with_columns(ccy=names), fx)
