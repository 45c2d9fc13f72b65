"""The regression against other libraries."""

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import HuberRegressor

from openfactor.numerics.cross_section import CAP_WEIGHTED, EQUAL
from openfactor.numerics.robust import huber_scale
from tests.numerics.days import random_day


@pytest.mark.parametrize("seed", range(4))
def test_constrained_weighted_least_squares_of_statsmodels(seed: int) -> None:
    day = random_day(seed, n=80, sizes=(5, 3), zero_sum=(CAP_WEIGHTED, EQUAL))
    fit, x = day.fit(), day.x
    constraints = np.zeros((2, x.shape[1]))
    constraints[0, 3:8] = day.caps @ x[:, 3:8] / day.caps.sum()
    constraints[1, 8:11] = 1.0
    weights = day.weights / day.weights.mean()
    peer = sm.GLM(day.returns, x, var_weights=weights).fit_constrained((constraints, np.zeros(2)))
    np.testing.assert_allclose(fit.factor_returns, peer.params, atol=1e-10)
    np.testing.assert_allclose(fit.standard_errors, peer.bse, rtol=1e-6)


@pytest.mark.parametrize("epsilon", [1.1, 1.35, 2.0])
def test_huber_of_scikit_learn(epsilon: float) -> None:
    day = random_day(21, n=300, n_dense=4, sizes=(), zero_sum=())
    day.returns[:20] += 0.3  # outliers
    peer = HuberRegressor(epsilon=epsilon, alpha=0.0, fit_intercept=False, tol=1e-12, max_iter=10_000)
    peer.fit(1e3 * day.dense.T, 1e3 * day.returns, sample_weight=day.weights / day.weights.mean())
    fit = day.fit_robustly(epsilon)
    np.testing.assert_allclose(fit.factor_returns, peer.coef_, atol=2e-6)
    residual = np.abs(day.returns - day.x @ fit.factor_returns)
    scale = huber_scale(residual, day.weights / day.weights.sum(), epsilon)
    assert 1e3 * scale == pytest.approx(peer.scale_, rel=1e-3)
    assert (fit.omega[:20] < 0.5 * day.weights[:20] / day.weights.sum()).mean() > 0.9


def test_huber_finds_the_truth_among_outliers_where_squares_do_not() -> None:
    day = random_day(22, n=400)
    truth = np.array([0.01, 0.004, -0.003, 0.002, -0.001, 0.001, 0.0])
    truth[3:] -= np.average(truth[3:], weights=day.x[:, 3:].T @ day.caps)
    rng = np.random.default_rng(0)
    day.returns[:] = day.x @ truth + rng.normal(0, 0.005, 400)
    gone_wild = rng.random(400) < 0.05
    day.returns[gone_wild] += 0.4
    plain, robust = day.fit().factor_returns - truth, day.fit_robustly(1.35).factor_returns - truth
    assert np.abs(robust).max() < 0.002
    assert np.linalg.norm(robust) < np.linalg.norm(plain) / 5


def test_huber_without_outliers_is_least_squares() -> None:
    """A bound that no residual reaches changes nothing."""
    day = random_day(23)
    np.testing.assert_allclose(
        day.fit_robustly(50.0).factor_returns, day.fit().factor_returns, rtol=1e-12, atol=1e-16
    )


def test_huber_of_returns_that_fit_exactly_or_of_nobody() -> None:
    day = random_day(24, n_dense=2, sizes=(), zero_sum=())
    day.returns[:] = 0.01 * day.dense[1]
    np.testing.assert_allclose(day.fit_robustly(1.35).factor_returns, [0, 0.01], atol=1e-14)
    day.weights[:] = 0.0
    assert day.fit_robustly(1.35).n == 0
