"""Correlations of series that are not all there on all days, against loops and pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfactor.numerics.pairwise import complete_correlation, pairwise_correlations
from openfactor.numerics.shrinkage import nearest_correlation
from tests.reference.forecasts import pairwise_correlation_slowly


def holed(seed: int, t: int = 70, k: int = 5) -> np.ndarray:
    """Series 1 comes late, 2 goes and comes back, 3 is there on some days, 4 is never there with 1."""
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((t, k)) @ rng.standard_normal((k, k))
    f[: t // 2, 1] = np.nan
    f[t // 3 : t // 2, 2] = np.nan
    f[rng.random(t) < 0.5, 3] = np.nan
    f[t // 2 :, 4] = np.nan
    return f


@pytest.mark.parametrize("lags", [0, 1, 3])
@pytest.mark.parametrize("halflife", [3.0, 40.0, np.inf])
def test_each_pair_has_its_own_days(lags: int, halflife: float) -> None:
    f, days = holed(1), np.array([0, 1, 2, 30, 36, 36, 69])
    correlations, common = pairwise_correlations(f, halflife, lags, days)
    for d, t in enumerate(days):
        slow, number = pairwise_correlation_slowly(f[: t + 1], halflife, lags)
        np.testing.assert_allclose(correlations[d], slow, rtol=1e-10, atol=1e-13)
        np.testing.assert_array_equal(common[d], number)
    assert common[-1, 1, 4] == 0


def test_pairs_are_those_of_pandas() -> None:
    f = holed(2)
    correlations, _ = pairwise_correlations(f, 20.0, 0, np.array([len(f) - 1]))
    for a in range(5):
        for b in range(5):
            is_complete = np.isfinite(f[:, a] * f[:, b])
            both = pd.DataFrame({"a": f[:, a], "b": f[:, b]})
            both[~is_complete] = np.nan
            products = {"ab": both.a * both.b, "aa": both.a**2, "bb": both.b**2}
            mean = pd.DataFrame(products).ewm(halflife=20).mean()
            if both.a.notna().any():
                last = mean.iloc[-1]
                assert correlations[0, a, b] == pytest.approx(last.ab / np.sqrt(last.aa * last.bb), rel=1e-11)


def test_a_series_that_was_away_for_a_thousand_half_lives_is_remembered() -> None:
    f = np.random.default_rng(3).standard_normal((2000, 2))
    f[100:1900, 1] = np.nan
    before, _ = pairwise_correlations(f[:100], 1.0, 0, np.array([99]))
    during, _ = pairwise_correlations(f, 1.0, 0, np.array([1899]))
    np.testing.assert_allclose(during, before, rtol=1e-12)
    after, _ = pairwise_correlations(f, 1.0, 0, np.array([1999]))
    assert np.isfinite(after).all()


def test_the_young_are_the_mean_of_their_group() -> None:
    """Their correlation with each other series is that of the mean of the standardised ones of the group."""
    rng = np.random.default_rng(4)
    z = rng.standard_normal((400, 6)) @ rng.standard_normal((6, 6))
    z /= np.sqrt((z**2).mean(axis=0))
    correlation = z.T @ z / 400
    common = np.full((6, 6), 400)
    common[5], common[:, 5] = 3, 3
    group = np.array([0, 1, 1, 1, 2, 1])
    correlations = complete_correlation(correlation, common, 21, group, np.ones(6, np.bool_))
    np.testing.assert_allclose(correlations[:5, :5], correlation[:5, :5], rtol=1e-12)
    mean = z[:, 1:4].mean(axis=1)
    np.testing.assert_allclose(correlations[5, :5], z[:, :5].T @ mean / 400, rtol=1e-10)
    assert not nearest_correlation(correlations)[1]
    alone = complete_correlation(correlation, common, 21, np.arange(6), np.ones(6, np.bool_))
    np.testing.assert_array_equal(alone[5], np.eye(6)[5])  # nobody to take it from


def test_two_that_never_met_are_as_correlated_as_their_groups() -> None:
    correlation = np.array([[1, 0.5, 0.2, 0.9], [0.5, 1, 0.4, 0.3], [0.2, 0.4, 1, 0.6], [0.9, 0.3, 0.6, 1.0]])
    common = np.full((4, 4), 100)
    common[0, 3] = common[3, 0] = 2
    correlations = complete_correlation(correlation, common, 21, np.array([0, 0, 1, 1]), np.ones(4, np.bool_))
    assert correlations[[0, 3], [3, 0]] == pytest.approx((0.2 + 0.4 + 0.3) / 3)
    kept = np.ones((4, 4), bool)
    kept[0, 3] = kept[3, 0] = False
    np.testing.assert_allclose(correlations[kept], correlation[kept], rtol=1e-12)


@given(st.integers(0, 2**16), st.integers(1, 120), st.integers(1, 8), st.integers(0, 3), st.floats(1, 1e6))
def test_always_a_correlation_after_the_repair(seed: int, t: int, k: int, lags: int, halflife: float) -> None:
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((t, k))
    f[rng.random((t, k)) < rng.random()] = np.nan
    f[: rng.integers(0, t + 1), 0] = np.nan
    correlations, common = pairwise_correlations(f, halflife, lags, np.array([t - 1]))
    known = np.diag(common[0]) > 0
    group = rng.integers(0, 3, k)
    enough = min(21, int(np.diag(common[0]).max()))
    out, _ = nearest_correlation(complete_correlation(correlations[0], common[0], enough, group, known))
    assert np.isfinite(out).all()
    np.testing.assert_allclose(np.diag(out), 1.0, rtol=1e-9)
    np.testing.assert_allclose(out, out.T, atol=1e-12)
    assert np.linalg.eigvalsh(out)[0] > -1e-9
