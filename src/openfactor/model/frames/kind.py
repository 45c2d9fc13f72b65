"""What the table of frames knows about each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from openfactor.contract.refs import Dated, FrameQuery
from openfactor.exposures.conventions import LongForm, shown_days
from openfactor.model.fitted import FittedModel

ID_TYPE = "id_type"
"""Stands for the id type of the query where columns are named."""
BY_FACTOR = ("dated",)
BY_ASSET = ("dated", "id_type")
"""Options of most frames by factor and by asset."""

Build = Callable[[FittedModel, FrameQuery], pl.DataFrame]


@dataclass(frozen=True)
class FrameKind:
    """A frame of a model: how it is built, and which options of a query it has."""

    build: Build
    """Gives the wide frame; the query has its `dated` filled in."""
    options: tuple[str, ...]
    """Those of id_type, stage, dated and forecast that the frame has."""
    long: LongForm | None
    """None for tables, whose columns differ in meaning: they are the same in both layouts."""
    dated: Dated = "returns"
    """What `query.dated` is by default."""

    def form(self, fitted: FittedModel, query: FrameQuery) -> LongForm | None:
        """Columns of the long layout, with the id type of the query."""
        if self.long is None:
            return None
        keys, names, value = self.long

        def named(column: str) -> str:
            return fitted.id_type(query.id_type) if column == ID_TYPE else column

        return LongForm(tuple(map(named, keys)), named(names), value)


def days_of(fitted: FittedModel, query: FrameQuery) -> list[tuple[int, dt.date]]:
    """Index of the trading day of the exposures, -1 for none, and date, of each row of a frame.

    One row per trading day, whichever way it is dated: dated by returns, the first has no exposures; dated by
    exposures, the returns after the last are not known.
    """
    return shown_days(fitted.estimates.dates, query.dated or "returns", query.start, query.end)
