"""Lives and stale rows of listings, against twins that know all days at once and look at one listing at a
time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from openfactor.numerics.listing_lives import (
    DayRows,
    LifeLimits,
    PriceEvents,
    StoredDays,
    lay_out_days,
    new_day_rows,
    new_life_state,
)
from tests.numerics.cuts import random_cuts

DAYS, LISTINGS = 30, 5
COMPANY = np.array([0, 0, 1, 1, 2], np.int32)
LIMITS = LifeLimits(alive=4, main=2)
PAST = -(2**31)


class Market:
    """Random prices and flags; `date`: (D,) of the stored days; events in the order of their dates."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.date = 100 + np.cumsum(rng.integers(1, 4, DAYS))
        self.counted = np.cumsum(rng.random(DAYS) < 0.7)
        grid = [(d, i) for d in range(DAYS) for i in range(LISTINGS) if rng.random() < 0.3]
        self.day, listing = (np.array(values) for values in zip(*grid, strict=True))
        self.listing = listing.astype(np.int32)
        n = len(grid)
        self.quoted = rng.random(n) < 0.8
        # without a price a row is only there to say that the listing ends
        self.delisted = np.where(self.quoted, rng.random(n) < 0.15, True)
        self.currency = rng.integers(0, 3, n).astype(np.int16)
        short = self.date[self.day] + rng.integers(0, 9, n)
        self.stated = np.where(rng.random(n) < 0.3, short, self.date[-1] + 100)

    def rows(self, cuts: list[int]) -> list[DayRows]:
        """The rows of runs of days that begin at the cuts."""
        state, out = new_life_state(LISTINGS, 3), []
        dates, counted = np.append(PAST, self.date), np.append(0, self.counted)
        for first, stop in pairwise([*cuts, DAYS]):
            at = slice(*np.searchsorted(self.day, [first, stop]))
            days = StoredDays(first, dates[first : stop + 1], counted[first : stop + 1])
            offsets = np.searchsorted(self.day[at], np.arange(first, stop + 2))
            events = PriceEvents(
                offsets, self.listing[at], self.quoted[at], self.delisted[at], self.currency[at],
                self.stated[at],
            )  # fmt: skip
            rows = new_day_rows(stop - first, (stop - first) * LISTINGS, len(self.day[at]))
            lay_out_days(days, events, COMPANY, LIMITS, state, rows)
            out.append(rows)
        return out

    def end(self, prices: list[int], k: int) -> int:
        """The last day with a row after price k of a listing, if no other price follows."""
        s = int(self.day[k])
        allowed = [e for e in range(s, DAYS) if self.counted[e] <= self.counted[s] + LIMITS.alive]
        stated = [e for e in range(DAYS) if self.date[e] <= self.stated[k]]
        later = [int(self.day[p]) for p in prices if self.day[p] > s]
        own = np.flatnonzero(self.listing == self.listing[k])
        flags = [
            int(self.day[e]) for e in own
            if self.delisted[e] and (e == k or not self.quoted[e])
            and s <= self.day[e] < min([*later, DAYS])
        ]  # fmt: skip
        return min([max(allowed), max([*stated, s]), *flags])


def joined(runs: list[DayRows], name: str) -> np.ndarray:
    if name in ("base", "after_flag"):
        return np.concatenate([getattr(run, name) for run in runs])
    return np.concatenate([getattr(run, name)[: run.offsets[-1]] for run in runs])


@pytest.mark.parametrize("seed", range(20))
def test_lives(seed: int) -> None:
    """Alive on the days of prices and up to the end of the last one's life."""
    market = Market(seed)
    (rows,) = market.rows([0])
    alive, currency, is_last = (np.full((DAYS, LISTINGS), -1) for _ in range(3))
    begun = {i: [] for i in range(LISTINGS)}
    for i in range(LISTINGS):
        prices = np.flatnonzero((market.listing == i) & market.quoted).tolist()
        for k, before, following in zip(prices, [None, *prices], [*prices[1:], None], strict=False):
            s = int(market.day[k])
            end = market.end(prices, k)
            stop = min(end + 1, DAYS if following is None else int(market.day[following]))
            alive[s:stop, i], currency[s:stop, i], is_last[s:stop, i] = k, market.currency[k], False
            own = np.flatnonzero((market.listing == i) & market.delisted)
            if stop == end + 1 and any(
                market.day[e] == end and (e == k or not market.quoted[e]) for e in own
            ):
                is_last[end, i] = True
            if before is None:
                assert rows.base[k]
                begun[i].append(s)
                continue
            yesterday, last = market.counted[s - 1], market.end(prices, before)
            if last < s - 1:
                begun[i].append(s)
            too_long = yesterday - market.counted[market.day[before]] > LIMITS.alive
            changed = market.stated[k] != market.stated[before] < market.date[s - 1]
            assert rows.base[k] == (too_long or changed)
            flagged = market.delisted[before] or any(market.day[before] < market.day[e] < s for e in own)
            missed = last < s - 1 and yesterday > market.counted[last]
            assert rows.after_flag[k] == (flagged and missed and not rows.base[k])
    for d in range(DAYS):
        at = slice(*rows.offsets[[d, d + 1]])
        listings = np.flatnonzero(alive[d] >= 0)
        np.testing.assert_array_equal(rows.listing[at], listings)
        np.testing.assert_array_equal(rows.currency[at], currency[d, listings])
        np.testing.assert_array_equal(rows.is_last[at], is_last[d, listings])
        for row, i in enumerate(listings.tolist(), start=at.start):
            price = int(alive[d, i])
            is_priced = market.day[price] == d
            assert rows.price[row] == (price if is_priced else -1)
            others = [b for j in begun if COMPANY[j] == COMPANY[i] for b in begun[j] if b <= d]
            idle = market.counted[d] - market.counted[market.day[price]] > LIMITS.main
            assert rows.asleep[row] == (not is_priced and (idle or max(others) > market.day[price]))


@pytest.mark.parametrize("seed", range(20))
def test_days_can_be_cut_anywhere(seed: int) -> None:
    market = Market(seed)
    whole, cut = market.rows([0]), market.rows(random_cuts(seed, DAYS))
    for name in set(DayRows._fields) - {"price", "offsets"}:
        np.testing.assert_array_equal(joined(cut, name), joined(whole, name), name)
    np.testing.assert_array_equal(joined(cut, "price") >= 0, joined(whole, "price") >= 0)
    np.testing.assert_array_equal(
        np.concatenate([np.diff(run.offsets) for run in cut]), np.diff(whole[0].offsets)
    )


def test_a_flag_on_a_date_that_is_not_stored_is_known_on_the_next_day() -> None:
    """Whether the next day belongs to the same run or not."""
    date = np.array([PAST, 10, 13, 14])
    events = PriceEvents(
        np.array([0, 1, 2, 2, 2]), np.zeros(2, np.int32), np.array([True, False]), np.array([False, True]),
        np.zeros(2, np.int16), np.full(2, 100),
    )  # fmt: skip
    state, rows = new_life_state(1, 1), new_day_rows(3, 3, 2)
    limits = LifeLimits(10, 10)
    company = np.zeros(1, np.int32)
    lay_out_days(StoredDays(0, date, np.arange(4)), events, company, limits, state, rows)
    assert rows.offsets.tolist() == [0, 1, 2, 2]
    assert rows.is_last[:2].tolist() == [False, True]
    state, first, second = new_life_state(1, 1), new_day_rows(1, 1, 2), new_day_rows(2, 2, 0)
    lay_out_days(
        StoredDays(0, date[:2], np.arange(2)), events._replace(offsets=np.array([0, 1, 2])), company, limits,
        state, first,
    )  # fmt: skip
    none = PriceEvents(np.zeros(4, np.int64), *(np.zeros(0, a.dtype) for a in events[1:]))
    lay_out_days(StoredDays(1, date[1:], np.arange(1, 4)), none, company, limits, state, second)
    assert first.offsets.tolist() == [0, 1]
    assert not first.is_last[0]
    assert second.offsets.tolist() == [0, 1, 1]
    assert second.is_last[0]
