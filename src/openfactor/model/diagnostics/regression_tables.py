"""Tables of a model's regressions and factors."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.model.fitted import FittedModel
from openfactor.model.wide import regressions
from openfactor.numerics.scores import correlations

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def regression_tables(fitted: FittedModel, period: Mask) -> dict[str, pl.DataFrame]:
    """The tables `dates`, `factors` and `factor_returns` of `diagnose`.

    Parameters
    ----------
    period
        (T,) trading days that the tables are about.
    """
    e = fitted.estimates
    returns = {name: e.factor_returns[period, k] for k, name in enumerate(e.factors)}
    dates = pl.Series(e.dates, dtype=pl.Date).filter(pl.Series(period))
    return {
        "dates": _dates(fitted, period),
        "factors": _factors(fitted, period),
        "factor_returns": pl.DataFrame({"date": dates} | returns),
    }


def _dates(fitted: FittedModel, period: Mask) -> pl.DataFrame:
    e, of_stage = fitted.estimates, fitted.estimates.stage == 0
    vif = np.where(np.isfinite(e.vif[:, of_stage]), e.vif[:, of_stage], -np.inf)
    max_vif = vif.max(axis=1, initial=-np.inf)
    without_exposure = (~e.has_exposure[:, of_stage]).sum(axis=1)
    frame = regressions(e, 0).insert_column(5, pl.Series("r2", e.r2[0]))
    frame = frame.with_columns(
        thin_categories=fitted.is_thin[:, of_stage].sum(axis=1),
        factors_without_exposure=np.where(e.estimated, without_exposure, 0),
        max_vif=np.where(np.isfinite(max_vif), max_vif, np.nan),
    ).filter(pl.Series(period))
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


def _factors(fitted: FittedModel, period: Mask) -> pl.DataFrame:
    e, year = fitted.estimates, fitted.periods_per_year
    month = max(round(year / 12), 1)
    stability = _stability(fitted, np.flatnonzero(period)[::month])
    rows = []
    t = np.where(e.has_exposure, e.t, np.nan)
    for k, name in enumerate(e.factors):
        used = e.has_exposure[:, k] & e.estimated & period
        f, tk, vif = e.factor_returns[used, k], t[used, k], e.vif[used, k]
        tk, vif = np.abs(tk[np.isfinite(tk)]), vif[np.isfinite(vif)]
        mean = year * f.mean() if len(f) else np.nan
        volatility = np.sqrt(year) * f.std(ddof=1) if len(f) > 1 else np.nan
        rows.append(
            {
                "factor": name,
                "days": len(f),
                "mean_return": mean,
                "volatility": volatility,
                "sharpe": mean / volatility if volatility > 0 else np.nan,
                "significant": np.mean(tk > 2) if len(tk) else np.nan,
                "mean_abs_t": tk.mean() if len(tk) else np.nan,
                "mean_vif": vif.mean() if len(vif) else np.nan,
                "max_vif": vif.max() if len(vif) else np.nan,
                "stability": stability[k],
            }
        )
    return pl.DataFrame(rows).with_columns(pl.col(pl.Float64).fill_nan(None))


def _stability(fitted: FittedModel, days: NDArray[np.int64]) -> Float:
    """(K,) mean over `days` of the correlation of exposures with those of the one before."""
    panel, n_factors = fitted.dataset.panel, len(fitted.estimates.pairs)
    total, count = np.zeros(n_factors), np.zeros(n_factors)
    before: tuple[NDArray[np.int32], Float] | None = None
    for t in days.tolist():
        rows = fitted.rows_on(t)
        inside = fitted.universe[rows] & panel.is_main_listing[rows]
        now = panel.listing[rows][inside], fitted.exposures_at(rows)[inside]
        if before is not None:
            _, i, j = np.intersect1d(before[0], now[0], assume_unique=True, return_indices=True)
            correlation = correlations(before[1][i], now[1][j])
            total += np.nan_to_num(correlation)
            count += np.isfinite(correlation)
        before = now
    return np.asarray(np.divide(total, count, out=np.full(n_factors, np.nan), where=count > 0))
