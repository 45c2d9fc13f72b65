"""Specific variances along a ragged panel against sums over each listing's own returns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from openfactor.numerics.ewma import decay
from openfactor.numerics.specific import shrink_to_deciles, specific_variances, trimmed
from tests.reference.forecasts import specific_variance_slowly

DAYS, LISTINGS = 40, 7
TRADING = np.array([d for d in range(DAYS) if d % 7 < 5])


class Ragged:
    """Listing 0 comes late, 1 leaves early, 2 has holes; some returns are outliers."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        alive = np.ones((DAYS, LISTINGS), bool)
        alive[:15, 0], alive[25:, 1] = False, False
        self.offsets = np.append(0, np.cumsum(alive.sum(axis=1)))
        self.listing = np.concatenate([np.flatnonzero(row) for row in alive]).astype(np.int32)
        day = np.repeat(np.arange(DAYS), alive.sum(axis=1))
        self.returns = rng.normal(0, 0.02, len(day))
        self.returns[(self.listing == 2) & (rng.random(len(day)) < 0.4)] = np.nan
        self.returns[~np.isin(day, TRADING[:-1])] = np.nan
        self.returns[(self.listing == 3) & (day == 10)] = 0.9
        self.returns[(self.listing == 4) & (day == 11)] = -0.6
        self.day = day

    def past(self, listing: int, t: int, returns: np.ndarray) -> list[float]:
        """What is known of a listing on trading day t: returns of the rows of trading days before."""
        rows = (self.listing == listing) & (self.day < TRADING[t]) & np.isin(self.day, TRADING)
        return [e for e in returns[rows] if np.isfinite(e)]


EVERYTHING = (-np.inf, np.inf)


def run(ragged: Ragged, void=EVERYTHING, clip=EVERYTHING, lags: int = 0, first: int = 0):
    returns = ragged.returns
    variance = np.full(len(returns), np.nan)
    history = np.zeros(len(returns), np.int32)
    for low, high in ((0, 3), (3, 3), (3, LISTINGS)):  # as threads share them out
        specific_variances(
            ragged.offsets, ragged.listing, returns, TRADING, low, high, void, clip, decay(6.0), lags,
            decay(9.0), first, variance, history,
        )  # fmt: skip
    return variance, history


@pytest.mark.parametrize("lags", [0, 1, 4])
def test_each_listing_has_the_mean_of_its_own_past(lags: int) -> None:
    ragged = Ragged(1)
    void, clip = (-np.inf, 0.5), (-0.3, np.inf)
    used = trimmed(ragged.returns, void, clip)
    variance, history = run(ragged, void, clip, lags)
    for t, d in enumerate(TRADING):
        rows = slice(ragged.offsets[d], ragged.offsets[d + 1])
        for row in range(rows.start, rows.stop):
            past = ragged.past(ragged.listing[row], t, used)
            assert history[row] == len(past)
            expected = specific_variance_slowly(past, 6.0, lags, 9.0) if past else np.nan
            np.testing.assert_allclose(variance[row], expected, rtol=1e-11)
    weekend = ~np.isin(ragged.day, TRADING)
    assert np.isnan(variance[weekend]).all()


def test_the_weights_are_those_of_pandas_over_the_days_that_there_are() -> None:
    ragged = Ragged(2)
    variance, _ = run(ragged)
    mine = (ragged.listing == 2) & np.isin(ragged.day, TRADING)
    squares = pd.Series(ragged.returns[mine] ** 2)
    expected = squares.ewm(halflife=6.0, ignore_na=True).mean().shift(1)
    np.testing.assert_allclose(variance[mine], expected, rtol=1e-12)


def test_asking_for_late_days_alone_gives_the_same() -> None:
    ragged = Ragged(3)
    whole, history = run(ragged, lags=2)
    late, counted = run(ragged, lags=2, first=20)
    from_there = ragged.day >= TRADING[20]
    np.testing.assert_array_equal(late[from_there], whole[from_there])
    np.testing.assert_array_equal(counted[from_there], history[from_there])
    assert np.isnan(late[~from_there]).all()


def test_what_is_void_is_left_out_before_what_is_left_is_clipped() -> None:
    returns = np.array([0.9, 0.5, 0.2, -0.2, -0.6, np.nan])
    out = trimmed(returns, (-0.5, 0.5), (-0.3, 0.3))
    np.testing.assert_array_equal(out, [np.nan, 0.3, 0.2, -0.2, np.nan, np.nan])
    np.testing.assert_array_equal(trimmed(returns, EVERYTHING, EVERYTHING), returns)


def test_a_negative_newey_west_variance_gives_way_to_the_plain_one() -> None:
    """Returns that turn round every day: gamma_1 is minus the variance."""
    n = len(TRADING)
    offsets, listing = np.arange(DAYS + 1), np.zeros(DAYS, np.int32)
    returns = np.full(DAYS, np.nan)
    returns[TRADING] = 0.01 * (-1.0) ** np.arange(n)
    variance, history = np.full(DAYS, np.nan), np.zeros(DAYS, np.int32)
    specific_variances(
        offsets, listing, returns, TRADING, 0, 1, EVERYTHING, EVERYTHING, decay(6.0), 3, decay(6.0), 0,
        variance, history,
    )  # fmt: skip
    assert (variance[TRADING[1:]] > 0).all()


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
