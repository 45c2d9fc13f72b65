"""Volatilities drawn towards the mean of their cap decile, by the formula."""

from __future__ import annotations

import numpy as np
import pytest

from openfactor.numerics.volatility_shrinkage import shrink_to_deciles


def test_volatilities_move_towards_the_mean_of_their_decile() -> None:
    rng = np.random.default_rng(0)
    cap, vol = rng.lognormal(0, 1, 200), rng.uniform(0.01, 0.05, 200)
    vol[7] = np.nan
    cap[9] = np.nan
    out, share = shrink_to_deciles(vol, cap, 0.3)
    known = np.isfinite(vol) & np.isfinite(cap)
    decile = np.full(200, -1)
    decile[known] = np.minimum((np.argsort(np.argsort(cap[known])) * 10) // known.sum(), 9)
    smallest = np.flatnonzero(known)[np.argsort(cap[known])][:20]
    mean = np.average(vol[smallest], weights=cap[smallest])
    spread = np.sqrt(np.mean((vol[smallest] - mean) ** 2))
    for i in smallest:
        v = 0.3 * abs(vol[i] - mean) / (spread + 0.3 * abs(vol[i] - mean))
        assert share[i] == pytest.approx(v, rel=1e-12)
        assert out[i] == pytest.approx(v * mean + (1 - v) * vol[i], rel=1e-12)
    assert out[9] == vol[9]
    assert np.isnan(out[7])
    np.testing.assert_array_equal(shrink_to_deciles(vol, cap, 0.0)[0], vol)
    same, none = shrink_to_deciles(np.full(30, 0.02), rng.lognormal(0, 1, 30), 0.5)
    np.testing.assert_allclose(same, 0.02)
    assert (none == 0).all()


def test_deciles_of_fewer_than_ten() -> None:
    """Each is the mean of its own decile."""
    vol, cap = np.array([0.02, 0.03, np.nan]), np.array([1.0, 2.0, 3.0])
    out, share = shrink_to_deciles(vol, cap, 0.5)
    np.testing.assert_array_equal(out, vol)
    assert (share == 0).all()
