"""Eigenfactor adjustment on samples of a known world."""

import numpy as np
import pytest

from openfactor.numerics.eigenfactor import Eigenfactors
from openfactor.numerics.ewma import weighted_products


def truth(k: int) -> np.ndarray:
    q = np.linalg.qr(np.random.default_rng(2).standard_normal((k, k)))[0]
    return (q * np.linspace(0.2, 4.0, k) ** 2) @ q.T


def test_least_risky_books_get_the_risk_that_they_have() -> None:
    """True over forecast variance of each sample's own minimum-variance book, on average."""
    k, halflife = 20, 60.0
    covariance = truth(k)
    root = np.linalg.cholesky(covariance)
    rng = np.random.default_rng(3)
    simulated = Eigenfactors(k, halflife, halflife, 100, seed=0)
    ratios = {"plain": [], "adjusted": [], "random": []}
    for _ in range(60):
        f = rng.standard_normal((300, k)) @ root.T
        estimate = weighted_products(f, halflife)
        adjusted = simulated.adjust(estimate, 300, 1.0)
        np.testing.assert_allclose(adjusted, adjusted.T, atol=1e-12)
        for name, matrix in (("plain", estimate), ("adjusted", adjusted)):
            w = np.linalg.solve(matrix, np.ones(k))
            ratios[name].append((w @ covariance @ w) / (w @ matrix @ w))
        h = rng.standard_normal(k)
        ratios["random"].append((h @ covariance @ h) / (h @ adjusted @ h))
    bias = {name: np.sqrt(np.mean(values)) for name, values in ratios.items()}
    assert bias["plain"] > 1.1
    assert abs(bias["adjusted"] - 1) < 0.05
    assert abs(bias["random"] - 1) < 0.06


def test_gamma_is_linear_in_the_scaling_and_the_seed_decides() -> None:
    matrix = truth(6)
    none = Eigenfactors(6, 60, 120, 50, seed=1).adjust(matrix, 1000, 0.0)
    np.testing.assert_allclose(none, matrix, atol=1e-12)
    one, two = (Eigenfactors(6, 60, 120, 50, seed=1).adjust(matrix, 1000, a) for a in (1.0, 2.0))
    values, vectors = np.linalg.eigh(matrix)

    def gammas(adjusted: np.ndarray) -> np.ndarray:
        return np.sqrt(np.sum(vectors * (adjusted @ vectors), axis=0) / values)

    np.testing.assert_allclose(gammas(two) - 1, 2 * (gammas(one) - 1), rtol=1e-9)
    again = Eigenfactors(6, 60, 120, 50, seed=1).adjust(matrix, 1000, 1.0)
    other = Eigenfactors(6, 60, 120, 50, seed=2).adjust(matrix, 1000, 1.0)
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other, rtol=1e-6)
    assert gammas(one)[0] == pytest.approx(gammas(one).max())  # the least risky is understated most


def test_a_direction_without_risk_stays_without() -> None:
    matrix = truth(5)
    matrix[4], matrix[:, 4] = 0.0, 0.0
    out = Eigenfactors(5, 60, 120, 20, seed=0).adjust(matrix, 1000, 1.4)
    assert np.isfinite(out).all()
    assert abs(out[4]).max() < 1e-12
