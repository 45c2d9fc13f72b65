"""The one place that decides which day's exposures meet which day's returns.

The return of trading day t is explained by what was stored on the trading day before, p: exposures,
caps, weights and membership are read from the panel's rows of day p, and the return, compounded over
every stored day in (p, t], is laid beside them.
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
from openfactor.numerics.compounding import forward_returns
from openfactor.settings.universe import CalendarSettings

PARTS = 16
"""Pieces of history that the processors share out."""


def rows_before(panel: Panel, days: NDArray[np.int64], i: int) -> slice:
    """Rows of the panel whose exposures explain the return of trading day i >= 1."""
    return panel.rows_of(int(days[i - 1]))


@dataclass(frozen=True)
class Timeline:
    """The trading days of a model and the returns that follow each row."""

    days: NDArray[np.int64]
    """(T,) indices of the trading days among the stored days."""
    dates: tuple[dt.date, ...]
    """(T,) the same as dates."""
    forward_return: NDArray[np.float64]
    """(rows,) return of the row's listing from the row's day to the next trading day, in the model's
    currency; NaN where there is none."""


def timeline(
    dataset: RiskDataset,
    calendar: CalendarSettings,
    currency: str | None,
    pool: ThreadPoolExecutor,
) -> Timeline:
    """The trading days of `calendar`, and returns in `currency`; None: local returns.

    1 + r = (1 + r_local) * (usd_local,t / usd_local,p) * (usd_c,p / usd_c,t), where usd is what one unit
    of a currency buys.
    """
    panel = dataset.panel
    days = trading_days(dataset.closed, calendar.filters, len(dataset.days))
    returns = np.empty(panel.n_rows)
    for d in np.setdiff1d(np.arange(len(dataset.days)), days[:-1]):
        returns[panel.rows_of(int(d))] = np.nan

    def fill(part: NDArray[np.int64]) -> None:
        """Returns that follow the trading days of `part`, whose last day belongs to the next part."""
        forward_returns(
            panel.offsets,
            panel.listing,
            panel.local_return,
            panel.priced,
            part,
            len(dataset.currency),
            returns,
        )
        if currency is not None:
            _convert(dataset, currency, part, returns)

    n_returns = max(len(days) - 1, 0)
    bounds = np.linspace(0, n_returns, min(PARTS, n_returns) + 1).astype(np.int64)
    list(pool.map(fill, [days[a : b + 1] for a, b in pairwise(bounds)]))
    return Timeline(days, tuple(dataset.days[d] for d in days), returns)


def _convert(
    dataset: RiskDataset, currency: str, days: NDArray[np.int64], returns: NDArray[np.float64]
) -> None:
    """Turn local returns that follow the trading days into returns in `currency`, in place."""
    panel, numeraire = dataset.panel, dataset.usd[:, dataset.currencies.index(currency)]
    for p, t in pairwise(days):
        gain = dataset.usd[t] / dataset.usd[p] * (numeraire[p] / numeraire[t])
        if (gain != 1.0).any():
            rows = panel.rows_of(int(p))
            returns[rows] = (1.0 + returns[rows]) * gain[dataset.currency[panel.listing[rows]]] - 1.0
