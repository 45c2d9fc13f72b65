"""Forecasts written as their formulas are: one day at a time, sums over the past."""

from __future__ import annotations

import numpy as np


def ewma_slowly(values: np.ndarray, halflife: float) -> float:
    """Of the last day; NaN counts for nothing."""
    total = weight = 0.0
    for age, value in enumerate(values[::-1]):
        if np.isfinite(value):
            total += 0.5 ** (age / halflife) * value
            weight += 0.5 ** (age / halflife)
    return total / weight if weight else np.nan


def _variance_slowly(returns: np.ndarray, halflife: float, lags: int, lag_halflife: float) -> np.ndarray:
    """(K,) daily variances on the last day, with a Newey-West correction where that is above zero."""
    k = returns.shape[1]
    out = np.array([ewma_slowly(returns[:, i] ** 2, halflife) for i in range(k)])
    plain = out.copy()
    for lag in range(1, min(lags, len(returns) - 1) + 1):
        for i in range(k):
            gamma = ewma_slowly(returns[lag:, i] * returns[:-lag, i], lag_halflife)
            out[i] += 2 * (1 - lag / (lags + 1)) * gamma
    return np.where(out > 0, out, plain)


def _correlation_slowly(returns: np.ndarray, halflife: float, lags: int) -> np.ndarray:
    """(K, K) on the last day."""
    k = returns.shape[1]
    out = np.zeros((k, k))
    for i in range(k):
        for j in range(k):
            out[i, j] = ewma_slowly(returns[:, i] * returns[:, j], halflife)
            for lag in range(1, min(lags, len(returns) - 1) + 1):
                share = 1 - lag / (lags + 1)
                out[i, j] += share * ewma_slowly(returns[lag:, i] * returns[:-lag, j], halflife)
                out[i, j] += share * ewma_slowly(returns[lag:, j] * returns[:-lag, i], halflife)
    scale = np.sqrt(np.diag(out))
    return out / np.outer(scale, scale)


def covariance_slowly(
    returns: np.ndarray,
    vol: float,
    cor: float,
    vra: float | None = None,
    lags_vol: int = 0,
    lag_vol: float | None = None,
    lags_cor: int = 0,
    standardized: bool = False,
) -> np.ndarray:
    """(K, K) annual covariance on the last day of `returns`; `vol`, `cor`, `vra`, `lag_vol` are
    half-lives."""
    t = len(returns)
    variances = np.array(
        [_variance_slowly(returns[: s + 1], vol, lags_vol, lag_vol or vol) for s in range(t)]
    )
    rho = _correlation_slowly(returns, cor, lags_cor)
    if standardized:
        share = cor / (cor + (vra or cor))
        other = _correlation_slowly(returns / np.sqrt(variances), cor, lags_cor)
        rho = (1 - share) * rho + share * other
    squares = [np.mean(returns[s] ** 2 / variances[s - 1]) for s in range(21, t)] if vra else []
    multiplier = ewma_slowly(np.array(squares), vra) if squares and vra else 1.0
    sigma = np.sqrt(252 * variances[-1] * multiplier)
    return rho * np.outer(sigma, sigma)


def specific_variance_slowly(
    returns: list[float],
    halflife: float,
    lags: int = 0,
    lag_halflife: float | None = None,
    covered: list[int] | None = None,
) -> float:
    """On the last of one asset's returns, none of them missing; `covered` are the days of each.

    Written out by day: a return over m days is m days of a squared return of 1/m each. Its product with an
    earlier one is m days of 1/m each, too, at the lag between the middles of both; between two lags it is
    shared out.
    """
    covered = covered or [1] * len(returns)
    ends = np.cumsum(covered)
    middles = ends - np.array(covered) / 2
    squares = [e**2 / m for e, m in zip(returns, covered, strict=True) for _ in range(m)]
    out = plain = ewma_slowly(np.array(squares), halflife)
    for lag in range(1, lags + 1):
        products = []
        for b, m in enumerate(covered):
            if ends[b] - m < lag:
                continue
            shares = [max(0.0, 1 - abs(middles[b] - middles[a] - lag)) for a in range(b)]
            total = sum(share * returns[a] * returns[b] for a, share in enumerate(shares))
            products += [total / m] * m
        if products:
            gamma = ewma_slowly(np.array(products), lag_halflife or halflife)
            out += 2 * (1 - lag / (lags + 1)) * gamma
    return out if out > 0 else plain


def pairwise_correlation_slowly(
    returns: np.ndarray, halflife: float, lags: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(K, K) on the last day, each pair over the days on which both are there, and the number of these."""
    t, k = returns.shape
    out, common = np.zeros((k, k)), np.zeros((k, k), int)

    def mean(values: list[float]) -> float:
        value = ewma_slowly(np.array(values), halflife) if values else np.nan
        return value if np.isfinite(value) else 0.0

    def gamma(a: int, b: int, lag: int) -> float:
        return mean([returns[s, a] * returns[s - lag, b] for s in range(lag, t)])

    for a in range(k):
        for b in range(k):
            both = np.isfinite(returns[:, a] * returns[:, b])
            common[a, b] = both.sum()
            total = gamma(a, b, 0)
            for lag in range(1, lags + 1):
                total += (1 - lag / (lags + 1)) * (gamma(a, b, lag) + gamma(b, a, lag))
            scale = mean(list(np.where(both, returns[:, a] ** 2, np.nan)))
            scale *= mean(list(np.where(both, returns[:, b] ** 2, np.nan)))
            out[a, b] = total / np.sqrt(scale) if scale > 0 else 0.0
    return out, common
