"""Returns and rows of a panel on any pattern of holidays, gaps, late starts, currencies and delistings."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfactor.dataset import RiskDataset
from openfactor.dataset.timing import timeline
from openfactor.settings import CalendarSettings
from tests.hypothesis_profiles import examples
from tests.markets import dataset_of

CURRENCIES = ("EUR", "JPY", "USD")
START = dt.date(2024, 1, 1)
LIMIT = 6
"""Days without a price after which a name is gone, in these tests."""
CALENDARS = ([["XNYS"]], [["XLON"]], [["XNYS"], ["XLON"]], [["XNYS", "XLON"]])


class Market:
    """Closes and rates that are drawn, and the uploads that tell of them.

    days : (D,); prices : name to {day number: (close, currency)}; usd : currency to (D,) USD per unit
    """

    def __init__(self, seed: int, n_names: int, n_days: int, share: float, flags: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.days = [START + dt.timedelta(i) for i in range(n_days)]
        self.usd = {c: np.exp(np.cumsum(rng.normal(0, 0.03, n_days))) for c in CURRENCIES}
        self.usd["USD"][:] = 1.0
        self.closed = {x: rng.random(n_days) < 0.3 for x in ("XNYS", "XLON")}
        for shut in self.closed.values():
            shut[[0, -1]] = False
        self.prices: dict[str, dict[int, tuple[float, str]]] = {}
        rows = []
        for number in range(n_names):
            name = f"N{number}"
            traded = np.flatnonzero(rng.random(n_days) < share)
            traded = traded[traded >= rng.integers(0, max(n_days // 3, 1))]
            change = rng.integers(0, n_days)  # the day from which on the currency is another one
            first, then = rng.choice(CURRENCIES, 2)
            at = {int(d): (float(rng.uniform(50, 150)), first if d < change else then) for d in traded}
            self.prices[name] = at
            flag = self._flags(rng, [*at]) if flags else {}
            last = None
            for d, (close, ccy) in at.items():
                stated = None if last is None else self._stated(rng, at, last, d)
                rows.append((self.days[d], name, ccy, close, stated, flag.get(d, False)))
                last = d
        self.rows = rows

    def _stated(self, rng, at: dict, s: int, d: int) -> float | None:
        """The return of a price; where the currency changes, as different vendors give it."""
        (before, old), (close, new) = at[s], at[d]
        if old == new:
            return close / before - 1
        converted = close / before * self.usd[new][d] / self.usd[old][d] - 1
        return [None, close / before - 1, converted][rng.integers(3)]

    def _flags(self, rng, traded: list[int]) -> dict[int, bool]:
        """Delisted: never, on the last row, on every row, or on one in the middle."""
        kind = rng.integers(4)
        if kind == 1:
            return dict.fromkeys(traded[-1:], True)
        if kind == 2:
            return dict.fromkeys(traded, True)
        return dict.fromkeys(traded[len(traded) // 2 :][:1], True) if kind == 3 else {}

    def uploads(self) -> dict[str, pl.DataFrame]:
        columns = ["date", "asset_id", "ccy", "close", "return", "delisted"]
        price = pl.DataFrame(self.rows, schema=columns, orient="row", infer_schema_length=None)
        names = [*self.prices]
        one_day = pl.DataFrame({"asset_id": names}).with_columns(
            date=pl.lit(self.days[0]), asset_id_type=pl.lit("ticker")
        )
        companies = [f"N{i - i % 2}" for i in range(len(names))]  # two listings a company
        fx = [(day, c, 1 / self.usd[c][d]) for d, day in enumerate(self.days) for c in CURRENCIES]
        closed = [(self.days[d], x) for x, shut in self.closed.items() for d in np.flatnonzero(shut)]
        closed += [(dt.date(2023, 12, 31), x) for x in self.closed]
        return {
            "price": price.with_columns(
                pl.col("return").cast(pl.Float64), asset_id_type=pl.lit("ticker")
            ).sort("date", "asset_id"),
            "market_cap": one_day.with_columns(
                ccy=pl.lit("USD"), market_cap=pl.lit(1e9), volume=pl.lit(1.0), idio_vol=pl.lit(0.02)
            ),
            "exposures": one_day.with_columns(
                factor_group=pl.lit("style"), factor=pl.lit("size"), exposure=pl.lit(1.0)
            ),
            "idmap": pl.DataFrame({"from_id": names, "to_id": companies}).with_columns(
                start_date=pl.lit(dt.date.min), end_date=pl.lit(dt.date.max),
                from_id_type=pl.lit("ticker"), to_id_type=pl.lit("ticker_core"),
            ),
            "exchange_rates": pl.DataFrame(fx, schema=["date", "ccy", "fx_rate"], orient="row"),
            "exchange_dates": pl.DataFrame(closed, schema=["date", "exchange"], orient="row"),
        }  # fmt: skip


def built(uploads: dict[str, pl.DataFrame], limit: int) -> RiskDataset:
    return dataset_of(
        uploads, dense_factor_groups={"style": None}, sparse_factor_groups={}, max_days_without_price=limit
    )


def rows_by_day(dataset: RiskDataset) -> dict[tuple[dt.date, str], tuple]:
    """Day and name to all that the panel says of them."""
    panel, names = dataset.panel, dataset.identifiers.listing_ids("ticker")
    ends = set(panel.delisted.tolist())
    return {
        (dataset.days[panel.day[row]], names[panel.listing[row]]): (
            panel.local_return[row], dataset.currencies[panel.currency[row]], panel.priced[row],
            panel.is_main_listing[row], panel.market_cap[row], float(panel.dense["style"]["size"][row]),
            row in ends,
        )
        for row in range(panel.n_rows)
    }  # fmt: skip


markets = given(
    seed=st.integers(0, 10**6),
    n_names=st.integers(1, 5),
    n_days=st.integers(3, 30),
    share=st.sampled_from([0.2, 0.5, 0.8, 1.0]),
)


@markets
@examples(60)
@pytest.mark.parametrize("filters", CALENDARS)
def test_compounded_returns_are_price_growth(
    filters: list, seed: int, n_names: int, n_days: int, share: float
) -> None:
    """In every currency, whatever the name's own, from a price on to any later one."""
    market = Market(seed, n_names, n_days, share)
    if not market.rows:
        return
    dataset = built(market.uploads(), limit=1000)
    number = {day: d for d, day in enumerate(market.days)}
    names = dataset.identifiers.listing_ids("ticker")
    for currency in CURRENCIES:
        with ThreadPoolExecutor(1) as pool:
            line = timeline(dataset, CalendarSettings(filters=filters), currency, pool)
        growth = dict.fromkeys(names, 1.0)
        covered = dict.fromkeys(names, 0)
        base: dict[str, tuple[int, float]] = {}
        for i, t in enumerate(line.days.tolist()):
            for name, at in market.prices.items():
                seen = [d for d in at if market.days[d] <= dataset.days[t]]
                if not seen:
                    continue
                close, ccy = at[seen[-1]]
                value = close * market.usd[ccy][seen[-1]] / market.usd[currency][seen[-1]]
                if name not in base:
                    base[name] = i, value
                first, before = base[name]
                assert growth[name] == pytest.approx(value / before, rel=1e-9)
                priced = [j for j in range(first + 1, i + 1) if any(
                    dataset.days[line.days[j - 1]] < market.days[d] <= dataset.days[line.days[j]] for d in at
                )]  # fmt: skip
                # the days since the last price before the first row are part of the first return
                start = [d for d in at if market.days[d] <= dataset.days[line.days[first]]][-1]
                lead = first - np.searchsorted([number[d] for d in line.dates], start)
                assert covered[name] == (priced[-1] - first + lead if priced else 0)
            if i < len(line.days) - 1:
                for row in range(*dataset.panel.offsets[[t, t + 1]]):
                    if np.isfinite(line.forward_return[row]):
                        name = names[dataset.panel.listing[row]]
                        growth[name] *= 1 + line.forward_return[row]
                        covered[name] += line.covered[row]
                    else:
                        assert line.covered[row] == 0


@markets
@examples(60)
def test_nothing_later_changes_anything_earlier(seed: int, n_names: int, n_days: int, share: float) -> None:
    """What is built on the evening of a day is the beginning of what is built later."""
    market = Market(seed, n_names, n_days, share, flags=True)
    uploads = market.uploads()
    cut = market.days[n_days // 2]
    early = uploads | {
        name: uploads[name].filter(pl.col("date") <= cut) for name in ("price", "exchange_rates")
    }
    if not len(early["price"]):
        return
    now, later = built(early, LIMIT), built(uploads, LIMIT)
    kept = {key: row for key, row in rows_by_day(later).items() if key[0] <= cut}
    np.testing.assert_equal(rows_by_day(now), kept)
    for filters in CALENDARS:
        with ThreadPoolExecutor(1) as pool:
            first, second = (
                timeline(d, CalendarSettings(filters=filters), "EUR", pool) for d in (now, later)
            )
        done = int(now.panel.offsets[first.days[-1]]) if len(first.days) else 0
        np.testing.assert_array_equal(first.forward_return[:done], second.forward_return[:done])
        np.testing.assert_array_equal(first.covered[:done], second.covered[:done])


@markets
@examples(60)
def test_lives(seed: int, n_names: int, n_days: int, share: float) -> None:
    """Rows against a twin that asks, for each name and day, what is known on that day."""
    market = Market(seed, n_names, n_days, share, flags=True)
    if not market.rows:
        return
    dataset = built(market.uploads(), LIMIT)
    flags = {(day, name): flag for day, name, _, _, _, flag in market.rows}
    counted = [
        any(d in at for at in market.prices.values()) or not any(shut[d] for shut in market.closed.values())
        for d in range(n_days)
    ]
    expected = set()
    for name, at in market.prices.items():
        dead = False  # after a row that says so, only rows that say so too are prices
        last = None
        for d, day in enumerate(market.days):
            if d in at:
                flag = flags[day, name]
                dead |= last is not None and last[1] and not flag
                if not dead:
                    last = (d, flag)
            if last is None or day not in dataset.days:
                continue
            if last[0] == d:
                expected.add((day, name, True))
            elif not last[1] and not dead:
                idle = sum(c for c, x in zip(counted, market.days, strict=True)
                           if market.days[last[0]] < x <= day and x in dataset.days)  # fmt: skip
                if idle <= LIMIT:
                    expected.add((day, name, False))
    assert {(day, name, bool(row[2])) for (day, name), row in rows_by_day(dataset).items()} == expected
