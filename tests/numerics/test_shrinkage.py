"""Shrinkage against known truth, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from openfactor.numerics.shrinkage import (
    correlation_of,
    nearest_correlation,
    principal_components,
    shrink_correlation,
    shrink_eigenvalues,
)

METHODS = ("LIS", "QIS", "GIS")


def sample(seed: int, n: int, truth: np.ndarray) -> np.ndarray:
    root = np.linalg.cholesky(truth)
    x = np.random.default_rng(seed).standard_normal((n, len(truth))) @ root.T
    return x.T @ x / n


def spread_out(p: int) -> np.ndarray:
    """The paper's population: a fifth of the eigenvalues 1, two fifths 3, two fifths 10."""
    values = np.repeat([1.0, 3.0, 10.0], [p // 5, 2 * p // 5, p - p // 5 - 2 * p // 5])
    q = np.linalg.qr(np.random.default_rng(1).standard_normal((p, p)))[0]
    return (q * values) @ q.T


def shrunk(matrix: np.ndarray, n: float, method: str) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * shrink_eigenvalues(np.maximum(values, 0), n, method)) @ vectors.T


def slow_quadratic(values: np.ndarray, n: int) -> np.ndarray:
    """The formula of the paper for p <= n, element by element."""
    p = len(values)
    c = p / n
    h = min(c**2, 1 / c**2) ** 0.35 / p**0.35
    out = np.zeros(p)
    for i in range(p):
        theta = conjugate = 0.0
        for j in range(p):
            gap, width = 1 / values[j] - 1 / values[i], h / values[j]
            theta += gap / values[j] / (gap**2 + width**2) / p
            conjugate += width / values[j] / (gap**2 + width**2) / p
        out[i] = values[i] / ((1 - c) ** 2 + 2 * c * (1 - c) * theta + c**2 * (theta**2 + conjugate**2))
    return out * values.sum() / out.sum()


def test_quadratic_is_the_formula() -> None:
    values = np.sort(np.random.default_rng(3).lognormal(0, 1, 30))
    np.testing.assert_allclose(
        shrink_eigenvalues(values, 100, "QIS"), slow_quadratic(values, 100), rtol=1e-12
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("p", "n"), [(60, 180), (60, 90)])
def test_shrinkage_is_nearer_to_the_truth(method: str, p: int, n: int) -> None:
    """Of the loss that the sample has over the best that its eigenvectors allow, most is gone."""
    truth = spread_out(p)
    losses = {"sample": 0.0, "shrunk": 0.0, "best": 0.0, "linear": 0.0}
    for seed in range(10):
        s = sample(seed, n, truth)
        _, u = np.linalg.eigh(s)
        best = (u * np.sum(u * (truth @ u), axis=0)) @ u.T
        x = np.random.default_rng(seed).standard_normal((n, p)) @ np.linalg.cholesky(truth).T
        linear = LedoitWolf(assume_centered=True).fit(x).covariance_
        for name, matrix in (
            ("sample", s),
            ("shrunk", shrunk(s, n, method)),
            ("best", best),
            ("linear", linear),
        ):
            losses[name] += np.sum((matrix - truth) ** 2)
    improvement = 1 - (losses["shrunk"] - losses["best"]) / (losses["sample"] - losses["best"])
    assert improvement > (0.9 if method == "QIS" else 0.7)
    if method == "QIS":  # nonlinear shrinkage beats the linear kind of scikit-learn
        assert losses["shrunk"] < losses["linear"]


@pytest.mark.parametrize("method", METHODS)
def test_with_fewer_days_than_factors_the_result_can_be_inverted(method: str) -> None:
    truth = spread_out(50)
    s = sample(0, 30, truth)
    assert np.linalg.matrix_rank(s) == 30
    out = shrunk(s, 30, method)
    assert np.linalg.eigvalsh(out)[0] > 0.1
    assert np.trace(out) == pytest.approx(np.trace(s))
    assert np.sum((out - truth) ** 2) < np.sum((s - truth) ** 2)


@given(st.integers(2, 25), st.integers(2, 400), st.sampled_from(METHODS), st.integers(0, 2**16))
def test_always_a_correlation(p: int, n: int, method: str, seed: int) -> None:
    out = shrink_correlation(correlation_of(sample(seed, n, np.eye(p))), n, method)
    np.testing.assert_allclose(np.diag(out), 1.0, rtol=1e-12)
    np.testing.assert_allclose(out, out.T, atol=1e-14)
    assert np.linalg.eigvalsh(out)[0] > 0


def test_with_many_days_nothing_is_left_to_shrink() -> None:
    matrix = correlation_of(spread_out(10))
    for method in METHODS:
        np.testing.assert_allclose(shrink_correlation(matrix, 1e9, method), matrix, atol=1e-5)


def test_repair_cuts_off_what_is_negative_and_says_so() -> None:
    broken = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    assert np.linalg.eigvalsh(broken)[0] < 0
    mended, done = nearest_correlation(broken)
    assert done
    assert np.linalg.eigvalsh(mended)[0] > -1e-15
    np.testing.assert_allclose(np.diag(mended), 1.0)
    same, done = nearest_correlation(np.array([[4.0, 1.0], [1.0, 1.0]]))
    assert not done
    np.testing.assert_allclose(same, [[1, 0.5], [0.5, 1]])


def test_a_column_without_variance_is_uncorrelated() -> None:
    out = correlation_of(np.array([[1.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(out, np.eye(2))


def test_components_of_a_matrix_that_has_them_leave_it() -> None:
    """One common factor and independent rests of equal size: the first component is the whole structure."""
    k, rho = 8, 0.4
    matrix = np.full((k, k), rho) + (1 - rho) * np.eye(k)
    out = principal_components(matrix, 1)
    off = ~np.eye(k, dtype=bool)
    np.testing.assert_allclose(out[off], (1 + (k - 1) * rho) / k, rtol=1e-12)
    np.testing.assert_allclose(principal_components(matrix, None), out)  # one eigenvalue above one
    np.testing.assert_allclose(principal_components(matrix, 99), matrix, atol=1e-14)
    assert np.linalg.eigvalsh(out)[0] > 0
