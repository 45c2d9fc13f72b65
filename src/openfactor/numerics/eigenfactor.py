"""Eigenfactor risk adjustment.

The low-risk eigenvectors of an estimated covariance seem less risky than they are, for they were chosen among
noise. Simulated samples of a world in which the estimate is true say by how much.

Source: Menchero, Wang and Orr, Improving risk forecasts for optimized portfolios, Financial Analysts
Journal 68 (2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics.ewma import ewma_weights
from openfactor.numerics.shrinkage import correlation_of

Float = NDArray[np.float64]
LONGEST = 5.0
"""Half-lives of history that are simulated; what is before has three hundredths of the weight."""
MOST_DAYS = 2520
"""That are simulated, however long the half-life is."""
AT_ONCE = 8_000_000
"""Numbers that are drawn at a time."""


class Eigenfactors:
    """Samples of K standard normal variables, and what they say about covariances of any date.

    halflife_vol, halflife_cor : of the estimator that is simulated
    """

    def __init__(
        self, n_factors: int, halflife_vol: float, halflife_cor: float, n_simulations: int, seed: int
    ) -> None:
        self._longest = int(min(LONGEST * max(halflife_vol, halflife_cor), MOST_DAYS))
        self._halflives = halflife_vol, halflife_cor
        self._shape, self._seed = (n_simulations, self._longest, n_factors), seed
        self._whole = self._products(self._longest)

    def _products(self, n: int) -> tuple[Float, Float]:
        """(M, K, K) weighted products of the last n days, for volatilities and for correlations."""
        n_simulations, longest, k = self._shape
        rng = np.random.default_rng(self._seed)
        out = np.empty((n_simulations, k, k)), np.empty((n_simulations, k, k))
        weights = [ewma_weights(n, halflife) for halflife in self._halflives]
        step = max(AT_ONCE // (longest * k), 1)
        for first in range(0, n_simulations, step):  # the same numbers, whatever the step
            some = slice(first, min(first + step, n_simulations))
            last = rng.standard_normal((some.stop - first, longest, k))[:, -n:]
            for products, w in zip(out, weights, strict=True):
                products[some] = np.matmul((last * w[:, None]).transpose(0, 2, 1), last)
        return out

    def adjust(self, covariance: Float, n_days: int, scaling: float) -> Float:
        """`covariance` (K, K), estimated on n_days, with its eigenvalues multiplied by gamma^2.

        gamma_k = scaling (v_k - 1) + 1, v_k^2 = mean of the true over the estimated variance of the k-th
        eigenvector of a sample.
        """
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        bias = np.zeros(len(values))
        nothing = 1e-12 * max(values[-1], 0.0)  # a direction without risk has no bias
        products = self._whole if n_days >= self._longest else self._products(n_days)
        for for_vol, for_cor in zip(*products, strict=True):
            vol = np.sqrt(np.diagonal(root @ for_vol @ root.T))
            sample = correlation_of(root @ for_cor @ root.T) * vol[:, None] * vol[None, :]
            estimated, directions = np.linalg.eigh(sample)
            true = np.sum((directions.T @ root) ** 2, axis=1)
            there = estimated > nothing
            bias += np.divide(true, estimated, out=np.ones(len(true)), where=there)
        v = np.sqrt(bias / len(products[0]))
        gamma = scaling * (v - 1.0) + 1.0
        return np.asarray((vectors * (values * gamma**2)) @ vectors.T)
