"""Exponentially weighted means of squares and products, as they were known on each day.

A day has the weight lambda of the day after it, lambda = 2^(-1 / half-life); weights are divided by their sum
over the history so far. Nothing is demeaned, and the day itself counts. Means of squared daily returns
are daily variances, in the square of the returns' unit; nothing here is annualised.

All recursions carry the mean itself, m <- (x W m + v) / (x W + 1) with the weight W so far, so that it
outlives its weight in a long gap. They are in one file because a kernel must not call one of another file
(see `normal_equations`).

Newey-West corrections are  gamma_0 + sum_l b_l (gamma_l + gamma_l')  with the weights b of
`bartlett_weights`, for single series (`newey_west_variances`), for whole matrices (`newey_west_products`),
for pairs of series (`pairwise.pairwise_correlations`) and for returns over several days
(`specific_variance`).

References
----------
Newey and West, A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance
matrix, Econometrica 55 (1987); here with exponential weights.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def decay(halflife: float) -> float:
    """lambda of a half-life in days: the weight of a day over that of the next one."""
    return float(2.0 ** (-1.0 / halflife))


def ewma_weights(n: int, halflife: float) -> Float:
    """Weights (n,) of n days, the last one the latest, summing to one."""
    weights = decay(halflife) ** np.arange(n - 1, -1, -1.0)
    return np.asarray(weights / weights.sum())


def bartlett_weights(lags: int) -> Float:
    """Weights (lags,) 1 - l / (lags + 1) of the autocovariances of lags l = 1, 2, ..., lags."""
    return np.asarray(1.0 - np.arange(1, lags + 1) / (lags + 1.0))


def effective_number(halflife: float, n: Int) -> Float:
    """Equally weighted days that say as much as the last n days: (sum w)^2 / sum w^2; n without decay."""
    rate = np.log(2.0) / halflife
    if rate * np.max(n, initial=1) < 1e-6:  # no decay to speak of
        return np.asarray(n, np.float64)
    lost, lost_all = -np.expm1(-rate), -np.expm1(-rate * n)  # 1 - x and 1 - x^n
    return np.asarray(lost_all * (2.0 - lost) / ((2.0 - lost_all) * lost))


@njit(cache=True, nogil=True)
def _shares(weight: float, x: float) -> tuple[float, float, float]:
    """A day more: the weight with it, and the shares of the mean before and of the day's value in the new
    mean.
    """
    carried = x * weight
    weight = carried + 1.0
    return weight, carried / weight, 1.0 / weight


def ewma_means(values: Float, halflife: float) -> Float:
    """The mean (T, ...) of `values` (T, ...) as known on each day; NaN before the first value.

    A day with NaN leaves the mean and lowers the weights of what came before, as
    `pandas.Series.ewm(halflife, ignore_na=False).mean()` does.
    """
    columns = int(np.prod(values.shape[1:]))
    flat = np.ascontiguousarray(values, np.float64).reshape(len(values), columns)
    return _ewma_means(flat, decay(halflife)).reshape(values.shape)


@njit(cache=True, nogil=True)
def _ewma_means(values: Float, x: float) -> Float:
    n, m = values.shape
    out = np.empty((n, m))
    mean, weight = np.full(m, np.nan), np.zeros(m)
    for t in range(n):
        for k in range(m):
            if np.isfinite(values[t, k]):
                before = mean[k] if weight[k] > 0.0 else 0.0
                weight[k], keep, add = _shares(weight[k], x)
                mean[k] = keep * before + add * values[t, k]
            else:
                weight[k] *= x
            out[t, k] = mean[k]
    return out


@njit(cache=True, nogil=True)
def _blend_products(before: Float, keep: float, add: float, first: Float, second: Float, out: Float) -> None:
    """out = keep before + add first second', (K, K); `out` may be `before`. In an order that leaves the
    products of a vector with itself symmetric to the last bit.
    """
    for a in range(len(first)):
        for b in range(len(second)):
            out[a, b] = keep * before[a, b] + add * (first[a] * second[b])


def ewma_products(returns: Float, halflife: float, lag: int = 0) -> Float:
    """The mean (T, K, K) of the products r_s,k r_(s - lag),l over s <= t of `returns` (T, K) without NaN.

    Over the days s that have an earlier one; NaN before there is one.
    """
    return _ewma_products(np.ascontiguousarray(returns), decay(halflife), lag)


@njit(cache=True, nogil=True)
def _ewma_products(returns: Float, x: float, lag: int) -> Float:
    n, k = returns.shape
    out = np.empty((n, k, k))
    out[:lag] = np.nan
    weight, before = 0.0, np.zeros((k, k))
    for t in range(lag, n):
        weight, keep, add = _shares(weight, x)
        _blend_products(before, keep, add, returns[t], returns[t - lag], out[t])
        before = out[t]
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
        weight, keep, add = _shares(weight, x)
        _blend_products(mean, keep, add, returns[t], returns[t], mean)
        for a in range(k):
            scale[a] = volatility[t, a] / np.sqrt(mean[a, a]) if mean[a, a] > 0.0 else 0.0
        for a in range(k):
            for b in range(k):
                out[t, a, b] = mean[a, b] * (scale[a] * scale[b])
            out[t, a, a] = volatility[t, a] * volatility[t, a]
    return out


def weighted_products(returns: Float, halflife: float, lag: int = 0) -> Float:
    """The last day (K, K) of `ewma_products`, at the cost of that day: one weighted product of matrices."""
    n = len(returns) - lag
    if n < 1:
        return np.full((returns.shape[1],) * 2, np.nan)
    return np.asarray((returns[lag:] * ewma_weights(n, halflife)[:, None]).T @ returns[:n])


def newey_west_variances(
    returns: Float, halflife: float, lags: int, lag_halflife: float | None = None
) -> Float:
    """Variance (T, K) of each column of `returns` (T, K), corrected for autocorrelation.

    gamma_0 + 2 sum_l b_l gamma_l, gamma_l the mean of r_s r_(s - l) with half-life `lag_halflife` (by default
    `halflife`) for l >= 1. Not above zero where the estimate is not. NaN returns count for nothing.
    """
    total = ewma_means(returns**2, halflife)
    for lag, share in enumerate(bartlett_weights(lags)[: max(len(returns) - 1, 0)], 1):
        products = np.full(returns.shape, np.nan)
        products[lag:] = returns[lag:] * returns[:-lag]
        gamma = ewma_means(products, lag_halflife or halflife)
        total += 2.0 * share * np.where(np.isnan(gamma), 0.0, gamma)
    return total


def newey_west_products(returns: Float, halflife: float, lags: int, days: Int) -> Float:
    """Gamma_0 + sum_l b_l (Gamma_l + Gamma_l') (D, K, K) of `returns` (T, K) without NaN, as known on some
    days.

    Of several days by recursion, of a single one on its own (`weighted_products`); both agree to rounding.

    Parameters
    ----------
    days : (D,) ascending indices of days
    """
    total = _products_on(returns, halflife, 0, days)
    for lag, share in enumerate(bartlett_weights(lags)[: max(len(returns) - 1, 0)], 1):
        gamma = np.nan_to_num(_products_on(returns, halflife, lag, days))
        total += share * (gamma + gamma.transpose(0, 2, 1))
    return total


def _products_on(returns: Float, halflife: float, lag: int, days: Int) -> Float:
    if len(days) == 1:
        return weighted_products(returns[: days[0] + 1], halflife, lag)[None]
    return ewma_products(returns[: days[-1] + 1], halflife, lag)[days]


@njit(cache=True, nogil=True)
def ewma_pairs(returns: Float, x: float, lag_weights: Float, days: Int, out: Float, common: Int) -> None:
    """Newey-West correlations of each pair of series over the days that both have.

    Parameters
    ----------
    returns : (T, K) NaN on days that a series does not have
    x : decay per day
    lag_weights : (lags,) as of `bartlett_weights`
    days : (D,) ascending, perhaps repeated
    out : (D, K, K) receives the correlations, as of `pairwise.pairwise_correlations`
    common : (D, K, K) receives the number of days of each pair
    """
    k, lags = returns.shape[1], len(lag_weights)
    mean, weight = np.zeros((lags + 1, k, k)), np.zeros((lags + 1, k, k))
    square = np.zeros((k, k))  # of row's series over the days of the pair
    n = np.zeros((k, k), np.int64)
    d = 0
    for t in range(days[-1] + 1 if len(days) else 0):
        for lag in range(min(lags, t) + 1):
            for a in range(k):
                first = returns[t, a]
                for b in range(k):
                    second = returns[t - lag, b]
                    if not (np.isfinite(first) and np.isfinite(second)):
                        weight[lag, a, b] *= x
                        continue
                    weight[lag, a, b], keep, add = _shares(weight[lag, a, b], x)
                    mean[lag, a, b] = keep * mean[lag, a, b] + add * (first * second)
                    if lag == 0:
                        square[a, b] = keep * square[a, b] + add * (first * first)
                        n[a, b] += 1
        while d < len(days) and t == days[d]:
            _scale_pairs(mean, square, lag_weights, out[d])
            common[d] = n
            d += 1


@njit(cache=True, nogil=True)
def _scale_pairs(mean: Float, square: Float, lag_weights: Float, out: Float) -> None:
    """Correlations (K, K) from the mean products (lags + 1, K, K); 0 where a pair has no day."""
    for a in range(len(out)):
        for b in range(len(out)):
            total = mean[0, a, b]
            for lag in range(1, len(lag_weights) + 1):
                total += lag_weights[lag - 1] * (mean[lag, a, b] + mean[lag, b, a])
            scale = np.sqrt(square[a, b]) * np.sqrt(square[b, a])
            out[a, b] = total / scale if scale > 0.0 else 0.0
