"""Risk of books under a factor model: covariance of returns X F X' + diag(s2), never spelled out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def book_variances(holdings: Float, exposures: Float, covariance: Float, specific: Float) -> Float:
    """(B,) variances of the books `holdings` (B, n); exposures (n, K), covariance (K, K), specific
    variances (n,)."""
    x = holdings @ exposures
    return np.asarray(np.einsum("bk,kl,bl->b", x, covariance, x, optimize=True) + holdings**2 @ specific)


def name_variances(exposures: Float, covariance: Float, specific: Float) -> Float:
    """(n,) variances of single names."""
    return np.asarray(np.sum((exposures @ covariance) * exposures, axis=1) + specific)


def optimal_books(alphas: Float, exposures: Float, covariance: Float, specific: Float) -> Float:
    """(B, n) V^-1 a for each row a of `alphas` (B, n): the books of least variance for their a'h.

    With D = diag(specific), all of it above zero, V^-1 = D^-1 - D^-1 X F (I + X'D^-1 X F)^-1 X'D^-1, which
    takes singular F too (Woodbury).
    """
    scaled = alphas / specific
    weighted = exposures / specific[:, None]
    inner = np.eye(len(covariance)) + exposures.T @ weighted @ covariance
    return np.asarray(scaled - np.linalg.solve(inner.T, (scaled @ exposures @ covariance).T).T @ weighted.T)
