"""Correlations of series with gaps: each pair over the days that both series have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics.ewma import bartlett_weights, decay, ewma_pairs

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Int = NDArray[np.int64]


def pairwise_correlations(returns: Float, halflife: float, lags: int, days: Int) -> tuple[Float, Int]:
    """Correlations as known on some days, each pair over the days that both series have.

    With exponential weights lambda^(t - s), normalised over the days of the pair; nothing is demeaned. The
    Newey-West sum Gamma_0 + sum_l b_l (Gamma_l + Gamma_l') is in units of the root mean squares over the
    days of Gamma_0.

    Parameters
    ----------
    returns : (T, K) NaN on days that a series does not have
    halflife : in days
    lags : of the Newey-West correction; 0: none
    days : (D,) ascending, perhaps repeated

    Returns
    -------
    Correlations (D, K, K), 0 where a pair has no day, and the number of days (D, K, K) that each rests on.
    Not positive semi-definite where pairs rest on different days.
    """
    k = returns.shape[1]
    out, common = np.empty((len(days), k, k)), np.empty((len(days), k, k), np.int64)
    ewma_pairs(np.ascontiguousarray(returns), decay(halflife), bartlett_weights(lags), days, out, common)
    return out, common


def complete_correlation(correlation: Float, common: Int, min_days: int, group: Int, present: Mask) -> Float:
    """A correlation matrix in which whatever rests on fewer than `min_days` days is taken from the groups.

    A young series, one with fewer days, is as correlated with others as the mean of the standardised old
    series of its group is, plus something of its own; uncorrelated where there are none. Two old series that
    share fewer days are as correlated as their groups are on average.

    Parameters
    ----------
    correlation : (K, K)
    common : (K, K) days of each pair, of each series on the diagonal
    min_days : days that are enough
    group : (K,) code of each series' group
    present : (K,) series that exist; others are uncorrelated with everything

    Returns
    -------
    (K, K) with a unit diagonal, symmetric if `correlation` is.
    """
    old = np.diag(common) >= min_days
    among = np.flatnonzero(old)
    block = correlation[np.ix_(among, among)].copy()
    few = common[np.ix_(among, among)] < min_days
    if few.any():
        block = _with_group_means(block, few, group[among])
    own_variance = np.diag(block).copy()
    scale = np.where(own_variance > 0, own_variance, 1.0) ** -0.5
    block *= scale[:, None] * scale[None, :]
    np.fill_diagonal(block, 1.0)
    mix = np.zeros((len(correlation), len(among)))
    mix[among, np.arange(len(among))] = 1.0
    for k in np.flatnonzero(~old & present):
        mates = group[among] == group[k]
        mix[k, mates] = 1.0 / max(int(mates.sum()), 1)
    out = mix @ block @ mix.T
    np.fill_diagonal(out, 1.0)
    return np.asarray(out)


def _with_group_means(block: Float, few: Mask, group: Int) -> Float:
    """Each pair of `few` gets the mean over the other pairs of the same two groups."""
    counted = ~few & ~np.eye(len(block), dtype=bool)
    members = (group[:, None] == np.unique(group)[None, :]).astype(float)
    total = members.T @ np.where(counted, block, 0.0) @ members
    number = members.T @ counted.astype(float) @ members
    means = np.divide(total, number, out=np.zeros(total.shape), where=number > 0)
    return np.asarray(np.where(few, members @ means @ members.T, block))
