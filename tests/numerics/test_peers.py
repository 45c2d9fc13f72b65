"""Regressions and forecasts against other libraries."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import brentq
from skfolio.linear_model import CSLinearRegression
from skfolio.moments import EWCovariance, EWVariance
from sklearn.linear_model import HuberRegressor
from statsmodels.stats.outliers_influence import variance_inflation_factor

from openfactor.model.forecasts import factor_covariances
from openfactor.numerics.cross_section import CAP_WEIGHTED, EQUAL, NONE
from openfactor.numerics.huber import consistency, huber_scale
from openfactor.numerics.specific_variance import (
    Regime,
    Smoothing,
    Span,
    SpecificReturns,
    VarianceRows,
    specific_variances,
    start_state,
)
from openfactor.settings import FactorCovarianceSettings
from tests.numerics.random_days import random_day


@pytest.mark.parametrize("epsilon", [1.05, 1.35, 2.5])
def test_standard_errors_of_huber_in_statsmodels(epsilon: float) -> None:
    """Equal weights; its scale counts n - p, so that the same bound is another threshold there."""
    day = random_day(25, n=150, n_dense=4, sizes=(), zero_sum=())
    day.weights[:] = 1.0
    day.returns[:] = 0.02 * np.random.default_rng(1).standard_t(3, 150)
    n, p = 150, 4

    def gap(d: float) -> float:
        return consistency(d) * (n - p) / n / d**2 - consistency(epsilon) / epsilon**2

    d = brentq(gap, 0.5 * epsilon, 2.0 * epsilon, xtol=1e-14)
    model = sm.RLM(day.returns, day.x, M=sm.robust.norms.HuberT(t=d))
    peer = model.fit(
        scale_est=sm.robust.scale.HuberScale(d=d, tol=1e-13, maxiter=1000), tol=1e-13, maxiter=1000
    )
    fit = day.fit_robustly(epsilon)
    np.testing.assert_allclose(fit.factor_returns, peer.params, atol=1e-9)
    np.testing.assert_allclose(fit.standard_errors, peer.bse, rtol=1e-5)


def test_inflation_of_statsmodels() -> None:
    """Raw log caps beside a market of ones: about the mean, as any textbook has it, not 290."""
    day = random_day(26, n=400, n_dense=4, sizes=(), zero_sum=())
    day.dense[1] = np.log(day.market_cap) + 15.0
    day.dense[2] = 0.4 * day.dense[1] + np.random.default_rng(0).standard_normal(400)
    day.weights[:] = 1.0
    expected = [variance_inflation_factor(day.x, k) for k in range(4)]
    np.testing.assert_allclose(day.fit().vif, expected, rtol=1e-8)
    day.dense[0] = np.random.default_rng(1).uniform(0.5, 1.5, 400)  # no constant: about zero
    others = sm.OLS(day.dense[1], np.delete(day.x, 1, axis=1)).fit()
    assert day.fit().vif[1] == pytest.approx(1 / (1 - others.rsquared), rel=1e-8)


def test_weighted_inflation_with_a_full_set_of_categories() -> None:
    """Dummies that add up to one are an intercept: 1 / (1 - R^2) of statsmodels' weighted regression."""
    day = random_day(27, n=200, n_dense=3, sizes=(4,), zero_sum=(NONE,))
    day.dense[0] = 3.0 + np.random.default_rng(2).standard_normal(200)
    others = np.delete(day.x, 0, axis=1)
    r2 = sm.WLS(day.dense[0], others, weights=day.weights).fit().rsquared
    assert day.fit().vif[0] == pytest.approx(1 / (1 - r2), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_constrained_weighted_least_squares_of_statsmodels(seed: int) -> None:
    day = random_day(seed, n=80, sizes=(5, 3), zero_sum=(CAP_WEIGHTED, EQUAL))
    fit, x = day.fit(), day.x
    constraints = np.zeros((2, x.shape[1]))
    constraints[0, 3:8] = day.market_cap @ x[:, 3:8] / day.market_cap.sum()
    constraints[1, 8:11] = 1.0
    weights = day.weights / day.weights.mean()
    peer = sm.GLM(day.returns, x, var_weights=weights).fit_constrained((constraints, np.zeros(2)))
    np.testing.assert_allclose(fit.factor_returns, peer.params, atol=1e-10)
    np.testing.assert_allclose(fit.standard_errors, peer.bse, rtol=1e-6)


@pytest.mark.parametrize("epsilon", [1.1, 1.35, 2.0])
def test_huber_of_scikit_learn(epsilon: float) -> None:
    day = random_day(21, n=300, n_dense=4, sizes=(), zero_sum=())
    day.returns[:20] += 0.3  # outliers
    c = consistency(epsilon)  # its scale is not that of normal residuals: the same bound is this epsilon
    peer = HuberRegressor(
        epsilon=epsilon / np.sqrt(c), alpha=0.0, fit_intercept=False, tol=1e-12, max_iter=10_000
    )
    peer.fit(1e3 * day.dense.T, 1e3 * day.returns, sample_weight=day.weights / day.weights.mean())
    fit = day.fit_robustly(epsilon)
    np.testing.assert_allclose(fit.factor_returns, peer.coef_, atol=2e-6)
    residual = np.abs(day.returns - day.x @ fit.factor_returns)
    scale = huber_scale(residual, day.weights / day.weights.sum(), epsilon, c)
    assert 1e3 * scale * np.sqrt(c) == pytest.approx(peer.scale_, rel=1e-3)
    assert (fit.weight[:20] < 0.5 * day.weights[:20] / day.weights.sum()).mean() > 0.9


def test_unconstrained_regressions_of_skfolio() -> None:
    days = [random_day(seed, n=50, n_dense=4, sizes=(), zero_sum=()) for seed in range(3)]
    weights = np.stack([day.weights for day in days])
    x, y = np.stack([day.dense.T for day in days]), np.stack([day.returns for day in days])
    weights[1, :5] = 0.0
    days[1].weights[:5] = 0.0
    peer = CSLinearRegression().fit(x, y, cs_weights=weights)
    for day, coefficients in zip(days, peer.coef_, strict=True):
        np.testing.assert_allclose(day.fit().factor_returns, coefficients, rtol=1e-9, atol=1e-14)


def test_covariances_of_skfolio() -> None:
    """With one half-life for volatilities and correlations ours is the usual covariance."""
    f = np.random.default_rng(7).standard_normal((150, 6)) @ np.random.default_rng(8).standard_normal((6, 6))
    peer = EWCovariance(half_life=25).fit(f).covariance_
    ours = factor_covariances(f, FactorCovarianceSettings(halflife_vol=25, halflife_cor=25)).covariance[-1]
    np.testing.assert_allclose(ours, 252 * peer, rtol=1e-10)


def test_specific_variances_of_skfolio_with_holidays() -> None:
    """Each name's own days: one without a return leaves the estimate and its weights as they are."""
    t, n = 90, 5
    rng = np.random.default_rng(9)
    e = rng.standard_normal((t, n)) * 0.02
    e[rng.random((t, n)) < 0.2] = np.nan
    e[-1] = 0.01
    peer = EWVariance(half_life=20).fit(e).variance_
    rows = n * (t + 1)
    returns = np.append(e.ravel(), np.full(n, np.nan))  # the row of a day has what comes until the next
    variance, history = np.full(rows, np.nan), np.zeros(rows, np.int32)
    panel = SpecificReturns(
        np.arange(0, rows + 1, n), np.tile(np.arange(n, dtype=np.int32), t + 1), returns,
        np.ones(rows, np.int32), np.ones(rows), np.ones(rows, np.bool_), np.arange(t + 1), np.zeros(t + 1),
    )  # fmt: skip
    how = Smoothing.of(20, 0, 20, (-np.inf, np.inf), (-np.inf, np.inf))
    specific_variances(
        panel, how, start_state(n, 0), Span(0, 0, t + 1), (0, n), Regime(-1, np.zeros((t + 1, 2))),
        VarianceRows(t, 0, variance, history),
    )  # fmt: skip
    np.testing.assert_allclose(variance[-n:], peer, rtol=1e-10)


def test_huber_finds_the_truth_among_outliers_where_squares_do_not() -> None:
    day = random_day(22, n=400)
    truth = np.array([0.01, 0.004, -0.003, 0.002, -0.001, 0.001, 0.0])
    truth[3:] -= np.average(truth[3:], weights=day.x[:, 3:].T @ day.market_cap)
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
