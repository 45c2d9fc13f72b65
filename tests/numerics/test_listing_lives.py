"""Lives, stale rows and currencies of listings, against twins that look at one listing or row at a time."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest

from openfactor.numerics.listing_lives import (
    PriceEvents,
    PriceGaps,
    choose_currency,
    close_lives,
    fill_stale_rows,
    mark_lives,
    new_life_state,
)

DAYS, LISTINGS = 30, 5


def last_day_alive(prices: list[tuple[int, bool, bool, int]], s: int, until: int, gaps: PriceGaps) -> int:
    """The last day with a row after a price of day s, if no other follows; prices (day, quoted, delisted,
    ...)."""
    later = [day for day, quoted, _, _ in prices if quoted and day > s]
    flags = [
        day for day, quoted, delisted, _ in prices
        if day >= s and (delisted if quoted else day > s) and not (quoted and day > s)
        and (not later or day < later[0])
    ]  # fmt: skip
    end = max(e for e in range(s, DAYS) if gaps.counted[e] <= gaps.counted[s] + gaps.limit)
    end = min(end, max(until, s))
    return min(end, min(flags)) if flags else end


@pytest.mark.parametrize("seed", range(12))
def test_lives(seed: int) -> None:
    """Alive on the days of prices and up to the end of the last one's life; several calls give one result."""
    rng = np.random.default_rng(seed)
    gaps = PriceGaps(np.cumsum(rng.random(DAYS) < 0.7).astype(np.int64), 2)
    grid = [(d, i) for d in range(DAYS) for i in range(LISTINGS) if rng.random() < 0.3]
    day, listing = (np.array(values) for values in zip(*grid, strict=True))
    quoted = rng.random(len(day)) < 0.8
    # without a price a row is only there to say that the listing ends
    delisted = np.where(quoted, rng.random(len(day)) < 0.15, True)
    stated = np.where(rng.random(len(day)) < 0.3, day + rng.integers(0, 4, len(day)), DAYS - 1)
    steps = np.zeros((DAYS + 1, LISTINGS), np.int8)
    base, after_flag = np.zeros((2, len(day)), np.bool_)
    state = new_life_state(LISTINGS)
    for part in (slice(0, len(day) // 3), slice(len(day) // 3, None)):
        events = PriceEvents(
            day[part], listing[part].astype(np.int32), quoted[part], delisted[part], stated[part]
        )
        mark_lives(events, gaps, state, steps, base[part], after_flag[part])
    close_lives(gaps, state, steps)
    alive = np.cumsum(steps, axis=0)[:-1].astype(bool)
    for i in range(LISTINGS):
        own = np.flatnonzero(listing == i)
        prices = list(zip(*(x[own].tolist() for x in (day, quoted, delisted, stated)), strict=True))
        priced = [k for k in own.tolist() if quoted[k]]
        expected = np.zeros(DAYS, bool)
        for k, following in zip(priced, [*priced[1:], None], strict=True):
            end = last_day_alive(prices, int(day[k]), int(stated[k]), gaps)
            expected[day[k] : min(end + 1, DAYS if following is None else day[following])] = True
        np.testing.assert_array_equal(alive[:, i], expected)
        for k, before in zip(priced, [None, *priced[:-1]], strict=True):
            if before is None:
                assert base[k]
                continue
            yesterday = gaps.counted[day[k] - 1]
            too_long = yesterday - gaps.counted[day[before]] > gaps.limit
            changed = stated[k] != stated[before] and stated[before] < day[k] - 1
            assert base[k] == (too_long or changed)
            end = last_day_alive(prices, int(day[before]), int(stated[before]), gaps)
            flagged = any(d >= day[before] and flag and (d < day[k]) for d, _, flag, _ in prices)
            missed = end < day[k] - 1 and yesterday > gaps.counted[end]
            assert after_flag[k] == (flagged and missed and not base[k])


@pytest.mark.parametrize("seed", range(6))
def test_stale_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    company_of, counted = np.array([0, 0, 1, 1, 2]), np.cumsum(rng.random(DAYS) < 0.8).astype(np.int64)
    alive = np.zeros((DAYS, LISTINGS), bool)
    for i in range(LISTINGS):  # one or two lives each
        bounds = np.sort(rng.permutation(DAYS)[:4])
        alive[bounds[0] : bounds[1], i] = True
        alive[bounds[2] : bounds[3], i] = seed % 2 == 1
    begins = alive & ~np.vstack([np.zeros(LISTINGS, bool), alive[:-1]])
    priced = alive & ((rng.random(alive.shape) < 0.4) | begins)
    quote = rng.integers(0, 3, alive.shape)
    listing = np.concatenate([np.flatnonzero(row) for row in alive]).astype(np.int32)
    offsets = np.append(0, np.cumsum(alive.sum(axis=1))).astype(np.int64)
    currency = np.where(priced, quote, -7)[alive].astype(np.int16)
    asleep = np.zeros(len(listing), np.bool_)
    fill_stale_rows(
        offsets, listing, company_of[listing].astype(np.int32), priced[alive], counted, 3, currency, asleep
    )
    row = 0
    for d in range(DAYS):
        for i in np.flatnonzero(alive[d]).tolist():
            s = int(np.flatnonzero(priced[: d + 1, i])[-1])
            assert currency[row] == quote[s, i]
            begun = [int(np.flatnonzero(begins[: d + 1, o]).max(initial=-1)) for o in range(LISTINGS)]
            others = [begun[o] for o in np.flatnonzero(company_of == company_of[i])]
            expected = s < d and (counted[d] - counted[s] > 3 or max(others) > s)
            assert asleep[row] == expected
            row += 1


@pytest.mark.parametrize("seed", range(6))
def test_one_currency_per_listing_and_day(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = sorted(
        (i, d, not bool(rng.random() < 0.8), int(c))
        for i in range(4)
        for d in range(12)
        for c in rng.permutation(3)[: rng.integers(0, 4)]
    )
    listing, day, unquoted, currency = (np.array(values) for values in zip(*rows, strict=True))
    kept, before, same = choose_currency(
        listing.astype(np.int32), day.astype(np.int64), ~unquoted, currency.astype(np.int16), 3
    )
    for _, own in groupby(range(len(rows)), key=lambda k: rows[k][0]):
        last, by_currency = -1, {}
        for _, group in groupby(list(own), key=lambda k: rows[k][1]):
            of_day = list(group)
            usual = [
                k for k in of_day
                if last >= 0 and currency[k] == currency[last] and unquoted[k] == unquoted[of_day[0]]
            ]  # fmt: skip
            chosen = usual[0] if usual else of_day[0]
            assert np.flatnonzero(kept[of_day]).tolist() == [of_day.index(chosen)]
            if not unquoted[chosen]:
                assert before[chosen] == last
                assert same[chosen] == by_currency.get(int(currency[chosen]), -1)
                last = chosen
            by_currency |= {int(currency[k]): k for k in of_day if not unquoted[k]}
