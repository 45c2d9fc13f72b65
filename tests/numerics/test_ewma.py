"""Exponential weights against pandas, and against sums over the past."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfactor.numerics.ewma import (
    bartlett_weights,
    decay,
    effective_number,
    ewma_means,
    ewma_products,
    newey_west_products,
    newey_west_variances,
    weighted_products,
)

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("halflife", [1.0, 7.5, 60.0])
def test_means_are_those_of_pandas_with_holes_and_late_starts(halflife: float) -> None:
    values = RNG.standard_normal((200, 4))
    values[:50, 1] = np.nan
    values[RNG.random(200) < 0.3, 2] = np.nan
    values[:, 3] = np.nan
    expected = pd.DataFrame(values).ewm(halflife=halflife, ignore_na=False).mean()
    np.testing.assert_allclose(ewma_means(values, halflife), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_products_are_those_of_pandas(lag: int) -> None:
    f = RNG.standard_normal((80, 3))
    products = ewma_products(f, 12.0, lag)
    for a in range(3):
        for b in range(3):
            product = pd.Series(f[:, a]) * pd.Series(f[:, b]).shift(lag)
            expected = product.ewm(halflife=12.0).mean()
            np.testing.assert_allclose(products[:, a, b], expected, rtol=1e-12, atol=1e-14)
    for t in (lag, 40, 79):
        alone = weighted_products(f[: t + 1], 12.0, lag)
        np.testing.assert_allclose(alone, products[t], rtol=1e-11, atol=1e-15)
    assert np.isnan(weighted_products(f[:lag], 12.0, lag)).all()


def test_newey_west_is_the_sum_of_its_gammas_of_pandas() -> None:
    f = pd.DataFrame(RNG.standard_normal((120, 3))).rolling(3, min_periods=1).mean()
    expected = (f**2).ewm(halflife=20).mean()
    for lag in (1, 2, 3, 4):
        expected += 2 * (1 - lag / 5) * (f * f.shift(lag)).ewm(halflife=35).mean().fillna(0.0)
    np.testing.assert_allclose(newey_west_variances(f.to_numpy(), 20, 4, 35), expected, rtol=1e-11)


@pytest.mark.compiled
def test_newey_west_finds_the_variance_of_a_moving_average() -> None:
    """x_t = (e_t + e_(t-1)) / 2 has variance 1/2, and sums of it grow with variance 1 a day."""
    e = np.random.default_rng(0).standard_normal((100_001, 1))
    x = (e[1:] + e[:-1]) / 2
    assert newey_west_variances(x, 20_000, 0)[-1, 0] == pytest.approx(0.5, abs=0.02)
    # Bartlett weights let a lag-one autocovariance of 1/4 count 49/50
    assert newey_west_variances(x, 20_000, 49)[-1, 0] == pytest.approx(0.5 + 2 * 0.25 * 49 / 50, abs=0.06)


@given(st.floats(0.5, 300) | st.just(np.inf), st.integers(1, 2000))
def test_effective_number_is_that_of_the_weights(halflife: float, n: int) -> None:
    w = decay(halflife) ** np.arange(n)
    days = effective_number(halflife, np.array([n]))[0]
    assert days == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-6)


@pytest.mark.parametrize("lags", [0, 1, 3])
def test_newey_west_products_are_the_sums_over_the_past(lags: int) -> None:
    """Of several days and of one alone; lags that the history is too short for count for nothing."""
    f, halflife = RNG.standard_normal((30, 3)), 9.0
    days = np.array([0, 2, 17, 29])
    together = newey_west_products(f, halflife, lags, days)
    for d, t in enumerate(days):
        expected = np.zeros((3, 3))
        for lag in range(min(lags, t) + 1):
            pairs = [(decay(halflife) ** (t - s), np.outer(f[s], f[s - lag])) for s in range(lag, t + 1)]
            gamma = sum(w * product for w, product in pairs) / sum(w for w, _ in pairs)
            expected += gamma if lag == 0 else (1 - lag / (lags + 1)) * (gamma + gamma.T)
        np.testing.assert_allclose(together[d], expected, rtol=1e-10, atol=1e-14)
        alone = newey_west_products(f, halflife, lags, np.array([t]))[0]
        np.testing.assert_allclose(alone, expected, rtol=1e-10, atol=1e-14)


def test_bartlett_weights_fall_to_the_first_lag_that_is_left_out() -> None:
    np.testing.assert_allclose(bartlett_weights(3), [0.75, 0.5, 0.25])
    assert len(bartlett_weights(0)) == 0
