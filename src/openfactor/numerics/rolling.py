"""Rolling univariate regressions of many return series on one.

Series are (T, E): a row a period, a column a name, NaN where there is no return. The slope of period t uses
periods up to and with t.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
FAST = {"reassoc", "contract"}  # lets sums be vectorised; NaN and infinity keep their meaning


@njit(cache=True, nogil=True)
def _add_up(series: Float, overlap: int) -> Float:
    """(T,) sums over the last `overlap` periods, NaN where one is missing."""
    out = np.full(len(series), np.nan)
    for t in range(overlap - 1, len(series)):
        total = 0.0
        for s in range(overlap):
            total += series[t - s]
        out[t] = total
    return out


@njit(cache=True, nogil=True)
def rolling_ols(returns: Float, factor: Float, window: int, overlap: int, least: int) -> Float:
    """Slopes (T, E) of ordinary least squares with an intercept.

    Both sides are added up over `overlap` periods, to let slow prices catch up (Scholes and Williams,
    Journal of Financial Economics 5, 1977, and Dimson, ibid. 7, 1979, treat the same bias). The last `window`
    sums count; NaN where fewer than `least` of them are there on both sides, or the factor does not vary.
    """
    n_periods, n_names = returns.shape
    out = np.full((n_periods, n_names), np.nan)
    g = _add_up(factor, overlap)
    for e in range(n_names):
        y = _add_up(returns[:, e], overlap)
        for t in range(n_periods):
            n, mean_y, mean_g = 0, 0.0, 0.0
            first = max(t - window + 1, 0)
            for s in range(first, t + 1):
                if np.isfinite(y[s]) and np.isfinite(g[s]):
                    n += 1
                    mean_y += y[s]
                    mean_g += g[s]
            if n < least:
                continue
            mean_y /= n
            mean_g /= n
            cross, square, size = 0.0, 0.0, 0.0
            for s in range(first, t + 1):
                if np.isfinite(y[s]) and np.isfinite(g[s]):
                    d = g[s] - mean_g
                    cross += d * (y[s] - mean_y)
                    square += d * d
                    size += g[s] * g[s]
            if square > 1e-24 * size:
                out[t, e] = cross / square
    return out


@njit(cache=True, nogil=True, fastmath=FAST)
def _weighted_sums(
    y: Float, g: Float, n: int, beta: float, intercept: float, limit: float
) -> tuple[float, float, float, float, float]:
    """Sums of w, w g, w y, w g g and w g y; w is 1 for residuals up to the limit, else limit / residual."""
    sw, sg, sy, sgg, sgy = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        r = abs(y[i] - intercept - g[i] * beta)
        w = limit / max(r, limit)
        sw += w
        sg += w * g[i]
        sy += w * y[i]
        sgg += w * g[i] * g[i]
        sgy += w * g[i] * y[i]
    return sw, sg, sy, sgg, sgy


@njit(cache=True, nogil=True, fastmath=FAST)
def _inside(y: Float, g: Float, n: int, beta: float, intercept: float, limit: float) -> tuple[float, float]:
    """Sum of squares and number of the residuals up to the limit."""
    squares, count = 0.0, 0.0
    for i in range(n):
        r = abs(y[i] - intercept - g[i] * beta)
        inside = 1.0 if r <= limit else 0.0
        squares += inside * r * r
        count += inside
    return squares, count


@njit(cache=True, nogil=True)
def _huber_step(
    y: Float, g: Float, n: int, beta: float, intercept: float, scale: float, epsilon: float, alpha: float
) -> tuple[float, float, float]:
    """One step of reweighted least squares, then of the scale."""
    limit = epsilon * scale
    sw, sg, sy, sgg, sgy = _weighted_sums(y, g, n, beta, intercept, limit)
    square = sgg - sg * sg / sw + alpha * scale
    if square > 0.0:
        beta = (sgy - sg * sy / sw) / square
    intercept = (sy - beta * sg) / sw
    squares, count = _inside(y, g, n, beta, intercept, limit)
    left = n - epsilon * epsilon * (n - count)
    scale = np.sqrt(squares / left) if left > 0.0 and squares > 0.0 else 1.5 * scale
    return beta, intercept, scale


@njit(cache=True, nogil=True)
def _huber_t(
    y: Float, g: Float, n: int, beta: float, intercept: float, scale: float, epsilon: float
) -> float:
    """|slope| over its standard error: Huber, Robust Statistics (1981), equation (6.5) of chapter 7."""
    mean, psi_squares, inside = 0.0, 0.0, 0
    for i in range(n):
        r = y[i] - intercept - g[i] * beta
        mean += g[i] / n
        if abs(r) <= epsilon * scale:
            inside += 1
            psi_squares += r * r
        else:
            psi_squares += (epsilon * scale) ** 2
    square = 0.0
    for i in range(n):
        square += (g[i] - mean) ** 2
    share = inside / n
    if share == 0.0 or square == 0.0 or n <= 2:
        return 0.0
    correction = 1.0 + 2.0 / n * (1.0 - share) / share
    variance = correction**2 * psi_squares / (n - 2) / share**2 / square
    return abs(beta) / np.sqrt(variance) if variance > 0.0 else np.inf


@njit(cache=True, nogil=True)
def rolling_huber(
    returns: Float,
    factor: Float,
    window: int,
    least: int,
    epsilon: float,
    alpha: float,
    alpha_start: float,
    max_iter: int,
    critical: Float,
) -> Float:
    """Slopes (T, E) of Huber's regression with an intercept, over the last `window` periods.

    Minimises over slope b, intercept c and scale s

        sum [s + H((y - c - g b) / s) s] + a b^2,   H(z) = z^2 for |z| <= k, else 2 k |z| - k^2,  k = epsilon

    by reweighted least squares, from the solution of the period before, in at most `max_iter` steps. With n
    returns in the window, a = alpha + (alpha_start - alpha) (1 - n / window). NaN with fewer than `least`
    returns.

    critical : (window + 1,) a slope whose t statistic is below that of its n becomes 0; 0: no test

    Source: Huber and Ronchetti, Robust Statistics, 2nd ed. (2009), 7.7-7.8; Owen, A robust hybrid of lasso
    and ridge regression, Contemporary Mathematics 443 (2007).
    """
    n_periods, n_names = returns.shape
    out = np.full((n_periods, n_names), np.nan)
    y, g = np.empty(window), np.empty(window)
    for e in range(n_names):
        beta, intercept, scale = 0.0, 0.0, 0.0
        for t in range(n_periods):
            n = 0
            for s in range(max(t - window + 1, 0), t + 1):
                if np.isfinite(returns[s, e]) and np.isfinite(factor[s]):
                    y[n], g[n] = returns[s, e], factor[s]
                    n += 1
            if n < least:
                continue
            size = 0.0
            for i in range(n):
                size += abs(y[i] - intercept - g[i] * beta)
            if not scale > 1e-9 * size / n:
                scale = size / n
            if scale == 0.0:  # the last solution fits exactly, as 0 does when nothing moves
                out[t, e] = beta
                continue
            ridge = alpha + (alpha_start - alpha) * (1.0 - n / window)
            for _ in range(max_iter):
                before = beta, scale
                beta, intercept, scale = _huber_step(y, g, n, beta, intercept, scale, epsilon, ridge)
                scale = max(scale, 1e-12 * size / n)
                moved = abs(beta - before[0]) > 1e-10 * (1.0 + abs(beta))
                if not moved and abs(scale - before[1]) <= 1e-8 * scale:
                    break
            out[t, e] = beta
            if critical[n] > 0.0 and _huber_t(y, g, n, beta, intercept, scale, epsilon) < critical[n]:
                out[t, e] = 0.0
    return out
