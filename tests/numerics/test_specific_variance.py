"""Specific variances along a ragged panel against sums over each listing's own returns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from openfactor.numerics.ewma import bartlett_weights
from openfactor.numerics.specific_variance import (
    Regime,
    Smoothing,
    Span,
    SpecificReturns,
    VarianceRows,
    specific_variances,
    start_state,
    trimmed,
)
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
        self.covered = np.ones(len(day), np.int32)
        self.rounding = np.zeros(len(TRADING))

    def past(self, listing: int, t: int, returns: np.ndarray) -> list[float]:
        """What is known of a listing on trading day t: returns of the rows of trading days before."""
        return returns[self.past_rows(listing, t, returns)].tolist()

    def past_rows(self, listing: int, t: int, returns: np.ndarray) -> np.ndarray:
        rows = (self.listing == listing) & (self.day < TRADING[t]) & np.isin(self.day, TRADING)
        return np.flatnonzero(rows & np.isfinite(returns))


EVERYTHING = (-np.inf, np.inf)


def run(ragged: Ragged, void=EVERYTHING, clip=EVERYTHING, lags: int = 0, first: int = 0):
    """Variances and numbers of returns (rows,), taken in by several threads' worth of listings."""
    n_rows = len(ragged.returns)
    variance, history = np.full(n_rows, np.nan), np.zeros(n_rows, np.int32)
    state, how = start_state(LISTINGS, lags), Smoothing.of(6.0, lags, 9.0, void, clip)
    for listings in ((0, 3), (3, 3), (3, LISTINGS)):
        take_in(ragged, how, state, Span(0, 0, len(TRADING)), listings, first, variance, history)
    return variance, history


def take_in(ragged, how, state, span, listings, first, variance, history, min_returns=-1, sums=None) -> None:
    n_rows = len(ragged.returns)
    rows = SpecificReturns(
        ragged.offsets, ragged.listing, ragged.returns, ragged.covered, np.linspace(1, 2, n_rows),
        ragged.listing != 5, TRADING, ragged.rounding,
    )  # fmt: skip
    sums = np.zeros((len(TRADING), 2)) if sums is None else sums
    specific_variances(
        rows, how, state, span, listings, Regime(min_returns, sums), VarianceRows(first, 0, variance, history)
    )


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
    own_rows = (ragged.listing == 2) & np.isin(ragged.day, TRADING)
    squares = pd.Series(ragged.returns[own_rows] ** 2)
    expected = squares.ewm(halflife=6.0, ignore_na=True).mean().shift(1)
    np.testing.assert_allclose(variance[own_rows], expected, rtol=1e-12)


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
    ragged = Ragged(4)
    ragged.returns = np.where(np.isfinite(ragged.returns), 0.01 * (-1.0) ** ragged.day, np.nan)
    variance, history = run(ragged, lags=3)
    assert (variance[history > 0] > 0).all()


@pytest.mark.parametrize("lags", [0, 1, 3, 6])
def test_a_return_over_several_days_counts_as_so_many(lags: int) -> None:
    """Against a twin that writes each day out; bounds are held against 1/sqrt(m) of the return."""
    ragged = Ragged(5)
    ragged.covered[:] = np.random.default_rng(0).choice([1, 1, 2, 3, 7], len(ragged.day))
    ragged.returns *= np.sqrt(ragged.covered)
    void, clip = (-np.inf, 0.5), (-0.3, np.inf)
    daily = trimmed(ragged.returns / np.sqrt(ragged.covered), void, clip)
    used = daily * np.sqrt(ragged.covered)
    variance, history = run(ragged, void, clip, lags)
    for t in (3, 9, 20, len(TRADING) - 1):
        d = TRADING[t]
        for row in range(ragged.offsets[d], ragged.offsets[d + 1]):
            past = ragged.past_rows(ragged.listing[row], t, used)
            assert history[row] == len(past)
            if len(past):
                expected = specific_variance_slowly(
                    used[past].tolist(), 6.0, lags, 9.0, ragged.covered[past].tolist()
                )
                np.testing.assert_allclose(variance[row], expected, rtol=1e-10)


@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("lags", [0, 4])
def test_the_variance_of_a_name_does_not_depend_on_how_often_it_trades(every: int, lags: int) -> None:
    """Daily returns with a moving average; a name that trades on every second or fifth day shows their sums.

    The true variance of long sums is that of Bartlett weights up to the lags: 1 + 2 (4/5) 0.5/1.25 times the
    daily one; without a correction the sums of m days show that with m - 1 lags.
    """
    days, names = 4000, 40
    shocks = np.random.default_rng(every).normal(0, 0.01, (days + 1, names))
    daily = shocks[1:] + 0.5 * shocks[:-1]
    traded = np.add.reduceat(daily, np.arange(0, days, every), axis=0)
    n = len(traded)
    variance, history = np.full((n + 1) * names, np.nan), np.zeros((n + 1) * names, np.int32)
    rows = SpecificReturns(
        np.arange(0, (n + 2) * names, names), np.tile(np.arange(names, dtype=np.int32), n + 1),
        np.append(traded.ravel(), np.full(names, np.nan)), np.full((n + 1) * names, every, np.int32),
        np.ones((n + 1) * names), np.ones((n + 1) * names, np.bool_), np.arange(n + 1), np.zeros(n + 1),
    )  # fmt: skip
    flat = Smoothing(1.0, bartlett_weights(lags), 1.0, EVERYTHING, EVERYTHING)
    specific_variances(
        rows, flat, start_state(names, lags), Span(0, 0, n + 1), (0, names), Regime(-1, np.zeros((n + 1, 2))),
        VarianceRows(n, 0, variance, history),
    )  # fmt: skip
    bartlett = max(lags, every - 1) / (max(lags, every - 1) + 1)
    true = 1e-4 * (1.25 + 2 * bartlett * 0.5)
    assert variance[-names:].mean() == pytest.approx(true, rel=0.03)
    assert (history[-names:] == n).all()


def test_days_are_taken_in_piece_by_piece() -> None:
    """The state of a day gives what all days before it give, and writes its own day again."""
    ragged = Ragged(6)
    ragged.covered[::3] = 2
    whole, counted = run(ragged, lags=3)
    how, state = Smoothing.of(6.0, 3, 9.0, EVERYTHING, EVERYTHING), start_state(LISTINGS, 3)
    out, n = np.full(len(whole), np.nan), np.zeros(len(whole), np.int32)
    for span in ((0, 0, 5), (5, 5, 20), (19, 20, 20), (20, 20, len(TRADING))):
        take_in(ragged, how, state, Span(*span), (0, LISTINGS), span[0], out, n)
    np.testing.assert_array_equal(out, whole)
    np.testing.assert_array_equal(n, counted)


@pytest.mark.parametrize("lags", [0, 2])
def test_the_cross_section_of_standardised_returns(lags: int) -> None:
    ragged = Ragged(7)
    ragged.covered[::4] = 3
    small = ragged.listing == 6  # so small that their squares vanish: no variance to divide by
    ragged.returns[small] = np.where(np.isfinite(ragged.returns[small]), 1e-200, np.nan)
    variance, history = run(ragged, lags=lags)
    sums, how = np.zeros((len(TRADING), 2)), Smoothing.of(6.0, lags, 9.0, EVERYTHING, EVERYTHING)
    out, n = variance * np.nan, history * 0
    state, span = start_state(LISTINGS, lags), Span(0, 0, len(TRADING))
    take_in(ragged, how, state, span, (0, LISTINGS), 0, out, n, min_returns=5, sums=sums)
    cap = np.linspace(1, 2, len(ragged.day))
    for t in range(1, len(TRADING)):
        rows = np.flatnonzero((ragged.day == TRADING[t - 1]) & np.isfinite(ragged.returns) & (variance > 0))
        rows = [row for row in rows if history[row] >= 5 and ragged.listing[row] != 5]
        ratio = [ragged.returns[row] ** 2 / ragged.covered[row] / variance[row] for row in rows]
        assert sums[t, 0] == pytest.approx(sum(cap[row] * r for row, r in zip(rows, ratio, strict=True)))
        assert sums[t, 1] == pytest.approx(sum(cap[row] for row in rows))


def test_what_is_rounding_does_not_count() -> None:
    ragged = Ragged(8)
    own_rows = np.flatnonzero((ragged.listing == 6) & np.isfinite(ragged.returns))
    ragged.returns[own_rows[::2]] = 1e-16
    ragged.rounding[:] = 1e-12
    variance, history = run(ragged)
    without = Ragged(8)
    without.returns[own_rows[::2]] = np.nan
    expected, counted = run(without)
    np.testing.assert_array_equal(variance, expected)
    np.testing.assert_array_equal(history, counted)
