"""Arrays of a model as data frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.riskdataset import RiskDataset
from openfactor.model.estimation.estimates import SOLVERS, STATUSES, Estimates
from openfactor.settings.dates import DateLike, as_date

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def by_factor(dates: Sequence[dt.date], factors: Sequence[str], values: NDArray[np.floating]) -> pl.DataFrame:
    """date and one Float32 column a factor; NaN becomes null."""
    columns = {f: values[:, k].astype(np.float32) for k, f in enumerate(factors)}
    frame = pl.DataFrame({"date": pl.Series(dates, dtype=pl.Date), **columns})
    return frame.with_columns(pl.col(pl.Float32).fill_nan(None))


def shown_rows(
    dataset: RiskDataset, inside: NDArray[np.bool_], rows: slice, id_type: str
) -> NDArray[np.bool_]:
    """(n,) which rows of a day stand for an asset that is inside: of a company, those of its main listing.

    inside : (rows of the panel,)
    """
    by_listing = id_type == dataset.identifiers.id_types[0]
    return inside[rows] if by_listing else inside[rows] & dataset.panel.main[rows]


def by_asset(
    dataset: RiskDataset,
    inside: Mask,
    dates: Sequence[dt.date],
    rows: Sequence[slice],
    values: Callable[[slice], Float],
    id_type: str,
) -> pl.DataFrame:
    """date and one Float32 column an asset that is ever inside, sorted by listing.

    inside : (rows of the panel,); rows : those of each date; values : gives (n,) values of the rows of a date
    An asset that is more than a listing has the values of its main listing.
    """
    identifiers, panel = dataset.identifiers, dataset.panel
    by_listing = id_type == identifiers.id_types[0]
    of_asset = np.arange(identifiers.n_listings) if by_listing else dataset.entity
    names = dict(zip(of_asset.tolist(), identifiers.names(id_type), strict=True))
    out = np.full((len(dates), len(names)), np.nan, np.float32)
    for i, these in enumerate(rows):
        wanted = shown_rows(dataset, inside, these, id_type)
        out[i, of_asset[panel.listing[these]][wanted]] = values(these)[wanted]
    kept = np.unique(of_asset[panel.listing[inside]])
    return by_factor(dates, [names[i] for i in kept.tolist()], out[:, kept])


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
