"""Exposure uploads in long form become columns of the panel."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.panel import Exposure, SparseGroup
from openfactor.dataset.rows import Rows, day_index, event_offsets
from openfactor.errors import DataError, Fault
from openfactor.numerics.asof import snapshot_events

MAX_CATEGORIES = 2**15 - 1


def _events_of_rows(events: pl.DataFrame, rows: Rows) -> NDArray[np.int64]:
    """First event that holds for each panel row, -1 for none; `events` sorted by date and entity."""
    return snapshot_events(
        event_offsets(day_index(events["date"], rows.days), len(rows.days)),
        events["entity"].to_numpy(),
        rows.offsets,
        rows.entity,
        rows.listing,
        rows.priced,
        rows.n_entities,
        rows.n_listings,
    )


def dense_group(events: pl.DataFrame, rows: Rows, dtype: str) -> dict[str, Exposure]:
    """Factor to exposures (rows,), factors sorted; each factor has snapshots of its own."""
    out: dict[str, Exposure] = {}
    for (factor,), part in sorted(events.group_by("factor")):
        part = part.sort("date", "entity")
        at = _events_of_rows(part, rows)
        values = np.append(part["exposure"].to_numpy(), np.nan).astype(dtype)
        out[str(factor)] = values[at]  # -1 takes the NaN at the end
    return out


def sparse_group(events: pl.DataFrame, rows: Rows, dtype: str) -> SparseGroup:
    """Codes and loadings in as many slots as the name with the most categories needs.

    A loading of zero is no membership.

    Raises
    ------
    DataError: more categories than a code can count.
    """
    events = events.filter(pl.col("exposure") != 0).sort("date", "entity", "factor")
    categories = events["factor"].unique().sort()
    if len(categories) > MAX_CATEGORIES:
        name = events["factor_group"][0]
        fault = Fault("too_many", "exposures", f"{name} has {len(categories):,} categories, at most "
                      f"{MAX_CATEGORIES:,} are possible", "factor")  # fmt: skip
        raise DataError("the uploads do not make a risk dataset, 1 fault:", [fault])
    code = {c: i for i, c in enumerate(categories)}
    codes = np.append(events["factor"].replace_strict(code, return_dtype=pl.Int16).to_numpy(), -1).astype(
        np.int16
    )
    loads = np.append(events["exposure"].to_numpy(), 0).astype(dtype)
    at = _events_of_rows(events, rows)
    key = events.select(pl.struct("date", "entity").rank("dense").alias("key"))["key"].to_numpy()
    held = np.bincount(key)[key] if len(key) else np.zeros(0, np.int64)
    in_set = np.append(held, 0)  # memberships of the event's name on its day
    slots = [
        np.where((at >= 0) & (in_set[at] > i), at + i, -1) for i in range(int(in_set.max(initial=1)) or 1)
    ]
    one_hot = bool((loads[:-1] == 1).all())
    return SparseGroup(
        categories=tuple(categories),
        codes=tuple(codes[slot] for slot in slots),
        loads=None if one_hot else tuple(loads[slot] for slot in slots),
    )
