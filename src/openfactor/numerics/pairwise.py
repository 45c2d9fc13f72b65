"""Correlations of series that are not all there on all days: each pair over the days on which both are."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openfactor.numerics.ewma import decay

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def pairwise_correlations(
    returns: Float, halflife: float, lags: int, days: NDArray[np.int64]
) -> tuple[Float, NDArray[np.int64]]:
    """Correlations (D, K, K) as known on some days, and the number of days (D, K, K) that each rests on.

    returns : (T, K), NaN where a series is not there
    lags : of the Newey-West correction: Gamma_0 + sum_l (1 - l / (lags + 1)) (Gamma_l + Gamma_l'), in units
        of the root mean squares over the days of Gamma_0
    days : (D,) ascending, perhaps repeated

    With exponential weights lambda^(t - s), normalised over the days of the pair; nothing is demeaned. 0
    where a pair has no day. Not positive semi-definite where pairs rest on different days.
    """
    k = returns.shape[1]
    out, common = np.empty((len(days), k, k)), np.empty((len(days), k, k), np.int64)
    _pairwise(np.ascontiguousarray(returns), decay(halflife), lags, days, out, common)
    return out, common


@njit(cache=True, nogil=True)
def _pairwise(
    returns: Float, x: float, lags: int, days: NDArray[np.int64], out: Float, common: NDArray[np.int64]
) -> None:
    k = returns.shape[1]
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
                    carried = x * weight[lag, a, b]
                    weight[lag, a, b] = carried
                    if not (np.isfinite(first) and np.isfinite(second)):
                        continue
                    weight[lag, a, b] = carried + 1.0
                    keep, add = carried / (carried + 1.0), 1.0 / (carried + 1.0)
                    mean[lag, a, b] = keep * mean[lag, a, b] + add * (first * second)
                    if lag == 0:
                        square[a, b] = keep * square[a, b] + add * (first * first)
                        n[a, b] += 1
        while d < len(days) and t == days[d]:
            for a in range(k):
                for b in range(k):
                    total = mean[0, a, b]
                    for lag in range(1, lags + 1):
                        share = 1.0 - lag / (lags + 1.0)
                        total += share * (mean[lag, a, b] + mean[lag, b, a])
                    scale = np.sqrt(square[a, b]) * np.sqrt(square[b, a])
                    out[d, a, b] = total / scale if scale > 0.0 else 0.0
                    common[d, a, b] = n[a, b]
            d += 1


def complete_correlation(
    correlation: Float, common: NDArray[np.int64], enough: int, group: NDArray[np.int64], known: Mask
) -> Float:
    """A correlation matrix (K, K) in which what rests on fewer than `enough` days is taken from the groups.

    A series with fewer days is as correlated with others as the mean of the standardised series of its group
    that have enough is, plus something of its own; uncorrelated where there are none. Two series with enough
    days that share fewer are as correlated as their groups are on average.

    common : (K, K) days of each pair, of each series on the diagonal
    group : (K,); known : (K,) series that are there at all; others are uncorrelated with everything
    """
    old = np.diag(common) >= enough
    among = np.flatnonzero(old)
    block = correlation[np.ix_(among, among)].copy()
    few = common[np.ix_(among, among)] < enough
    if few.any():
        block = _with_means_of_groups(block, few, group[among])
    own_variance = np.diag(block).copy()
    scale = np.where(own_variance > 0, own_variance, 1.0) ** -0.5
    block *= scale[:, None] * scale[None, :]
    np.fill_diagonal(block, 1.0)
    mix = np.zeros((len(correlation), len(among)))
    mix[among, np.arange(len(among))] = 1.0
    for k in np.flatnonzero(~old & known):
        mates = group[among] == group[k]
        mix[k, mates] = 1.0 / max(int(mates.sum()), 1)
    out = mix @ block @ mix.T
    np.fill_diagonal(out, 1.0)
    return np.asarray(out)


def _with_means_of_groups(block: Float, few: Mask, group: NDArray[np.int64]) -> Float:
    """The mean over the other pairs of the same two groups for each pair that is in `few`."""
    counted = ~few & ~np.eye(len(block), dtype=bool)
    members = (group[:, None] == np.unique(group)[None, :]).astype(float)
    total = members.T @ np.where(counted, block, 0.0) @ members
    number = members.T @ counted.astype(float) @ members
    means = np.divide(total, number, out=np.zeros(total.shape), where=number > 0)
    return np.asarray(np.where(few, members @ means @ members.T, block))
