"""Portfolios against the dense covariance of all listings."""

from __future__ import annotations

import numpy as np
import pytest

from openfactor.numerics.portfolio_risk import listing_variances, optimal_portfolios, portfolio_variances


@pytest.mark.parametrize("singular", [False, True])
def test_against_the_dense_covariance(singular: bool) -> None:
    rng = np.random.default_rng(0)
    n, k = 30, 5
    x, s2 = rng.standard_normal((n, k)), rng.uniform(0.5, 2, n)
    root = rng.standard_normal((k, k))
    if singular:
        root[:, 0] = root[:, 1] = 0.0
    f = root @ root.T
    v = x @ f @ x.T + np.diag(s2)
    h = rng.standard_normal((4, n))
    np.testing.assert_allclose(portfolio_variances(h, x, f, s2), np.diag(h @ v @ h.T), rtol=1e-12)
    np.testing.assert_allclose(listing_variances(x, f, s2), np.diag(v), rtol=1e-12)
    expected = np.linalg.solve(v, h.T).T
    np.testing.assert_allclose(optimal_portfolios(h, x, f, s2), expected, rtol=1e-9, atol=1e-11)


def test_variances_too_unequal_to_solve_for_give_no_portfolio() -> None:
    exposures, covariance = np.ones((1, 2)), np.ones((2, 2))
    holdings = optimal_portfolios(np.ones((3, 1)), exposures, covariance, np.array([1e-20]))
    assert holdings.shape == (3, 1)
    assert np.isnan(holdings).all()
