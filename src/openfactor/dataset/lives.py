"""From when to when a listing has rows, decided on each day from what is known on it.

A listing is alive on the days with a price. It stays alive without one for a stated number of days, unless
its last row says `delisted` or the id map says that it has ended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.tally import Tally
from openfactor.numerics.lives import close_lives, mark_lives

RUN = 1_000_000
"""Price rows that are looked at in one go."""


@dataclass(frozen=True)
class Life:
    """What ends the life of a listing that has no price."""

    counted: NDArray[np.int64]
    """(D,) see `counted_days`."""
    limit: int
    """Counted days without a price."""
    ends: pl.Series
    """(listings,) the last date on which the id map knows the listing."""


def stated_ends(idmap: pl.DataFrame, identifiers: Identifiers, as_of: dt.date) -> pl.Series:
    """(listings,) the date on which the id map ends a listing, or gives its id to another company."""
    master, core = identifiers.id_types
    rows = idmap.filter(
        (pl.col("from_id_type") == master)
        & (pl.col("to_id_type") == core)
        & (pl.col("start_date").fill_null(dt.date.min) <= as_of)
    )
    stated = rows.group_by(id="from_id", entity_id="to_id").agg(
        stated=pl.col("end_date").fill_null(dt.date.max).max()
    )
    handed_on = identifiers.spans.group_by("listing").agg(handed_on=pl.col("end_date").max())
    table = identifiers.table.join(stated, on=["id", "entity_id"], how="left", maintain_order="left")
    table = table.join(handed_on, on="listing", how="left", maintain_order="left")
    return table.select(pl.min_horizontal("stated", "handed_on").fill_null(dt.date.max)).to_series()


def lives(
    prices: pl.DataFrame, days: Sequence[dt.date], life: Life, n_listings: int, tally: Tally
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(D, listings) alive; and (n,) which prices begin a life, so that their returns are not used.

    prices : as of `read_prices`
    """
    steps = np.zeros((len(days) + 1, n_listings), np.int8)
    last_day, flag_day = np.full(n_listings, -1, np.int64), np.full(n_listings, -1, np.int64)
    flagged, base = np.zeros(n_listings, np.bool_), np.zeros(len(prices), np.bool_)
    until = day_before(life.ends, days)
    unused = 0
    for first in range(0, len(prices), RUN):
        part, mine = prices[first : first + RUN], base[first : first + RUN]
        mark_lives(
            day_before(part["date"], days), part["listing"].to_numpy(), part["quoted"].to_numpy(),
            part["delisted"].to_numpy(), life.counted, life.limit, until, last_day, flagged, flag_day, steps,
            mine,
        )  # fmt: skip
        unused += int((mine & part["return"].is_not_null().to_numpy()).sum())
    tally.drop("price", "a return from before the first price of a life", unused)
    close_lives(last_day, flagged, flag_day, life.counted, life.limit, until, steps)
    np.cumsum(steps, axis=0, out=steps)
    return steps[:-1].astype(np.bool_), base


def day_before(dates: pl.Series, days: Sequence[dt.date]) -> NDArray[np.int64]:
    """Index of the last of the days on or before each date, -1 before the first."""
    stored = np.array(days, dtype="datetime64[D]")
    at = np.searchsorted(stored, dates.to_numpy().astype("datetime64[D]"), side="right")
    return at.astype(np.int64) - 1
