"""Cross-sectional transforms of one day's exposures: normal scores, standardisation, projection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


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


def standardize(values: Float, among: Mask) -> Float:
    """(values - mean) / standard deviation (n,), both equal-weighted over the finite values of `among`.

    The standard deviation has the denominator n. Without spread, or with nobody in `among`, all finite values
    become 0.
    """
    chosen = values[among & np.isfinite(values)]
    spread = chosen.std() if len(chosen) else 0.0
    # the mean of equal numbers need not equal them: what is left of them is rounding
    if not spread > 1e-12 * np.abs(chosen).max(initial=0.0):
        return np.where(np.isfinite(values), 0.0, np.nan)
    return np.asarray((values - chosen.mean()) / spread)


def orthogonal_complement(target: Float, sources: Float, weights: Float) -> Float:
    """What the sources do not explain of the target (n,).

    x - S b,  b = (S' W S)^+ S' W x, over the names with a positive weight, a target and all sources; taken
    out of all names. Sources may be collinear. A name without a source keeps no target: NaN.

    target : (n,), sources : (n, m), weights : (n,), 0 outside of the names to measure on
    """
    known = np.isfinite(sources).all(axis=1)
    used = known & np.isfinite(target) & (weights > 0)
    root = np.sqrt(weights[used])[:, None]
    a = sources[used] * root
    scale = np.sqrt((a**2).sum(axis=0))
    scale[scale == 0] = 1.0
    a /= scale
    inverse = np.linalg.pinv(a.T @ a, rcond=1e-11, hermitian=True)
    out = np.where(known, target, np.nan)
    explain = sources / scale
    for _ in range(2):  # the second pass removes what rounding left in the first
        out -= explain @ (inverse @ (a.T @ (out[used] * root[:, 0])))
    return np.asarray(out)
