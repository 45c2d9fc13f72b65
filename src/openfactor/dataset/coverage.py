"""Number of listings that each input covers, by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.panel import Panel


def coverage_by_date(panel: Panel, days: Sequence[dt.date]) -> pl.DataFrame:
    """Number of listings, one row per stored day.

    A listing has a continuous group if it has an exposure to every factor, and a categorical one if it has a
    category.

    Returns
    -------
    date, listings (alive), priced (the others are stale), market_cap (with one), and `with_{group}` for each
    factor group.
    """
    counts = {
        "listings": np.diff(panel.offsets),
        "priced": _count(panel, panel.priced),
        "market_cap": _count(panel, np.isfinite(panel.market_cap)),
    }
    for group, factors in panel.dense.items():
        complete = np.ones(panel.n_rows, np.bool_)
        for values in factors.values():
            complete &= np.isfinite(values)
        counts[f"with_{group}"] = _count(panel, complete)
    for group, categories in panel.sparse.items():
        counts[f"with_{group}"] = _count(panel, categories.codes[0] >= 0)
    return pl.DataFrame({"date": pl.Series(days, dtype=pl.Date), **counts})


def _count(panel: Panel, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(D,) number of rows in the mask."""
    before = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(np.diff(before[panel.offsets]))
