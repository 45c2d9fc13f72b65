"""Frames of regressions: one value per date and factor of all stages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtr

from openfactor.contract.refs import FrameQuery
from openfactor.dataset.timing import rows_before
from openfactor.exposures.conventions import LongForm
from openfactor.model.fitted import FittedModel
from openfactor.model.frames.kind import BY_FACTOR, FrameKind, days_of
from openfactor.model.wide import by_factor

Float = NDArray[np.float64]


def _frame(values: Callable[[FittedModel], Float], value: str) -> FrameKind:
    """The frame of values (T, K), each of the regression of a trading day."""

    def build(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
        days = days_of(fitted, query)
        unknown = np.full((1, len(fitted.estimates.factors)), np.nan)
        regression = [exposures + 1 for exposures, _ in days]
        shown = np.concatenate([values(fitted), unknown])[regression]
        return by_factor([date for _, date in days], fitted.estimates.factors, shown)

    return FrameKind(build, BY_FACTOR, LongForm(("date",), "factor", value))


def _p_values(fitted: FittedModel) -> Float:
    """(T, K) two-sided, under Student's distribution with n - rank degrees of freedom."""
    e = fitted.estimates
    freedom = np.maximum(e.n - e.rank, 1).T[:, e.stage]
    return 2.0 * np.asarray(stdtr(freedom, -np.abs(e.t)))


def _market_caps(fitted: FittedModel) -> Float:
    """(T, K) sum of exposure times market cap (USD) over the estimation set, as the regression used them."""
    panel, e = fitted.dataset.panel, fitted.estimates
    out = np.full(e.factor_returns.shape, np.nan)
    for s, (columns, order) in enumerate(zip(fitted.columns, fitted.order, strict=True)):
        for t in np.flatnonzero(e.n[s] > 0).tolist():
            rows = rows_before(panel, fitted.days, t)
            caps = np.where(e.weight[s][rows] > 0, np.nan_to_num(panel.market_cap[rows]), 0.0)
            total = np.zeros(len(order))
            dense, codes, loadings = columns.evaluate(rows)
            total[: len(dense)] = np.where(caps > 0, dense, 0.0) @ caps
            for code, loading in zip(codes, loadings, strict=True):
                held = (code >= 0) & (caps > 0)
                total += np.bincount(code[held], (loading * caps)[held], minlength=len(order))
            out[t, order] = total
    return out


FRAMES = {
    "factor_returns": _frame(lambda fitted: fitted.estimates.factor_returns, "factor_return"),
    "t_stats": _frame(lambda fitted: fitted.estimates.t, "t_stat"),
    "p_values": _frame(_p_values, "p_value"),
    "standard_errors": _frame(lambda fitted: fitted.estimates.standard_errors, "standard_error"),
    "vif": _frame(lambda fitted: fitted.estimates.vif, "vif"),
    "effective_names": _frame(lambda fitted: fitted.estimates.effective_names, "effective_names"),
    "market_caps": _frame(_market_caps, "market_cap"),
}
