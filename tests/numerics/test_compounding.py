"""Returns between trading days, by hand and against a twin that looks at one row at a time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from openfactor.numerics.compounding import PriceRows, forward_returns


def test_returns_compound_over_days_that_do_not_trade() -> None:
    # two listings, days 0..4, of which 0, 1 and 4 trade; the second name starts on day 1
    offsets = np.array([0, 1, 3, 5, 7, 9])
    listing = np.array([0, 0, 1, 0, 1, 0, 1, 0, 1], np.int32)
    returns = np.array([np.nan, 0.1, np.nan, 0.01, 0.02, np.nan, 0.5, 0.03, np.nan])
    priced = np.array([1, 1, 1, 1, 1, 0, 1, 1, 1], np.bool_)
    days = np.array([0, 1, 4])
    window = np.searchsorted(days, np.arange(5)).astype(np.int64)
    out, covered = np.full(9, np.nan), np.zeros(9, np.int32)
    currency, rates = np.array([0, 0, 1, 0, 1, 0, 1, 0, 1], np.int16), np.ones((5, 2))
    prices = PriceRows(offsets, listing, returns, priced, currency)
    forward_returns(prices, rates, days, window, 2, 0, out, covered)
    assert out[0] == pytest.approx(0.1)
    assert out[1] == pytest.approx(1.01 * 1.03 - 1)  # day 3 has no price: nothing is missing
    assert np.isnan(out[2])  # its price of day 4 has no return
    assert np.isnan(out[3:]).all()  # rows of days that do not trade, and of the last one
    assert covered.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]


def return_slowly(
    prices: list[tuple[int, float, int]], rates: np.ndarray, p: int, t: int, window: np.ndarray
) -> tuple[float, int]:
    """Of one listing from trading day p to t, and the trading days covered; prices (day, return,
    currency)."""
    growth, covered, last = np.nan, 0, None
    for day, value, currency in prices:
        if p < day <= t and last is not None:
            if covered == 0:
                growth, covered = 1.0, int(window[t] - window[last[0]])
            growth *= (1 + value) * rates[day, last[1]] / rates[last[0], last[1]]
        last = day, currency
        if day > t:
            break
    return (growth - 1, covered) if np.isfinite(growth) else (np.nan, 0)


@pytest.mark.parametrize("seed", range(8))
def test_returns_in_several_currencies(seed: int) -> None:
    """Listings that begin with a price, are stale at times, end, and change their currency."""
    rng = np.random.default_rng(seed)
    n_days, n = 25, 6
    first, last = rng.integers(0, 8, n), rng.integers(15, n_days, n)
    alive = (np.arange(n_days)[:, None] >= first) & (np.arange(n_days)[:, None] <= last)
    priced = alive & (rng.random(alive.shape) < 0.6)
    priced[first, np.arange(n)] = True
    returns, quote = rng.normal(0, 0.02, alive.shape), rng.integers(0, 3, alive.shape)
    returns[rng.random(alive.shape) < 0.05] = np.nan
    rates = rng.uniform(0.5, 2.0, (n_days, 3))
    days = np.flatnonzero(rng.random(n_days) < 0.6).astype(np.int64)
    window = np.searchsorted(days, np.arange(n_days)).astype(np.int64)
    listing = np.concatenate([np.flatnonzero(row) for row in alive]).astype(np.int32)
    offsets = np.append(0, np.cumsum(alive.sum(axis=1))).astype(np.int64)
    out, covered = np.full(len(listing), np.nan), np.zeros(len(listing), np.int32)
    panel = PriceRows(offsets, listing, returns[alive], priced[alive], quote[alive].astype(np.int16))
    middle = len(days) // 2
    for part in (days[: middle + 1], days[middle:]):  # as threads share the days out
        forward_returns(panel, rates, part, window, n, 0, out, covered)
    for p, t in itertools.pairwise(days):
        for row in range(offsets[p], offsets[p + 1]):
            i = listing[row]
            own = [(int(d), returns[d, i], int(quote[d, i])) for d in np.flatnonzero(priced[:, i])]
            expected = return_slowly(own, rates, p, t, window)
            assert out[row] == pytest.approx(expected[0], rel=1e-12, nan_ok=True)
            assert covered[row] == expected[1]
