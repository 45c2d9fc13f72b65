"""The only place that pairs exposures with returns.

The return of trading day t is explained by what was stored on the trading day before, p: exposures, caps,
weights and membership are read from the panel's rows of day p, and paired with the return compounded over all
stored days in (p, t].
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.calendar import trading_days
from openfactor.dataset.panel import Panel
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.numerics.compounding import PriceRows, forward_returns
from openfactor.settings.universe import CalendarSettings

PARTS = 16
"""Pieces of history that the processors share."""


def rows_before(panel: Panel, days: NDArray[np.int64], i: int) -> slice:
    """Rows of the panel whose exposures explain the return of trading day i >= 1; days : as in `Timeline`."""
    return panel.rows_of(int(days[i - 1]))


@dataclass(frozen=True)
class Timeline:
    """The trading days of a model and the returns that follow each row."""

    days: NDArray[np.int64]
    """(T,) index of each trading day among the stored days."""
    dates: tuple[dt.date, ...]
    """(T,) date of each trading day."""
    forward_return: NDArray[np.float64]
    """(rows,) simple return of the listing to the next trading day, since its last price on or before the
    row's day, in the model's currency, as a fraction; NaN where there is none."""
    covered: NDArray[np.int32]
    """(rows,) number of trading days that `forward_return` covers: 1, or m after m - 1 trading days without a
    price; 0 where there is no return."""


def timeline(
    dataset: RiskDataset,
    calendar: CalendarSettings,
    currency: str | None,
    pool: ThreadPoolExecutor,
) -> Timeline:
    """The trading days of a calendar, and the returns between them.

    1 + r = (1 + r_local) * (usd_local,t / usd_local,s) * (usd_c,s / usd_c,t), where usd is the USD per unit
    of a currency and s the day of the listing's last price before t.

    Parameters
    ----------
    currency : of the returns; None for local returns
    """
    # a return can begin before the first day of a slice
    whole, first = dataset.sliced_from or (dataset, 0)
    all_trading_days = trading_days(whole.closed, calendar.filters, len(whole.days))
    is_inside = (all_trading_days >= first) & (all_trading_days < first + len(dataset.days))
    days = all_trading_days[is_inside]
    window = np.searchsorted(all_trading_days, np.arange(len(whole.days))).astype(np.int64)
    rates = _rates(whole, currency)
    panel, n_rows = whole.panel, dataset.panel.n_rows
    prices = PriceRows(panel.offsets, panel.listing, panel.local_return, panel.priced, panel.currency)
    returns, covered = np.empty(n_rows), np.empty(n_rows, np.int32)
    for d in np.setdiff1d(np.arange(len(dataset.days)), days[:-1] - first):
        rows = dataset.panel.rows_of(int(d))
        returns[rows], covered[rows] = np.nan, 0

    def fill(part: NDArray[np.int64]) -> None:
        """Returns that follow the trading days of `part`, whose last day belongs to the next part."""
        n_listings, first_row = whole.identifiers.n_listings, int(panel.offsets[first])
        forward_returns(prices, rates, part, window, n_listings, first_row, returns, covered)

    n_returns = max(len(days) - 1, 0)
    bounds = np.linspace(0, n_returns, min(PARTS, n_returns) + 1).astype(np.int64)
    list(pool.map(fill, [days[a : b + 1] for a, b in pairwise(bounds)]))
    return Timeline(days - first, tuple(whole.days[d] for d in days), returns, covered)


def _rates(dataset: RiskDataset, currency: str | None) -> NDArray[np.float64]:
    """(D, C) units of `currency` per unit of each currency; 1 for local returns."""
    if currency is None:
        return np.ones_like(dataset.usd_per_unit)
    return dataset.usd_per_unit / dataset.usd_per_unit[:, dataset.currencies.index(currency)][:, None]
