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
    """Standard normal quantiles of the ranks among the finite values of `among` (n,); NaN stays NaN.

    z = Phi^-1((rank - 1/2) / n), ties at their average rank. A value of somebody else gets the score that
    it would have there. With `keep_zeros`, values of exactly 0 stay 0; the m others are ranked among
    themselves and lie around the quantile of 0, so that signs stay:
    z = Phi^-1((rank - 1/2) / m) - Phi^-1((m_negative + 1/2) / (m + 1)).

    Source: van der Waerden scores with the offset of Hazen (1914), as in Conover, Practical Nonparametric
    Statistics, 3rd ed. (1999), 5.10. The centre at the quantile of 0 is a choice of ours.
    """
    scored = np.isfinite(values)
    out = np.where(scored, 0.0, np.nan)
    if keep_zeros:
        scored = scored & (values != 0)
    ordered = np.sort(values[scored & among])
    m = len(ordered)
    if m == 0:
        return out
    centre = ndtri((np.sum(ordered < 0) + 0.5) / (m + 1)) if keep_zeros else 0.0
    below = np.searchsorted(ordered, values[scored], side="left")
    up_to = np.searchsorted(ordered, values[scored], side="right")
    share = (below + up_to) / (2.0 * m)  # (rank - 1/2) / m, the average rank being (below + up_to + 1) / 2
    out[scored] = ndtri(np.clip(share, 0.5 / m, 1.0 - 0.5 / m)) - centre
    return out


def robust_bounds(values: Float, deviations: float) -> tuple[float, float]:
    """Median less and plus this many robust standard deviations (1.4826 times the median absolute deviation)
    of finite values (n,); infinite where most values are equal, or there is none."""
    if not len(values):
        return -np.inf, np.inf
    middle = float(np.median(values))
    reach = deviations * float(np.median(np.abs(values - middle))) / NORMAL_MAD
    return (middle - reach, middle + reach) if reach > 0 else (-np.inf, np.inf)


def winsorize(values: Float, among: Mask, deviations: float) -> Float:
    """Values (n,) moved to the robust bounds of the finite values of `among`; NaN stays NaN."""
    return np.clip(values, *robust_bounds(values[among & np.isfinite(values)], deviations))


def standardize(values: Float, among: Mask) -> Float:
    """(values - mean) / standard deviation of each row (k, n), equal-weighted over finite values of `among`.

    The standard deviation has the denominator n. Without spread, or with nobody in `among`, all finite values
    become 0.
    """
    there = np.isfinite(values)
    counted = there & among
    known = np.where(counted, values, 0.0)
    count = np.maximum(counted.sum(axis=1), 1)[:, None]
    mean = known.sum(axis=1)[:, None] / count
    spread = np.sqrt(np.where(counted, (values - mean) ** 2, 0.0).sum(axis=1)[:, None] / count)
    # the mean of equal numbers need not equal them: what is left of them is rounding
    varied = spread > 1e-12 * np.abs(known).max(axis=1, initial=0.0)[:, None]
    scores = (values - mean) / np.where(varied, spread, 1.0)
    return np.where(there, np.where(varied, scores, 0.0), np.nan)


def orthogonal_complement(targets: Float, sources: Float, weights: Float) -> Float:
    """What the sources do not explain of each target (k, n).

    x - S b,  b = (S' W S)^+ S' W x, over the names with a positive weight, the target and all sources; taken
    out of all names. Sources may be collinear. A name without a source keeps no target: NaN.

    targets : (k, n), sources : (n, m), weights : (n,), 0 outside of the names to measure on
    """
    known = np.isfinite(sources).all(axis=1)
    out = np.where(known, targets, np.nan)
    there = np.isfinite(out) & (weights > 0)
    same: dict[bytes, list[int]] = {}  # targets that the same names have, most often all
    for k, names in enumerate(there):
        same.setdefault(names.tobytes(), []).append(k)
    for mine in same.values():
        used = there[mine[0]]
        root = np.sqrt(weights[used])
        a = sources[used] * root[:, None]
        scale = np.sqrt((a**2).sum(axis=0))
        scale[scale == 0] = 1.0
        a /= scale
        inverse = np.linalg.pinv(a.T @ a, rcond=1e-11, hermitian=True)
        explain = sources / scale
        for _ in range(2):  # the second pass removes what rounding left in the first
            slopes = (out[np.ix_(mine, used)] * root) @ a @ inverse
            out[mine] -= slopes @ explain.T
    return np.asarray(out)


def correlations(first: Float, second: Float) -> Float:
    """(K,) correlation of each column of `first` (n, K) with that of `second`, over the rows where both are
    there; NaN without spread."""
    there = np.isfinite(first) & np.isfinite(second)
    n = np.maximum(there.sum(axis=0), 1)
    a, b = np.where(there, first, 0.0), np.where(there, second, 0.0)
    a = np.where(there, a - a.sum(axis=0) / n, 0.0)
    b = np.where(there, b - b.sum(axis=0) / n, 0.0)
    spread = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.asarray(
        np.divide((a * b).sum(axis=0), spread, out=np.full(first.shape[1], np.nan), where=spread > 1e-12)
    )
