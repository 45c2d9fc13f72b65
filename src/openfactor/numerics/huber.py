"""Huber's loss with a concomitant scale: the scale of residuals, and rolling regressions on one variable.

Coefficients and scale s together minimise

    sum_i w_i (c s + H(e_i / s) s) + penalty,   H(z) = z^2 for |z| <= epsilon, else 2 epsilon |z| - epsilon^2,

which is convex in both. At the minimum the scale of the residuals e solves

    sum_i w_i min(e_i^2, epsilon^2 s^2) = c s^2 sum_i w_i      (plus the penalty, if that is divided by s)

The constant c says what s, and with it epsilon, means:

* c = E min(z^2, epsilon^2) for a standard normal z, as of `consistency`: Huber's Proposal 2. The scale of
  normal residuals is their standard deviation, and epsilon = 1.35 keeps 95% of the efficiency of least
  squares. This is the right constant where one is free to choose; the cross-sectional regression (`robust`)
  has it.
* c = 1 (PLAIN): Owen's form, that of scikit-learn's HuberRegressor, in whose terms the settings of rolling
  betas, epsilon and alpha, are defined. Its scale of normal residuals is below their standard deviation, by
  32% for epsilon = 1.35, so that the same epsilon cuts more residuals. `rolling_huber` has it.

References
----------
Huber, Robust Statistics (1981), chapters 6 and 7. Huber and Ronchetti, Robust Statistics, 2nd ed. (2009),
sections 6.4 (Proposal 2), 7.7 and 7.8. Owen, A robust hybrid of lasso and ridge regression, Contemporary
Mathematics 443 (2007).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
FAST = {"reassoc", "contract"}  # lets sums be vectorised; NaN and infinity keep their meaning

PLAIN = 1.0
"""The constant c of Owen and of scikit-learn."""


def consistency(epsilon: float) -> float:
    """c = E min(z^2, epsilon^2) of a standard normal z, with which the scale is consistent at the normal."""
    density = math.exp(-0.5 * epsilon**2) / math.sqrt(2.0 * math.pi)
    inside, beyond = math.erf(epsilon / math.sqrt(2.0)), math.erfc(epsilon / math.sqrt(2.0))
    return inside - 2.0 * epsilon * density + epsilon**2 * beyond


@njit(cache=True, nogil=True)
def _scale_of(squares: float, beyond: float, epsilon: float, c: float) -> float:
    """The s for which  squares + epsilon^2 s^2 beyond = c s^2,  of the weighted squares of the residuals up
    to epsilon s and the weight of the others; 0 where there is none.
    """
    left = c - epsilon * epsilon * beyond
    return math.sqrt(squares / left) if left > 0.0 else 0.0


@njit(cache=True, nogil=True)
def huber_scale(residuals: Float, weights: Float, epsilon: float, c: float, penalty: float = 0.0) -> float:
    """The scale s that minimises Huber's loss for given residuals.

    Solves  sum_i w_i min(e_i^2, epsilon^2 s^2) + penalty = c s^2,  whose left side is piecewise quadratic
    once the residuals are sorted by size.

    Parameters
    ----------
    residuals : (n,) without NaN
    weights : (n,) summing to one
    epsilon : bound of the quadratic part, in units of s
    c : as of `consistency`, or PLAIN
    penalty : sum of lambda_k f_k^2, where it is divided by s in the objective

    Returns
    -------
    s in the unit of the residuals; 0 where so much of the weight has residuals of 0 that there is no other
    solution.
    """
    squares = residuals**2
    by_size = np.argsort(squares)
    inside, within = penalty, 0.0
    for i in by_size:
        beyond = epsilon * epsilon * (1.0 - within)
        # the left side over s^2, at the s that has this residual on the bound: it falls as s grows
        if squares[i] > 0.0 and inside * epsilon**2 / squares[i] + beyond <= c:
            break
        inside += weights[i] * squares[i]
        within += weights[i]
    return _scale_of(inside, max(1.0 - within, 0.0), epsilon, c)


class Line(NamedTuple):
    """A regression of one variable with an intercept."""

    slope: float
    intercept: float
    scale: float


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
def _huber_step(y: Float, g: Float, n: int, line: Line, epsilon: float, ridge: float) -> Line:
    """One step of reweighted least squares, then one of the scale."""
    beta, intercept, scale = line.slope, line.intercept, line.scale
    limit = epsilon * scale
    sw, sg, sy, sgg, sgy = _weighted_sums(y, g, n, beta, intercept, limit)
    square = sgg - sg * sg / sw + ridge * scale
    if square > 0.0:
        beta = (sgy - sg * sy / sw) / square
    intercept = (sy - beta * sg) / sw
    squares, count = _inside(y, g, n, beta, intercept, limit)
    solution = _scale_of(squares, n - count, epsilon, n * PLAIN)
    return Line(beta, intercept, solution if solution > 0.0 else 1.5 * scale)


@njit(cache=True, nogil=True)
def _huber_t(y: Float, g: Float, n: int, line: Line, epsilon: float) -> float:
    """|slope| over its standard error: Huber, Robust Statistics (1981), equation (6.5) of chapter 7."""
    beta, intercept, scale = line.slope, line.intercept, line.scale
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
def _fill_window(returns: Float, factor: Float, t: int, window: int, y: Float, g: Float) -> int:
    """Write the last periods up to t that have both returns to y and g; returns their number."""
    n = 0
    for s in range(max(t - window + 1, 0), t + 1):
        if np.isfinite(returns[s]) and np.isfinite(factor[s]):
            y[n], g[n] = returns[s], factor[s]
            n += 1
    return n


@njit(cache=True, nogil=True)
def _fit_window(
    y: Float, g: Float, n: int, line: Line, epsilon: float, ridge: float, max_iter: int
) -> tuple[bool, Line]:
    """The regression of a window, from the line of the period before; whether that fits exactly."""
    size = 0.0
    for i in range(n):
        size += abs(y[i] - line.intercept - g[i] * line.slope)
    scale = line.scale
    if not scale > 1e-9 * size / n:
        scale = size / n
    line = Line(line.slope, line.intercept, scale)
    if scale == 0.0:  # as a line of zeros does when nothing moves
        return True, line
    for _ in range(max_iter):
        before = line
        line = _huber_step(y, g, n, before, epsilon, ridge)
        line = Line(line.slope, line.intercept, max(line.scale, 1e-12 * size / n))
        moved = abs(line.slope - before.slope) > 1e-10 * (1.0 + abs(line.slope))
        if not moved and abs(line.scale - before.scale) <= 1e-8 * line.scale:
            break
    return False, line


@njit(cache=True, nogil=True)
def rolling_huber(
    returns: Float,
    factor: Float,
    window: int,
    min_periods: int,
    epsilon: float,
    alpha: float,
    alpha_start: float,
    max_iter: int,
    critical: Float,
) -> Float:
    """Slopes (T, E) of Huber's regression with an intercept, over the last `window` periods.

    Minimises over slope b, intercept a and scale s, with c = 1,

        sum [s + H((y - a - g b) / s) s] + r b^2,   r = alpha + (alpha_start - alpha) (1 - n / window)

    with n returns in the window, by reweighted least squares from the solution of the period before, in at
    most `max_iter` steps per period.

    Parameters
    ----------
    returns : (T, E) a row per period, a column per listing; NaN where there is no return
    factor : (T,) likewise
    window : periods that count, the period itself included
    min_periods : the slope is NaN with fewer returns than that in the window
    epsilon : bound of the quadratic part, in units of s
    alpha, alpha_start : the penalty on slopes of a full window, and of an empty one
    max_iter : most steps per period
    critical : (window + 1,) a slope whose t statistic is below that of its n becomes 0; 0: no test

    References
    ----------
    As of the module, and Huber (1981), equation (6.5) of chapter 7, for the standard error.
    """
    n_periods, n_listings = returns.shape
    out = np.full((n_periods, n_listings), np.nan)
    y, g = np.empty(window), np.empty(window)
    for e in range(n_listings):
        line = Line(0.0, 0.0, 0.0)
        for t in range(n_periods):
            n = _fill_window(returns[:, e], factor, t, window, y, g)
            if n < min_periods:
                continue
            ridge = alpha + (alpha_start - alpha) * (1.0 - n / window)
            exact, line = _fit_window(y, g, n, line, epsilon, ridge, max_iter)
            out[t, e] = line.slope
            if not exact and critical[n] > 0.0 and _huber_t(y, g, n, line, epsilon) < critical[n]:
                out[t, e] = 0.0
    return out
