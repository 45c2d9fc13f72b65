"""Cross-sectional transforms against definitions, scipy and statsmodels-like closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from openfactor.numerics.scores import (
    correlations,
    normal_scores,
    orthogonal_complement,
    standardize,
    winsorize,
)

VALUES = arrays(np.float64, st.integers(2, 30), elements=st.sampled_from([-2.5, -1, 0, 0.5, 1, 3, np.nan]))


def everybody(values: np.ndarray) -> np.ndarray:
    return np.ones(len(values), bool)


@given(VALUES)
def test_scores_against_scipy(values: np.ndarray) -> None:
    known = np.isfinite(values)
    expected = np.full(len(values), np.nan)
    n = known.sum()
    expected[known] = stats.norm.ppf((stats.rankdata(values[known]) - 0.5) / n) if n else []
    np.testing.assert_allclose(normal_scores(values, everybody(values)), expected, atol=1e-12)


@given(VALUES)
def test_kept_zeros_and_signs(values: np.ndarray) -> None:
    scores = normal_scores(values, everybody(values), keep_zeros=True)
    np.testing.assert_array_equal(np.sign(scores), np.sign(values))
    order = np.argsort(values[np.isfinite(values)])
    assert (np.diff(scores[np.isfinite(values)][order]) >= 0).all()


def test_scores_of_a_distribution_without_ties() -> None:
    x = np.random.default_rng(0).lognormal(size=1001)
    scores = normal_scores(x, everybody(x))
    assert abs(scores.mean()) < 1e-12
    assert scores.std() == pytest.approx(1.0, abs=0.01)
    assert stats.skew(scores) == pytest.approx(0.0, abs=1e-10)


def test_somebody_else_gets_the_score_of_the_same_value() -> None:
    values = np.array([1.0, 2.0, 3.0, 2.0, 9.0, -9.0, 2.5])
    among = np.array([True, True, True, False, False, False, False])
    scores = normal_scores(values, among)
    np.testing.assert_allclose(scores[:3], stats.norm.ppf([1 / 6, 0.5, 5 / 6]), atol=1e-15)
    assert scores[3] == scores[1]
    assert scores[4] == scores[2]  # beyond the largest: as the largest
    assert scores[5] == scores[0]
    assert scores[1] < scores[6] < scores[2]


def test_standardize() -> None:
    rng = np.random.default_rng(1)
    values, among = rng.normal(5, 3, 50), np.arange(50) < 30
    values[3] = np.nan
    z = standardize(values[None], among)[0]
    known = values[:30][np.isfinite(values[:30])]
    np.testing.assert_allclose(z, (values - known.mean()) / known.std(ddof=0))
    assert np.isnan(z[3])
    np.testing.assert_array_equal(standardize(np.full((1, 3), 0.1), np.ones(3, bool)), [[0, 0, 0]])
    np.testing.assert_array_equal(standardize(np.array([[1.0, 2.0]]), np.zeros(2, bool)), [[0, 0]])


@pytest.mark.parametrize("collinear", [False, True])
def test_complement_is_orthogonal_and_the_residual_of_least_squares(collinear: bool) -> None:
    rng = np.random.default_rng(2)
    n = 200
    dummies = np.eye(5)[rng.integers(0, 5, n)]
    sources = np.column_stack([np.ones(n), dummies, rng.standard_normal(n)]) if collinear else dummies
    target, weights = rng.standard_normal(n), rng.uniform(0, 2, n)
    weights[:50] = 0.0
    target[60] = np.nan
    other = np.where(np.arange(n) % 7 == 0, np.nan, target**2)  # other names have it
    out, second = orthogonal_complement(np.stack([target, other]), sources, weights)
    np.testing.assert_allclose(second, orthogonal_complement(other[None], sources, weights)[0], atol=1e-12)
    assert np.isnan(out[60])
    used = (weights > 0) & np.isfinite(target)
    moments = sources[used].T @ (weights[used] * out[used])
    assert np.abs(moments).max() < 1e-11
    root = np.sqrt(weights[used])
    b = np.linalg.lstsq(sources[used] * root[:, None], target[used] * root, rcond=None)[0]
    np.testing.assert_allclose(out[used], target[used] - sources[used] @ b, atol=1e-11)
    # the same coefficients hold for names outside of the measured ones
    if not collinear:
        np.testing.assert_allclose(out[:50], target[:50] - sources[:50] @ b, atol=1e-11)


def test_a_name_without_a_source_keeps_no_target() -> None:
    sources = np.array([[1.0], [1.0], [np.nan], [1.0]])
    (out,) = orthogonal_complement(np.array([[1.0, 2.0, 3.0, 6.0]]), sources, np.ones(4))
    np.testing.assert_allclose(out, [-2.0, -1.0, np.nan, 3.0])


def test_winsorizing_moves_outliers_of_the_set_and_of_others_to_its_bounds() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0, np.nan, -50.0])
    among = np.array([True] * 6 + [False])
    # the median of 1, 2, 3, 4, 100 is 3, of the distances 1
    upper, lower = 3 + 2 * 1.482602218505602, 3 - 2 * 1.482602218505602
    np.testing.assert_allclose(winsorize(values, among, 2.0), [1, 2, 3, 4, upper, np.nan, lower])
    for same in (np.array([5.0, 5.0, 5.0, 80.0]), np.array([np.nan, np.nan])):
        np.testing.assert_array_equal(winsorize(same, np.ones(len(same), bool), 2.0), same)


def test_correlations_are_those_of_pandas() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.standard_normal((2, 50, 4))
    second[:, 1] += first[:, 1]
    first[rng.random((50, 4)) < 0.2] = np.nan
    second[rng.random((50, 4)) < 0.2] = np.nan
    second[:, 2], first[:, 3] = 1.5, np.nan
    expected = [pd.Series(first[:, k]).corr(pd.Series(second[:, k])) for k in range(2)]
    np.testing.assert_allclose(correlations(first, second), [*expected, np.nan, np.nan], rtol=1e-12)
