"""Eigenfactor risk adjustment.

The low-risk eigenvectors of an estimated covariance look less risky than they are, because they were chosen
among noise. Simulated samples of a world in which the estimate is true say by how much.

References
----------
Menchero, Wang and Orr, Improving risk forecasts for optimized portfolios, Financial Analysts Journal 68
(2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics.ewma import ewma_weights
from openfactor.numerics.shrinkage import correlation_of

Float = NDArray[np.float64]
SIMULATED_HALFLIVES = 5.0
"""Half-lives of history that are simulated; what is before has three hundredths of the weight."""
MAX_DAYS = 2520
"""Most days that are simulated, however long the half-life."""
BATCH_SIZE = 8_000_000
"""Numbers that are drawn at a time."""


class Eigenfactors:
    """Samples of K standard normal variables, and what they say about covariances of any date.

    Parameters
    ----------
    halflife_vol, halflife_cor : of the estimator that is simulated, in days
    n_simulations : samples to draw
    seed : of the draws; the same seed gives the same adjustment
    """

    def __init__(
        self, n_factors: int, halflife_vol: float, halflife_cor: float, n_simulations: int, seed: int
    ) -> None:
        self._n_days = int(min(SIMULATED_HALFLIVES * max(halflife_vol, halflife_cor), MAX_DAYS))
        self._halflives = halflife_vol, halflife_cor
        self._shape, self._seed = (n_simulations, self._n_days, n_factors), seed
        self._all_days = self._products(self._n_days)

    def _products(self, n: int) -> tuple[Float, Float]:
        """(M, K, K) weighted products of the last n days, for volatilities and for correlations."""
        n_simulations, n_days, k = self._shape
        rng = np.random.default_rng(self._seed)
        out = np.empty((n_simulations, k, k)), np.empty((n_simulations, k, k))
        weights = [ewma_weights(n, halflife) for halflife in self._halflives]
        step = max(BATCH_SIZE // (n_days * k), 1)
        for first in range(0, n_simulations, step):  # the same numbers, whatever the step
            batch = slice(first, min(first + step, n_simulations))
            last = rng.standard_normal((batch.stop - first, n_days, k))[:, -n:]
            for products, w in zip(out, weights, strict=True):
                products[batch] = np.matmul((last * w[:, None]).transpose(0, 2, 1), last)
        return out

    def adjust(self, covariance: Float, n_days: int, scaling: float) -> Float:
        """The covariance with its eigenvalues multiplied by gamma^2.

        gamma_k = scaling (v_k - 1) + 1, v_k^2 = mean over samples of the true over the estimated variance of
        the k-th eigenvector of a sample.

        Parameters
        ----------
        covariance : (K, K) symmetric, in any unit
        n_days : days that it was estimated on
        scaling : strength of the adjustment; 0: none

        Returns
        -------
        (K, K) symmetric, in the same unit. Directions without risk stay as they are.
        """
        if not np.isfinite(covariance).all():
            return np.full_like(covariance, np.nan)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        bias = np.zeros(len(values))
        no_risk = 1e-12 * max(values[-1], 0.0)  # a direction without risk has no bias
        products = self._all_days if n_days >= self._n_days else self._products(n_days)
        for for_vol, for_cor in zip(*products, strict=True):
            vol = np.sqrt(np.diagonal(root @ for_vol @ root.T))
            sample = correlation_of(root @ for_cor @ root.T) * vol[:, None] * vol[None, :]
            estimated, directions = np.linalg.eigh(sample)
            true = np.sum((directions.T @ root) ** 2, axis=1)
            bias += np.divide(true, estimated, out=np.ones(len(true)), where=estimated > no_risk)
        v = np.sqrt(bias / len(products[0]))
        gamma = scaling * (v - 1.0) + 1.0
        return np.asarray((vectors * (values * gamma**2)) @ vectors.T)
