"""Arrays of a model as wide frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.model.estimation.estimates import SOLVERS, STATUSES, Estimates

Float = NDArray[np.float64]


def by_factor(dates: Sequence[dt.date], factors: Sequence[str], values: NDArray[Any]) -> pl.DataFrame:
    """date and one Float32 column per factor; NaN becomes null.

    Parameters
    ----------
    values
        (dates, factors).
    """
    columns = {f: values[:, k].astype(np.float32) for k, f in enumerate(factors)}
    frame = pl.DataFrame({"date": pl.Series(dates, dtype=pl.Date), **columns})
    return frame.with_columns(pl.col(pl.Float32).fill_nan(None))


def matrix_frame(dates: Sequence[dt.date], factors: Sequence[str], matrices: Float) -> pl.DataFrame:
    """date, factor, and one Float32 column per factor, of matrices (dates, factors, factors)."""
    k = len(factors)
    flat = matrices.reshape(len(dates) * k, k).astype(np.float32)
    key = {
        "date": pl.Series(np.repeat(np.array(dates, "datetime64[D]"), k), dtype=pl.Date),
        "factor": list(factors) * len(dates),
    }
    return pl.DataFrame(key | {factor: flat[:, i] for i, factor in enumerate(factors)})


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
