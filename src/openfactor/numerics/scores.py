"""Cross-sectional transforms of one day's exposures: normal scores, standardisation, projection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
NORMAL_MAD = 0.6744897501960817
"""Median absolute deviation of a standard normal variable."""


def normal_scores(values: Float, among: Mask, keep_zeros: bool = False) -> Float:
    """Standard normal quantiles of the ranks among the finite values of a set.

    z = Phi^-1((rank - 1/2) / n), ties at their average rank. A value outside of the set gets the score that
    it would have inside.

    Parameters
    ----------
    values : (n,)
    among : (n,) the set that is ranked
    keep_zeros : values of exactly 0 stay 0; the m others of the set are ranked among themselves and lie
        around the quantile of 0, so that signs stay: z = Phi^-1((rank - 1/2) / m) - Phi^-1((m_negative + 1/2)
        / (m + 1))

    Returns
    -------
    (n,) scores; NaN stays NaN, and all are 0 where nothing is ranked.

    References
    ----------
    van der Waerden scores with the offset of Hazen (1914), as in Conover, Practical Nonparametric Statistics,
    3rd ed. (1999), section 5.10. The centre at the quantile of 0 is our own choice.
    """
    scored = np.isfinite(values)
    out = np.where(scored, 0.0, np.nan)
    if keep_zeros:
        scored = scored & (values != 0)
    ranked = np.sort(values[scored & among])
    m = len(ranked)
    if m == 0:
        return out
    centre = ndtri((np.sum(ranked < 0) + 0.5) / (m + 1)) if keep_zeros else 0.0
    below = np.searchsorted(ranked, values[scored], side="left")
    up_to = np.searchsorted(ranked, values[scored], side="right")
    share = (below + up_to) / (2.0 * m)  # (rank - 1/2) / m, the average rank being (below + up_to + 1) / 2
    out[scored] = ndtri(np.clip(share, 0.5 / m, 1.0 - 0.5 / m)) - centre
    return out


def robust_bounds(values: Float, deviations: float) -> tuple[float, float]:
    """Median less and plus this many robust standard deviations of finite values (n,).

    A robust standard deviation is 1.4826 times the median absolute deviation. Infinite bounds where most
    values are equal, or there is none.

    References
    ----------
    Hampel, The influence curve and its role in robust estimation, Journal of the American Statistical
    Association 69 (1974).
    """
    if not len(values):
        return -np.inf, np.inf
    middle = float(np.median(values))
    reach = deviations * float(np.median(np.abs(values - middle))) / NORMAL_MAD
    return (middle - reach, middle + reach) if reach > 0 else (-np.inf, np.inf)


def winsorize(values: Float, among: Mask, deviations: float) -> Float:
    """Values (n,) clipped to the robust bounds of the finite values of `among` (n,); NaN stays NaN."""
    return np.clip(values, *robust_bounds(values[among & np.isfinite(values)], deviations))


def standardize(values: Float, among: Mask) -> Float:
    """(values - mean) / standard deviation of each row, equal-weighted over the finite values of a set.

    Parameters
    ----------
    values : (k, n)
    among : (n,) the set to measure on

    Returns
    -------
    (k, n); NaN stays NaN. The standard deviation has the denominator n. Without spread, or with an empty set,
    all finite values become 0.
    """
    finite = np.isfinite(values)
    counted = finite & among
    known = np.where(counted, values, 0.0)
    count = np.maximum(counted.sum(axis=1), 1)[:, None]
    mean = known.sum(axis=1)[:, None] / count
    spread = np.sqrt(np.where(counted, (values - mean) ** 2, 0.0).sum(axis=1)[:, None] / count)
    # the mean of equal numbers need not equal them: what is left of them is rounding
    varied = spread > 1e-12 * np.abs(known).max(axis=1, initial=0.0)[:, None]
    scores = (values - mean) / np.where(varied, spread, 1.0)
    return np.where(finite, np.where(varied, scores, 0.0), np.nan)


def orthogonal_complement(targets: Float, sources: Float, weights: Float) -> Float:
    """The part of each target that the sources do not explain, x - S b,  b = (S' W S)^+ S' W x.

    Measured where the weight is positive and the target and all sources are finite; taken out everywhere.

    Parameters
    ----------
    targets : (k, n)
    sources : (n, m), perhaps collinear
    weights : (n,) 0 outside of the set to measure on

    Returns
    -------
    (k, n); NaN where the target or a source is missing.

    References
    ----------
    Frisch and Waugh, Partial time regressions as compared with individual trends, Econometrica 1 (1933).
    """
    known = np.isfinite(sources).all(axis=1)
    out = np.where(known, targets, np.nan)
    measured = np.isfinite(out) & (weights > 0)
    alike: dict[bytes, list[int]] = {}  # targets that are measured on the same set, most often all
    for k, mask in enumerate(measured):
        alike.setdefault(mask.tobytes(), []).append(k)
    for rows in alike.values():
        used = measured[rows[0]]
        root = np.sqrt(weights[used])
        a = sources[used] * root[:, None]
        scale = np.sqrt((a**2).sum(axis=0))
        scale[scale == 0] = 1.0
        a /= scale
        inverse = np.linalg.pinv(a.T @ a, rcond=1e-11, hermitian=True)
        scaled = sources / scale
        for _ in range(2):  # the second pass removes what rounding left in the first
            slopes = (out[np.ix_(rows, used)] * root) @ a @ inverse
            out[rows] -= slopes @ scaled.T
    return np.asarray(out)


def correlations(first: Float, second: Float) -> Float:
    """Correlation of each column of `first` (n, K) with that of `second` (n, K).

    Returns
    -------
    (K,) over the rows where both are finite; NaN where one of them has no spread.
    """
    both = np.isfinite(first) & np.isfinite(second)
    n = np.maximum(both.sum(axis=0), 1)
    a, b = np.where(both, first, 0.0), np.where(both, second, 0.0)
    a = np.where(both, a - a.sum(axis=0) / n, 0.0)
    b = np.where(both, b - b.sum(axis=0) / n, 0.0)
    spread = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.asarray(
        np.divide((a * b).sum(axis=0), spread, out=np.full(first.shape[1], np.nan), where=spread > 1e-12)
    )
