"""Rolling betas against slow twins and on data where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from openfactor.numerics.huber import rolling_huber
from openfactor.numerics.rolling import rolling_ols
from openfactor.numerics.student_t import critical_values
from tests.reference import betas


def series(n_periods: int = 60, n_names: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    g = rng.normal(0, 0.01, n_periods)
    y = np.outer(g, rng.uniform(-1, 2, n_names)) + rng.standard_t(3, (n_periods, n_names)) * 0.01
    y[rng.random(y.shape) < 0.1] = np.nan
    g[7] = np.nan
    return y, g


@pytest.mark.parametrize("overlap", [1, 3])
@pytest.mark.parametrize("window", [10, 25])
def test_ols(window: int, overlap: int) -> None:
    y, g = series()
    slopes = rolling_ols(y, g, window, overlap, window // 2)
    for e in range(y.shape[1]):
        np.testing.assert_allclose(
            slopes[:, e], betas.ols(y[:, e], g, window, overlap, window // 2), atol=1e-9
        )


def test_a_series_on_itself_has_beta_one_and_a_constant_none() -> None:
    g = np.random.default_rng(1).normal(0, 0.01, 30)
    slopes = rolling_ols(np.column_stack([g, 2 * g + 0.001]), g, 10, 5, 5)
    np.testing.assert_allclose(slopes[20], [1, 2], atol=1e-12)
    assert np.isnan(rolling_ols(np.ones((30, 1)), np.full(30, 0.3), 10, 1, 5)).all()


@pytest.mark.parametrize("alpha", [0.0, 0.0001, 0.05])
def test_huber(alpha: float) -> None:
    y, g = series(40, 3, seed=2)
    window = 30
    slopes = rolling_huber(y, g, window, 15, 1.35, alpha, alpha, 200, np.zeros(window + 1))
    for e in range(3):
        for t in (35, 39):
            both = np.isfinite(y[t - window + 1 : t + 1, e]) & np.isfinite(g[t - window + 1 : t + 1])
            at = slice(t - window + 1, t + 1)
            expected = betas.huber(y[at, e][both], g[at][both], 1.35, alpha)
            assert slopes[t, e] == pytest.approx(expected[0], abs=2e-6)


def test_huber_ignores_an_outlier_that_moves_least_squares() -> None:
    rng = np.random.default_rng(3)
    g = rng.normal(0, 0.01, 60)
    y = (1.5 * g + rng.normal(0, 0.001, 60))[:, None]
    y[np.argmax(g)] = 0.5
    robust = rolling_huber(y, g, 60, 30, 1.35, 0.0, 0.0, 100, np.zeros(61))[-1, 0]
    assert robust == pytest.approx(1.5, abs=0.05)
    assert abs(rolling_ols(y, g, 60, 1, 30)[-1, 0] - 1.5) > 0.5


def test_huber_of_an_exact_line_and_of_nothing() -> None:
    g = np.random.default_rng(4).normal(0, 0.01, 30)
    slopes = rolling_huber(np.column_stack([0.7 * g, 0 * g]), g, 20, 10, 1.35, 0.0, 0.0, 100, np.zeros(21))
    np.testing.assert_allclose(slopes[-1], [0.7, 0.0], atol=1e-8)


def test_the_penalty_falls_as_the_window_fills() -> None:
    rng = np.random.default_rng(5)
    g = rng.normal(0, 0.01, 60)
    y = (g + rng.normal(0, 0.002, 60))[:, None]
    slopes = rolling_huber(y, g, 60, 2, 1.35, 0.0, 10.0, 100, np.zeros(61))[:, 0]
    assert abs(slopes[3]) < 0.1
    assert slopes[-1] == pytest.approx(
        rolling_huber(y, g, 60, 60, 1.35, 0.0, 0.0, 100, np.zeros(61))[-1, 0], abs=1e-6
    )


@pytest.mark.compiled
def test_slopes_that_are_not_significant_become_zero() -> None:
    """With true slopes of 0 about `level` of the slopes survive, with strong ones all do."""
    rng = np.random.default_rng(6)
    g = rng.normal(0, 0.01, 100)
    noise = rng.normal(0, 0.01, (100, 2000))
    critical = critical_values(0.1, 100)
    kept = rolling_huber(noise, g, 100, 100, 1.35, 0.0, 0.0, 100, critical)[-1] != 0
    assert kept.mean() == pytest.approx(0.1, abs=0.03)
    strong = rolling_huber(3 * g[:, None] + noise, g, 100, 100, 1.35, 0.0, 0.0, 100, critical)[-1]
    assert (strong != 0).all()


def test_critical_values() -> None:
    critical = critical_values(0.05, 30)
    assert critical[30] == pytest.approx(stats.t.ppf(0.975, 28))
    assert np.isinf(critical[:3]).all()
    assert (critical_values(None, 5) == 0).all()


def test_the_t_statistic_is_that_of_the_asymptotic_covariance() -> None:
    """kappa^2 sum psi^2 / (n - p) / m^2 (X'X)^-1, from the residuals of an independent fit: a critical value
    on either side of t decides whether the slope stays."""
    rng, n = np.random.default_rng(7), 40
    g = rng.normal(0, 0.01, n)
    y = (0.4 * g + 0.01 * rng.standard_t(3, n))[:, None]
    slope, intercept, scale = betas.huber(y[:, 0], g, 1.35, 0.0)
    residuals, bound = y[:, 0] - intercept - slope * g, 1.35 * scale
    share = np.mean(np.abs(residuals) <= bound)
    kappa = 1 + 2 / n * (1 - share) / share
    psi = np.clip(residuals, -bound, bound)
    x = np.column_stack([g, np.ones(n)])
    covariance = kappa**2 * (psi @ psi) / (n - 2) / share**2 * np.linalg.inv(x.T @ x)
    t = abs(slope) / np.sqrt(covariance[0, 0])
    for factor, stays in ((0.999, True), (1.001, False)):
        critical = np.full(n + 1, factor * t)
        last = rolling_huber(y, g, n, n, 1.35, 0.0, 0.0, 500, critical)[-1, 0]
        assert last == (pytest.approx(slope, abs=1e-5) if stays else 0.0)


def test_a_factor_that_does_not_move_has_no_slope() -> None:
    y = np.random.default_rng(8).normal(0, 0.01, (30, 1))
    for critical in (np.zeros(21), np.full(21, 0.5)):
        assert rolling_huber(y, np.full(30, 0.0), 20, 10, 1.35, 0.0, 0.0, 50, critical)[-1, 0] == 0.0
