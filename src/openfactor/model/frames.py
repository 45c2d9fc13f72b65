"""Arrays of a model as data frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.shown import Shown
from openfactor.model.estimation.estimates import SOLVERS, STATUSES, Estimates
from openfactor.settings.dates import DateLike, as_date

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def by_factor(dates: Sequence[dt.date], factors: Sequence[str], values: NDArray[np.floating]) -> pl.DataFrame:
    """date and one Float32 column a factor; NaN becomes null."""
    columns = {f: values[:, k].astype(np.float32) for k, f in enumerate(factors)}
    frame = pl.DataFrame({"date": pl.Series(dates, dtype=pl.Date), **columns})
    return frame.with_columns(pl.col(pl.Float32).fill_nan(None))


def by_asset(
    dataset: RiskDataset,
    inside: Mask,
    dates: Sequence[dt.date],
    rows: Sequence[slice],
    values: Callable[[slice], Float],
    id_type: str,
) -> pl.DataFrame:
    """date and one Float32 column an identifier of assets that are ever inside, sorted.

    A column has, on each date, the value of the asset that has the identifier on the date; see `Shown`. An
    asset whose identifier changes goes on in another column.

    inside : (rows of the panel,); rows : those of each date; values : gives (n,) values of the rows of a date
    """
    shown = Shown(dataset, inside, id_type)
    kept = shown.ever(next_day=True)
    out = np.full((len(dates), len(kept)), np.nan, np.float32)
    for i, these in enumerate(rows):
        place, code = shown.rows(these, dates[i])
        out[i, np.searchsorted(kept, code)] = values(these)[place]
    shown.warn()
    return by_factor(dates, shown.naming.texts(kept).to_list(), out)


def regressions(estimates: Estimates, stage: int) -> pl.DataFrame:
    """date, status, solver, n, rank, condition of the regressions of a stage, counted from 0."""
    e = estimates
    return pl.DataFrame(
        {
            "date": pl.Series(e.dates, dtype=pl.Date),
            "status": [STATUSES[i] for i in e.status[stage]],
            "solver": [SOLVERS[i] for i in e.solver[stage]],
            "n": e.n[stage],
            "rank": e.rank[stage],
            "condition": pl.Series(e.condition[stage]).fill_nan(None),
        }
    )


def between(frame: pl.DataFrame, start: DateLike | None, end: DateLike | None) -> pl.DataFrame:
    """The rows with start <= date <= end."""
    first, last = as_date(start), as_date(end)
    if first is not None:
        frame = frame.filter(pl.col("date") >= first)
    if last is not None:
        frame = frame.filter(pl.col("date") <= last)
    return frame
