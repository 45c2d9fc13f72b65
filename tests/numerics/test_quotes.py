"""Which price rows count, and returns from closes, against twins that look at one listing at a time."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest

from openfactor.numerics.quotes import (
    AFTER_THE_END,
    EMPTY,
    KEPT,
    NEVER,
    OTHER_CURRENCY,
    QuoteResults,
    QuoteRows,
    new_currency_quotes,
    new_listing_quotes,
    new_results,
    settle_quotes,
)
from tests.numerics.cuts import random_cuts

DATES, LISTINGS, CURRENCIES = 14, 4, 3


class Upload:
    """Random rows, of which some have no close, no return or neither, on dates with and without closes."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rows = [
            (d, i, c)
            for d in range(DATES)
            for i in range(LISTINGS)
            for c in rng.permutation(CURRENCIES)[: rng.choice([0, 1, 1, 2, 3])]
        ]
        self.d, self.listing, self.currency = (np.array(values) for values in zip(*rows, strict=True))
        n = len(rows)
        without = rng.random(DATES)[self.d] < 0.2
        self.close = np.where((rng.random(n) < 0.25) | without, np.nan, rng.uniform(5, 10, n))
        self.returns = np.where(rng.random(n) < 0.6, np.nan, rng.normal(0, 0.1, n))
        self.split = np.where(rng.random(n) < 0.2, rng.choice([0.5, 2.0, 3.0], n), 1.0)
        self.dividend = np.where(rng.random(n) < 0.3, rng.uniform(0, 1, n), 0.0)
        self.delisted = rng.random(n) < 0.04
        self.precedence = rng.permuted(np.tile(np.arange(CURRENCIES, dtype=np.int16), (DATES, 1)), axis=1)
        self.date = 1000 + np.cumsum(rng.integers(1, 4, DATES)).astype(np.int32)

    def settled(self, cuts: list[int], derive: bool = True) -> QuoteResults:
        """In parts of dates that begin at the cuts."""
        listings = new_listing_quotes(LISTINGS)
        quotes = new_currency_quotes(LISTINGS * CURRENCIES)
        parts = []
        for first, stop in pairwise([*cuts, DATES]):
            at = slice(*np.searchsorted(self.d, [first, stop]))
            offsets = np.searchsorted(self.d[at], np.arange(first, stop + 1))
            rows = QuoteRows(
                offsets, self.date[first:stop], self.listing[at].astype(np.int32),
                self.currency[at].astype(np.int16), (self.listing * CURRENCIES + self.currency)[at],
                self.close[at], self.returns[at], self.split[at], self.dividend[at], self.delisted[at],
                self.precedence[first:stop],
            )  # fmt: skip
            parts.append(new_results(len(self.d[at])))
            settle_quotes(rows, derive, listings, quotes, parts[-1])
        return QuoteResults(*(np.concatenate(values) for values in zip(*parts, strict=True)))


@pytest.mark.parametrize("seed", range(20))
def test_one_row_per_listing_and_date(seed: int) -> None:
    upload = Upload(seed)
    out = upload.settled([0])
    has_number = ~np.isnan(upload.close) | ~np.isnan(upload.returns)
    has_close = [bool((~np.isnan(upload.close[upload.d == d])).any()) for d in range(DATES)]
    for i in range(LISTINGS):
        own = np.flatnonzero(upload.listing == i).tolist()
        begin = upload.d[own[0]]
        quoted = {k: has_number[k] or (upload.d[k] == begin and not has_close[begin]) for k in own}
        last, by_currency, flagged, ended = None, {}, False, False
        for d, group in groupby(own, key=lambda k: int(upload.d[k])):
            of_day = sorted(
                group, key=lambda k: (not quoted[k], upload.precedence[upload.d[k], upload.currency[k]])
            )
            rows = [k for k in of_day if quoted[k] or upload.delisted[k]]
            assert all(out.fate[k] == EMPTY for k in set(of_day) - set(rows))
            if not rows:
                continue
            usual = [
                k for k in rows
                if last is not None and upload.currency[k] == upload.currency[last]
                and quoted[k] == quoted[rows[0]]
            ]  # fmt: skip
            chosen = (usual or rows)[0]
            assert all(out.fate[k] == OTHER_CURRENCY for k in set(rows) - {chosen})
            ended |= flagged and not upload.delisted[chosen]
            flagged |= bool(upload.delisted[chosen])
            assert out.fate[chosen] == (AFTER_THE_END if ended else KEPT)
            assert out.quoted[chosen] == quoted[chosen]
            changes = quoted[chosen] and last is not None and upload.currency[last] != upload.currency[chosen]
            if changes:
                assert out.old_currency[chosen] == upload.currency[last]
                assert out.old_date[chosen] == upload.date[upload.d[last]]
                np.testing.assert_equal(out.old_close[chosen], upload.close[last])
                assert out.same_date[chosen] == by_currency.get(upload.currency[chosen], NEVER)
            else:
                assert out.old_currency[chosen] == -1
            last = chosen if quoted[chosen] else last
            by_currency |= {upload.currency[k]: upload.date[d] for k in rows if quoted[k]}


@pytest.mark.parametrize("seed", range(20))
def test_returns_from_closes(seed: int) -> None:
    """Each share held at the last price becomes several by splits, and dividends are paid on all of them."""
    upload = Upload(seed)
    out, stated = upload.settled([0]), upload.settled([0], derive=False)
    np.testing.assert_array_equal(stated.returns, upload.returns)
    np.testing.assert_array_equal(stated.worth, out.worth)
    derived = 0
    for quote in range(LISTINGS * CURRENCIES):
        own = np.flatnonzero(upload.listing * CURRENCIES + upload.currency == quote).tolist()
        prices = [k for k in own if not (np.isnan(upload.close[k]) and np.isnan(upload.returns[k]))]
        for before, k in zip([None, *prices], prices, strict=False):
            since = [j for j in own if (before is None or j > before) and j <= k]
            shares = np.cumprod([upload.split[j] for j in since])
            worth = shares[-1] * upload.close[k] + shares @ np.array([upload.dividend[j] for j in since])
            np.testing.assert_allclose(out.worth[k], worth, rtol=1e-14)
            if np.isnan(upload.returns[k]):
                base = np.nan if before is None else upload.close[before]
                np.testing.assert_allclose(out.returns[k], worth / base - 1, rtol=0, atol=1e-14)
                derived += np.isfinite(out.returns[k])
            else:
                assert out.returns[k] == upload.returns[k]
        assert np.isnan(out.returns[list(set(own) - set(prices))]).all()
    assert derived > 5


@pytest.mark.parametrize("seed", range(20))
def test_dates_can_be_cut_anywhere(seed: int) -> None:
    upload = Upload(seed)
    whole, cut = upload.settled([0]), upload.settled(random_cuts(seed, DATES))
    for name in QuoteResults._fields:
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name), name)
