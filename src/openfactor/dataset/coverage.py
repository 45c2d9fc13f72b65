"""Number of listings that each input covers, by day."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.columns import Exposure
from openfactor.dataset.panel import Panel, PanelRun

Mask = NDArray[np.bool_]
FirstDates = Mapping[str, Mapping[str, dt.date]]
_FACTOR = {"group": pl.String, "factor": pl.String}


class CoverageStage:
    """Counts listings run by run.

    A listing has a continuous group if it has an exposure to every factor that exists on the day, and a
    categorical one if it has a category.

    Parameters
    ----------
    first_dates : group to factor to the date from which it exists; others exist from the first day on which
        any listing has them
    """

    def __init__(self, first_dates: FirstDates | None = None) -> None:
        self._first_dates = first_dates or {}
        self._factors: dict[str, set[str]] = {}  # of each group that exist so far

    def advance(self, run: PanelRun, days: Sequence[dt.date]) -> pl.DataFrame:
        """The counts of a run; see `coverage_by_date`.

        days : (D,) its stored days
        """
        counts = {
            "listings": np.diff(run.offsets),
            "priced": _count(run, run.priced),
            "market_cap": _count(run, np.isfinite(run.market_cap)),
        }
        for group, factors in run.dense.items():
            counts[f"with_{group}"] = _count(run, self._complete(run, days, group, factors))
        for group, categories in run.sparse.items():
            counts[f"with_{group}"] = _count(run, categories.codes[0] >= 0)
        return pl.DataFrame({"date": pl.Series(days, dtype=pl.Date), **counts})

    def _complete(
        self, run: PanelRun, days: Sequence[dt.date], group: str, factors: Mapping[str, Exposure]
    ) -> Mask:
        """(rows,) whether a listing has every factor of a group that exists on its day."""
        known, dates = self._factors.setdefault(group, set()), self._first_dates.get(group, {})
        complete, begin = np.ones(run.n_rows, np.bool_), run.n_rows
        for name in sorted(known | factors.keys()):
            has_factor = np.isfinite(factors[name]) if name in factors else np.zeros(run.n_rows, np.bool_)
            day = 0
            if name not in known:
                day = bisect_left(days, dates[name]) if name in dates else _first_day(run, has_factor)
            if day < len(days):
                first = int(run.offsets[day])
                complete[first:] &= has_factor[first:]
                begin = min(begin, first)
                known.add(name)
        complete[:begin] = False
        return complete

    def state(self) -> dict[str, pl.DataFrame]:
        """What later runs depend on."""
        factors = sorted((group, name) for group, names in self._factors.items() for name in names)
        return {"coverage_factors": pl.DataFrame(factors, schema=_FACTOR, orient="row")}

    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        """Go on from a state."""
        for group, name in state["coverage_factors"].iter_rows():
            self._factors.setdefault(group, set()).add(name)


def first_dates(inventory: pl.DataFrame) -> FirstDates:
    """Group to factor to its first date in an exposures upload; inventory : see `exposure_inventory`."""
    dates: dict[str, dict[str, dt.date]] = {}
    by_factor = inventory.group_by("factor_group", "factor").agg(pl.col("date").min())
    for group, factor, date in by_factor.iter_rows():
        dates.setdefault(group, {})[factor] = date
    return dates


def coverage_by_date(
    panel: Panel, days: Sequence[dt.date], first_dates: FirstDates | None = None
) -> pl.DataFrame:
    """Number of listings, one row per stored day; first_dates : see `CoverageStage`.

    Returns
    -------
    date, listings (alive), priced (the others are stale), market_cap (with one), and `with_{group}` for each
    factor group; see `CoverageStage`.
    """
    stage, firsts = CoverageStage(first_dates), panel.first_days.tolist()
    frames = [
        stage.advance(run, days[first : first + run.n_days])
        for run, first in zip(panel.runs, firsts, strict=False)
    ]
    return whole_coverage(frames, panel)


def whole_coverage(frames: Sequence[pl.DataFrame], panel: Panel) -> pl.DataFrame:
    """The counts of runs that follow each other, with a column for each group of the panel."""
    groups = [f"with_{group}" for group in (*panel.dense, *panel.sparse)]
    counts = pl.col("listings", "priced", "market_cap", *groups)
    return pl.concat(frames, how="diagonal").select("date", counts.fill_null(0))


def _count(run: PanelRun, mask: Mask) -> NDArray[np.int64]:
    """(D,) number of rows in the mask."""
    before = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(np.diff(before[run.offsets]))


def _first_day(run: PanelRun, mask: Mask) -> int:
    """The first day with a row in the mask; the number of days if there is none."""
    if not mask.any():
        return run.n_days
    return int(np.searchsorted(run.offsets, np.argmax(mask), side="right")) - 1
