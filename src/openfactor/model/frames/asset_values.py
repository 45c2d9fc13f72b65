"""Frames of one value per date and asset, and of memberships."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.contract.refs import Dated, FrameQuery
from openfactor.exposures.asset_columns import by_asset
from openfactor.exposures.conventions import LongForm
from openfactor.model.fitted import FittedModel
from openfactor.model.frames.kind import BY_ASSET, ID_TYPE, FrameKind, days_of

Values = Callable[[FittedModel, FrameQuery], NDArray[Any]]
"""Gives (rows,) values parallel to the panel's rows."""


def _frame(values: Values, value: str, *, stages: bool = False, dated: Dated = "returns") -> FrameKind:
    """The frame of values that the rows of a day's exposures have for the returns after it."""

    def build(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
        return _built(fitted, query, values(fitted, query), np.nan)

    options = (*BY_ASSET, "stage") if stages else BY_ASSET
    return FrameKind(build, options, LongForm(("date",), ID_TYPE, value), dated)


def _membership(members: Values, *, stages: bool = False) -> FrameKind:
    """The frame of members by the values of a day; the long layout lists them."""

    def build(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
        return _built(fitted, query, members(fitted, query), False)

    options = (*BY_ASSET, "stage") if stages else BY_ASSET
    return FrameKind(build, options, LongForm(("date",), ID_TYPE, None), "exposures")


def _built(
    fitted: FittedModel, query: FrameQuery, values: NDArray[Any], missing: float | bool
) -> pl.DataFrame:
    days = [
        (date, fitted.rows_on(exposures) if exposures >= 0 else slice(0, 0))
        for exposures, date in days_of(fitted, query)
    ]
    return by_asset(
        fitted.dataset, fitted.universe, days, lambda rows: values[rows], fitted.id_type(query.id_type),
        missing=missing,
    )  # fmt: skip


def _asset_returns(fitted: FittedModel, query: FrameQuery) -> NDArray[Any]:
    return fitted.estimates.asset_return


def _specific_returns(fitted: FittedModel, query: FrameQuery) -> NDArray[Any]:
    return fitted.estimates.specific_return


def _weights(fitted: FittedModel, query: FrameQuery) -> NDArray[Any]:
    weight = fitted.estimates.weight[fitted.stage_index(query.stage)]
    return np.where(weight > 0, weight, np.nan)


FRAMES = {
    "asset_returns": _frame(_asset_returns, "asset_return"),
    "future_asset_returns": _frame(_asset_returns, "asset_return", dated="exposures"),
    "specific_returns": _frame(_specific_returns, "specific_return"),
    "weights": _frame(_weights, "weight", stages=True),
    "universe": _membership(lambda fitted, query: fitted.universe),
    "estimation_universe": _membership(
        lambda fitted, query: fitted.estimation[fitted.stage_index(query.stage)], stages=True
    ),
}
