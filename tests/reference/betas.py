"""Rolling betas, one window at a time, with other tools than the product's."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
from scipy import optimize


def added_up(series: np.ndarray, overlap: int) -> np.ndarray:
    out = np.full(len(series), np.nan)
    for t in range(overlap - 1, len(series)):
        out[t] = series[t - overlap + 1 : t + 1].sum()
    return out


def ols(y: np.ndarray, g: np.ndarray, window: int, overlap: int, least: int) -> np.ndarray:
    y, g = added_up(y, overlap), added_up(g, overlap)
    out = np.full(len(y), np.nan)
    for t in range(len(y)):
        s = slice(max(t - window + 1, 0), t + 1)
        both = np.isfinite(y[s]) & np.isfinite(g[s])
        if both.sum() >= least:
            out[t] = np.polyfit(g[s][both], y[s][both], 1)[0]
    return out


def huber(y: np.ndarray, g: np.ndarray, epsilon: float, alpha: float) -> np.ndarray:
    """Slope, intercept and scale that minimise the objective, by a general optimiser."""

    def objective(p: np.ndarray) -> float:
        scale = np.exp(p[2])
        z = np.abs(y - p[1] - g * p[0]) / scale
        h = np.where(z <= epsilon, z**2, 2 * epsilon * z - epsilon**2)
        return float(np.sum(scale + h * scale) + alpha * p[0] ** 2)

    b, c = np.polyfit(g, y, 1)
    start = np.array([b, c, np.log((y - c - g * b).std() + 1e-12)])
    for _ in range(5):
        start = optimize.minimize(
            objective, start, method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-16, "maxiter": 4000}
        ).x
    return np.array([start[0], start[1], np.exp(start[2])])


def factor_since(values: dict[dt.date, float], start: dt.date, end: dt.date) -> float:
    """What a factor returns after `start` up to and with `end`; NaN if it has no value in between."""
    growth = math.nan
    for date, value in values.items():
        if start < date <= end:
            growth = (1.0 if math.isnan(growth) else growth) * (1.0 + value)
    return growth - 1.0
