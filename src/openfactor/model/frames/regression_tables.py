"""Frames of a stage's regressions: one row per date."""

from __future__ import annotations

import numpy as np
import polars as pl

from openfactor.contract.refs import FrameQuery
from openfactor.model.fitted import FittedModel
from openfactor.model.frames.kind import FrameKind, days_of
from openfactor.model.wide import regressions


def _of_days(table: pl.DataFrame, fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    """The rows that a query asks for of a table with one row per trading day."""
    days = [(exposures + 1, date) for exposures, date in days_of(fitted, query) if exposures + 1 < len(table)]
    dates = pl.Series([date for _, date in days], dtype=pl.Date)
    return table[[regression for regression, _ in days]].with_columns(date=dates)


def _r2(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    e = fitted.estimates
    r2 = e.r2[fitted.stage_index(query.stage)].astype(np.float32)
    table = pl.DataFrame({"date": pl.Series(e.dates, dtype=pl.Date), "r2": r2})
    return _of_days(table, fitted, query).filter(pl.col("r2").is_not_nan())


def _status(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    e, stage = fitted.estimates, fitted.stage_index(query.stage)
    of_stage = np.flatnonzero(e.stage == stage)
    factors = np.array(e.factors)[of_stage]
    lists = {
        "thin_categories": fitted.is_thin,
        "factors_without_exposure": ~e.has_exposure & (e.n[stage] > 0)[:, None],
        "pinned_factors": fitted.pinned,
        "aliased_factors": fitted.aliased,
    }
    table = regressions(e, stage).with_columns(
        clipped=pl.Series(e.clipped[stage]),
        multiday=pl.Series(e.multiday[stage]),
        thinly_traded=pl.Series(fitted.thinly_traded),
        **{
            name: pl.Series([factors[row].tolist() for row in mask[:, of_stage]], dtype=pl.List(pl.String))
            for name, mask in lists.items()
        },
    )
    return _of_days(table, fitted, query)


FRAMES = {
    "r2": FrameKind(_r2, ("dated", "stage"), None),
    "status": FrameKind(_status, ("dated", "stage"), None),
}
