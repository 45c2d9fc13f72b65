"""Measures of a forecast from standardised returns z = r_(t+1) / sigma_t.

Sources: Connor, Goldberg and Korajczyk, Portfolio Risk Analysis (2010), chapter 13 (bias statistic);
Menchero, Wang and Orr, USE4: empirical notes (2011) (MRAD); Patton, Volatility forecast comparison using
imperfect proxies, Journal of Econometrics 160 (2011) (QLIKE).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Float = NDArray[np.float64]
BOUND = 1.96
"""Normal returns are further out than this many standard deviations on 5% of the days."""


def bias_statistic(z: Float) -> Float:
    """Standard deviation (B,) of each column of z (T, B), NaN left out; above 1 the forecast is too low."""
    known = np.isfinite(z)
    n = known.sum(axis=0)
    filled = np.where(known, z, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    squares = np.where(known, (z - mean) ** 2, 0.0).sum(axis=0)
    return np.asarray(np.sqrt(np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)))


def band(z: Float) -> Float:
    """(B,) half-width sqrt(2 / T) of the 95% band about 1 of the bias statistic of normal returns."""
    n = np.isfinite(z).sum(axis=0)
    return np.asarray(np.sqrt(np.divide(2.0, n, out=np.full(len(n), np.nan), where=n > 0)))


def rolling_bias(z: Float, window: int) -> Float:
    """(T, B) bias statistic of the `window` values that end on each date; NaN where there are fewer, and on
    dates without a value.
    """
    out = np.full(z.shape, np.nan)
    for b, column in enumerate(z.T):
        dates = np.flatnonzero(np.isfinite(column))
        if len(dates) >= window:
            runs = np.lib.stride_tricks.sliding_window_view(column[dates], window)
            out[dates[window - 1 :], b] = runs.std(axis=1, ddof=1)
    return out


def rolling_deviation(rolling: Float) -> Float:
    """(B,) mean absolute deviation from 1 of rolling bias statistics (T, B) (MRAD).

    NaN where there is none. Normal returns with right forecasts have about 0.8 / sqrt(2 window).
    """
    out = np.full(rolling.shape[1], np.nan)
    for b, column in enumerate(rolling.T):
        values = column[np.isfinite(column)]
        if len(values):
            out[b] = np.abs(values - 1.0).mean()
    return out


def losses(z: Float) -> Float:
    """z^2 - ln z^2 - 1 of each value; 0 where there is none or z is exactly zero."""
    used = np.isfinite(z) & (z != 0)
    squares = np.where(used, z, 1.0) ** 2
    return np.asarray(np.where(used, squares - np.log(squares) - 1.0, 0.0))


def quasi_likelihood(z: Float) -> Float:
    """(B,) mean of `losses` (QLIKE), less is better; 1.27 is what normal returns with right forecasts have.

    Returns of exactly zero are left out.
    """
    n = (np.isfinite(z) & (z != 0)).sum(axis=0)
    return np.asarray(
        np.divide(losses(z).sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0)
    )  # fmt: skip


def exceedance_rate(z: Float) -> Float:
    """(B,) share of the days on which |z| is above 1.96; 5% if returns are normal and forecasts right."""
    n = np.isfinite(z).sum(axis=0)
    with np.errstate(invalid="ignore"):
        exceeded = (np.abs(z) > BOUND).sum(axis=0)
    return np.asarray(np.divide(exceeded, n, out=np.full(len(n), np.nan), where=n > 0))


def table(names: list[str], z: Float, rolling: Float) -> pl.DataFrame:
    """portfolio, days, bias, band, exceedance_rate, mrad and qlike of each column of z (T, B).

    Parameters
    ----------
    rolling
        (T, B) rolling bias statistics.
    """
    return pl.DataFrame(
        {
            "portfolio": pl.Series(names, dtype=pl.String),
            "days": np.isfinite(z).sum(axis=0),
            "bias": bias_statistic(z),
            "band": band(z),
            "exceedance_rate": exceedance_rate(z),
            "mrad": rolling_deviation(rolling),
            "qlike": quasi_likelihood(z),
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
