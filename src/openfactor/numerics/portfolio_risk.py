"""Risk of portfolios under a factor model.

The returns of n listings have the covariance  V = X F X' + D,  with exposures X (n, K), factor covariance
F (K, K) and specific variances d = diag(D) (n,). V itself is never formed. Variances come out in the units
that F and d share, daily or annual; exposures and holdings must not be NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def portfolio_variances(
    holdings: Float, exposures: Float, covariance: Float, specific_variance: Float
) -> Float:
    """Variances h' V h of portfolios.

    Parameters
    ----------
    holdings : (B, n) fractions of capital, one row per portfolio
    exposures : (n, K)
    covariance : (K, K) of the factor returns
    specific_variance : (n,)

    Returns
    -------
    (B,) variances.
    """
    x = holdings @ exposures
    return np.asarray(
        np.einsum("bk,kl,bl->b", x, covariance, x, optimize=True) + holdings**2 @ specific_variance
    )


def listing_variances(exposures: Float, covariance: Float, specific_variance: Float) -> Float:
    """Variances (n,) of single listings, the diagonal of V; arguments as of `portfolio_variances`."""
    return np.asarray(np.sum((exposures @ covariance) * exposures, axis=1) + specific_variance)


def optimal_portfolios(alphas: Float, exposures: Float, covariance: Float, specific_variance: Float) -> Float:
    """Portfolios V^-1 a, which have the least variance for their expected return a'h.

    With W = D^-1 X:  V^-1 = D^-1 - W F (I + X' W F)^-1 W',  which needs no inverse of F, so that F may be
    singular (the Woodbury identity).

    Parameters
    ----------
    alphas : (B, n) expected returns, one row per portfolio
    exposures, covariance, specific_variance : as of `portfolio_variances`; all specific variances above zero

    Returns
    -------
    (B, n) holdings, not scaled to any amount of capital; NaN where variances are too unequal.

    References
    ----------
    Hager, Updating the inverse of a matrix, SIAM Review 31 (1989).
    """
    scaled = alphas / specific_variance
    weighted = exposures / specific_variance[:, None]
    inner = np.eye(len(covariance)) + exposures.T @ weighted @ covariance
    try:
        hedges = np.linalg.solve(inner.T, (scaled @ exposures @ covariance).T).T
    except np.linalg.LinAlgError:  # specific variances so small that nothing is left of the identity
        return np.full(alphas.shape, np.nan)
    return np.asarray(scaled - hedges @ weighted.T)
