"""Correlation matrices with less noise, and the repair of matrices that are not positive semi-definite."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
ShrinkageMethod = Literal["LIS", "QIS", "GIS"]


def correlation_of(products: Float) -> Float:
    """Covariances (..., K, K) scaled to a unit diagonal; a column without variance is uncorrelated with
    others.
    """
    variance = np.diagonal(products, axis1=-2, axis2=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(variance > 0, 1.0 / np.sqrt(variance), 0.0)
        out = products * (scale[..., :, None] * scale[..., None, :])
    out[..., np.arange(out.shape[-1]), np.arange(out.shape[-1])] = 1.0
    return np.asarray(out)


def nearest_correlation(matrix: Float) -> tuple[Float, bool]:
    """A symmetric matrix with its negative eigenvalues set to zero, scaled to a unit diagonal.

    Returns
    -------
    The correlation matrix (K, K), and whether it was repaired: whether there was a negative eigenvalue beyond
    rounding.

    References
    ----------
    Rebonato and Jäckel, The most general methodology to create a valid correlation matrix for risk management
    and option pricing purposes, Journal of Risk 2 (1999): spectral decomposition.
    """
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= -1e-12 * max(values[-1], 1e-300):
        return correlation_of(matrix), False
    return correlation_of((vectors * np.maximum(values, 0.0)) @ vectors.T), True


def shrink_eigenvalues(values: Float, n: float, method: ShrinkageMethod) -> Float:
    """Shrunk eigenvalues of a sample covariance of n observations about a known mean.

    With c = p / n, the smoothed Stein shrinker theta of the inverse eigenvalues and its conjugate theta~, and
    A^2 = theta^2 + theta~^2:

        1 / LIS = ((1 - c) + 2 c theta) / lambda
        1 / QIS = ((1 - c)^2 + 2 c (1 - c) theta + c^2 A^2) / lambda, then scaled to the trace of the sample
        GIS = sqrt(QIS LIS)

    Parameters
    ----------
    values : (p,) ascending, not negative
    n : observations, or the effective number of weighted ones
    method : LIS and GIS need as many observations as variables; with fewer, all methods are QIS

    Returns
    -------
    (p,) in the order of `values`, above zero; for QIS with their sum.

    References
    ----------
    Ledoit and Wolf, Quadratic shrinkage for large covariance matrices, Bernoulli 28 (2022), section 4.5; the
    linear and geometric relatives are in section 5 of its supplement.
    """
    p = len(values)
    c = p / n
    empty = int(max(p - np.floor(n), np.sum(values <= 1e-12 * values[-1])))
    inverse = 1.0 / values[empty:]
    bandwidth = min(c**2, c**-2) ** 0.35 / p**0.35
    distance = inverse[:, None] - inverse[None, :]  # row j, column i: 1 / lambda_j - 1 / lambda_i
    width = bandwidth * inverse[:, None]
    kernel = inverse[:, None] / (distance**2 + width**2)
    theta = np.mean(kernel * distance, axis=0)
    conjugate = np.mean(kernel * width, axis=0)
    amplitude = theta**2 + conjugate**2
    if c > 1.0 or empty:
        null = 1.0 / (max(c - 1.0, 1.0 / n) * inverse.mean())
        quadratic = np.append(np.full(empty, null), 1.0 / (inverse * amplitude))
        return np.asarray(quadratic * values.sum() / quadratic.sum())
    quadratic = 1.0 / (inverse * ((1 - c) ** 2 + 2 * c * (1 - c) * theta + c**2 * amplitude))
    quadratic *= values.sum() / quadratic.sum()
    if method == "QIS":
        return np.asarray(quadratic)
    # an inverse below the smallest of the sample would be a shrinkage away from the others
    linear = 1.0 / np.maximum(inverse * ((1 - c) + 2 * c * theta), inverse.min())
    return np.asarray(linear if method == "LIS" else np.sqrt(quadratic * linear))


def shrink_correlation(matrix: Float, n: float, method: ShrinkageMethod) -> Float:
    """A correlation matrix (K, K) with the eigenvalues of `shrink_eigenvalues`, scaled to a unit diagonal."""
    values, vectors = np.linalg.eigh(matrix)
    shrunk = shrink_eigenvalues(np.maximum(values, 0.0), n, method)
    return correlation_of((vectors * shrunk) @ vectors.T)


def principal_components(matrix: Float, n_components: int | None) -> Float:
    """The correlation matrix (K, K) of a model of its first principal components and independent residuals.

    Parameters
    ----------
    matrix : (K, K) correlations
    n_components : by default those with an eigenvalue above one (Kaiser's rule)

    References
    ----------
    Menchero and Li, Correlation shrinkage: implications for risk forecasting, Journal of Investment
    Management 18 (2020).
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = int(np.sum(values > 1.0)) if n_components is None else min(n_components, len(values))
    first = slice(len(values) - kept, None)
    common = (vectors[:, first] * values[first]) @ vectors[:, first].T
    out = np.array(common)
    np.fill_diagonal(out, 1.0)
    return out
