"""Closes of a price upload, aligned with the rows of a panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.coding import code_listings
from openfactor.dataset.panel_index import day_index, event_offsets
from openfactor.dataset.resolving import without_duplicates
from openfactor.dataset.riskdataset import RiskDataset


def closes_by_row(
    dataset: RiskDataset, prices: pl.LazyFrame, id_types: Sequence[str], blocks: Iterable[slice]
) -> NDArray[np.float64]:
    """Close of each row of the panel; NaN if there is none.

    Parameters
    ----------
    prices : price upload
    id_types : of its rows
    blocks : runs of stored days to read at a time
    """
    panel, identifiers = dataset.panel, dataset.identifiers
    out = np.full(panel.n_rows, np.nan)
    row_of_listing = np.full(identifiers.n_listings, -1, np.int64)
    for block in blocks:
        days = dataset.days[block]
        rows = prices.filter(pl.col("date").is_between(days[0], days[-1]))
        coded = code_listings(identifiers, rows, ["close"], id_types)
        events = without_duplicates(coded.collect()).sort("date", maintain_order=True)
        starts = event_offsets(day_index(events["date"], days), len(days))
        listing = events["listing"].to_numpy()
        close = events["close"].fill_null(float("nan")).to_numpy()
        for i, d in enumerate(range(block.start, block.stop)):
            alive = panel.rows_of(d)
            row_of_listing[panel.listing[alive]] = np.arange(alive.start, alive.stop)
            today = slice(starts[i], starts[i + 1])
            row = row_of_listing[listing[today]]
            out[row[row >= 0]] = close[today][row >= 0]
            row_of_listing[panel.listing[alive]] = -1
    return out
