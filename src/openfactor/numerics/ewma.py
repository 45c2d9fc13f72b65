"""Exponentially weighted means of squares and products, as they were known on each day.

Weights of the days up to t are lambda^(t - s), lambda = 2^(-1 / half-life), divided by their sum over the
history that there is; nothing is demeaned and day t counts.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]


def decay(halflife: float) -> float:
    """What the weight of a day is multiplied by from one day to the next."""
    return float(2.0 ** (-1.0 / halflife))


def effective_number(halflife: float, n: NDArray[np.int64]) -> Float:
    """Equally weighted days that say as much as the last n days: (sum w)^2 / sum w^2; n without decay."""
    rate = np.log(2.0) / halflife
    if rate * np.max(n, initial=1) < 1e-6:  # to the last digit but six as many as there are
        return np.asarray(n, np.float64)
    lost, lost_all = -np.expm1(-rate), -np.expm1(-rate * n)  # 1 - x and 1 - x^n
    return np.asarray(lost_all * (2.0 - lost) / ((2.0 - lost_all) * lost))


def ewma(values: Float, halflife: float) -> Float:
    """The mean (T, ...) of `values` (T, ...) as known on each day; NaN does not count.

    A day without a value leaves the mean and lowers the weights of what came before, as
    `pandas.Series.ewm(halflife, ignore_na=False).mean()` does.
    """
    columns = int(np.prod(values.shape[1:]))
    flat = np.ascontiguousarray(values, np.float64).reshape(len(values), columns)
    return _ewma(flat, decay(halflife)).reshape(values.shape)


@njit(cache=True, nogil=True)
def _ewma(values: Float, x: float) -> Float:
    n, m = values.shape
    out = np.empty((n, m))
    mean, weight = np.full(m, np.nan), np.zeros(m)
    for t in range(n):
        for k in range(m):
            weight[k] *= x
            if np.isfinite(values[t, k]):
                # the mean itself is carried, so that it outlives its weight in a long gap
                before = mean[k] if weight[k] > 0.0 else 0.0
                mean[k] = (weight[k] * before + values[t, k]) / (weight[k] + 1.0)
                weight[k] += 1.0
            out[t, k] = mean[k]
    return out


def ewma_products(returns: Float, halflife: float, lag: int = 0) -> Float:
    """The mean (T, K, K) of the products r_s,k r_(s - lag),l over s <= t of `returns` (T, K).

    Over the days s that have an earlier one; NaN before there is one.
    """
    return _ewma_products(np.ascontiguousarray(returns), decay(halflife), lag)


@njit(cache=True, nogil=True)
def _ewma_products(returns: Float, x: float, lag: int) -> Float:
    n, k = returns.shape
    out = np.empty((n, k, k))
    out[:lag] = np.nan
    weight = 0.0
    for t in range(lag, n):
        # out[t] = (x weight out[t - 1] + r r') / (x weight + 1): the mean itself is carried
        carried = x * weight
        weight = carried + 1.0
        keep, add = carried / weight, 1.0 / weight
        before = out[t - 1] if t > lag else np.zeros((k, k))
        for a in range(k):
            for b in range(k):  # in an order that leaves lag 0 symmetric to the last bit
                out[t, a, b] = keep * before[a, b] + add * (returns[t, a] * returns[t - lag, b])
    return out


def ewma_covariances(returns: Float, halflife: float, volatility: Float) -> Float:
    """Covariances (T, K, K) with the given volatilities (T, K) and the correlations of `ewma_products`.

    The same as scaling those, in one pass. A column without variance has no covariance.
    """
    return _ewma_covariances(np.ascontiguousarray(returns), decay(halflife), volatility)


@njit(cache=True, nogil=True)
def _ewma_covariances(returns: Float, x: float, volatility: Float) -> Float:
    n, k = returns.shape
    out = np.empty((n, k, k))
    mean, scale, weight = np.zeros((k, k)), np.zeros(k), 0.0
    for t in range(n):
        carried = x * weight
        weight = carried + 1.0
        keep, add = carried / weight, 1.0 / weight
        for a in range(k):
            for b in range(k):
                mean[a, b] = keep * mean[a, b] + add * (returns[t, a] * returns[t, b])
            scale[a] = volatility[t, a] / np.sqrt(mean[a, a]) if mean[a, a] > 0.0 else 0.0
        for a in range(k):
            for b in range(k):
                out[t, a, b] = mean[a, b] * (scale[a] * scale[b])
            out[t, a, a] = volatility[t, a] * volatility[t, a]
    return out


def weighted_products(returns: Float, halflife: float, lag: int = 0) -> Float:
    """The last day (K, K) of `ewma_products`, at the cost of that day."""
    n = len(returns) - lag
    if n < 1:
        return np.full((returns.shape[1],) * 2, np.nan)
    weights = decay(halflife) ** np.arange(n - 1, -1, -1.0)
    weights /= weights.sum()
    return np.asarray((returns[lag:] * weights[:, None]).T @ returns[:n])


def newey_west(returns: Float, halflife: float, lags: int, lag_halflife: float | None = None) -> Float:
    """Variance (T, K) of each column, corrected for autocorrelation.

    gamma_0 + 2 sum_l (1 - l / (lags + 1)) gamma_l, gamma_l the mean of r_s r_(s - l) with half-life
    `lag_halflife` (by default `halflife`) for l >= 1. Not above zero where the estimate is not.

    Source: Newey and West, A simple, positive semi-definite, heteroskedasticity and autocorrelation
    consistent covariance matrix, Econometrica 55 (1987), with exponential weights.
    """
    total = ewma(returns**2, halflife)
    for lag in range(1, min(lags, len(returns) - 1) + 1):
        products = np.full(returns.shape, np.nan)
        products[lag:] = returns[lag:] * returns[:-lag]
        gamma = ewma(products, lag_halflife or halflife)
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * np.where(np.isnan(gamma), 0.0, gamma)
    return total
