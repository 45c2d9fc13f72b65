"""Exchange rates move while a listing does not trade.

A suspended name, or one whose exchange has a holiday that others do not have (Golden Week in Tokyo, a bank
holiday in London), has no price while rates go on. What a holder has on reopening is price growth times the
move of the rate since the last price.
"""

from __future__ import annotations

import math

import pytest

from openfactor.synthetic import simulate
from tests.markets import dataset_of
from tests.real_data.prices import dataset, history, returns, uploads, weekdays

DAYS = weekdays(12)
FX = {(day, "JPY"): 100.0 / 0.98**i for i, day in enumerate(DAYS)} | {(DAYS[0], "USD"): 1.0}
"""The yen loses 2 % a day."""
US = history("US", "USD", {day: 10.0 + i for i, day in enumerate(DAYS)})


def test_a_halt_of_five_days() -> None:
    closes = dict.fromkeys(DAYS[:4], 1000.0) | dict.fromkeys(DAYS[9:], 998.0)
    found = returns(dataset(uploads([*US, *history("JP", "JPY", closes)], FX)), "JP", "USD")
    assert list(found) == [*DAYS[1:4], *DAYS[9:]]
    assert found[DAYS[9]] == (pytest.approx(0.998 * 0.98**6 - 1), 6)
    assert found[DAYS[10]] == (pytest.approx(0.98 - 1), 1)
    total = math.prod(1 + r for r, _ in found.values())
    assert total == pytest.approx(998 / 1000 * FX[DAYS[0], "JPY"] / FX[DAYS[-1], "JPY"])
    assert returns(dataset(uploads([*US, *history("JP", "JPY", closes)], FX)), "US", "JPY")[DAYS[9]] == (
        pytest.approx(19 / 18 / 0.98 - 1), 1,
    )  # fmt: skip


def test_a_price_on_a_day_that_the_calendar_leaves_out() -> None:
    """Tokyo trades on a US holiday: on the US calendar its return ends there, and so does its rate."""
    closes = {day: 1000.0 + i for i, day in enumerate(DAYS) if i not in (4, 5)}
    tables = uploads([*US, *history("JP", "JPY", closes)], FX, {"XNYS": [DAYS[3]]})
    found = returns(dataset(tables), "JP", "USD")
    # the price of the holiday is the last one of the window that ends on day 4
    assert found[DAYS[4]] == (pytest.approx(1003 / 1002 * 0.98 - 1), 1)
    assert found[DAYS[6]] == (pytest.approx(1006 / 1003 * 0.98**3 - 1), 2)


def test_a_price_without_a_return_is_a_base() -> None:
    """A vendor leaves the return empty after a corrected close: the day has none, the next one is since "
    "it."""
    rows = history("JP", "JPY", {day: 1000.0 + i for i, day in enumerate(DAYS)})
    rows[5] = (*rows[5][:4], None, False)
    found = returns(dataset(uploads([*US, *rows], FX)), "JP", "USD")
    assert list(found) == [*DAYS[1:5], *DAYS[6:]]
    assert found[DAYS[6]] == (pytest.approx(1006 / 1005 * 0.98 - 1), 1)


def test_a_row_without_close_and_return_is_no_price() -> None:
    """Matrices of dates by tickers leave empty rows on holidays and before a listing."""
    rows = history("JP", "JPY", {day: 1000.0 + i for i, day in enumerate(DAYS) if i not in (0, 5)})
    empty = [(DAYS[i], "JP", "JPY", None, None, False) for i in (0, 5)]
    data = dataset(uploads([*US, *empty, *rows], FX))
    found = returns(data, "JP", "USD")
    assert list(found) == [*DAYS[2:5], *DAYS[6:]]
    assert found[DAYS[6]] == (pytest.approx(1006 / 1004 * 0.98**2 - 1), 2)
    assert data.report.rows_dropped["price"] == {"neither close nor return": 2}


def test_returns_without_closes_begin_with_an_empty_row() -> None:
    rows = [(day, "A", "USD", None, None if i == 0 else 0.01 * i, False) for i, day in enumerate(DAYS)]
    found = returns(dataset(uploads(rows)), "A", "USD")
    assert [r for r, _ in found.values()] == pytest.approx([0.01 * i for i in range(1, 12)])


def test_no_drift_on_a_calendar_of_two_exchanges() -> None:
    """London names under the New York calendar: no currency move is lost on London's own holidays."""
    market = simulate(20, 250, industries=2, exchanges=("XNYS", "XLON"), currencies=("USD", "GBP"), seed=2)
    data = dataset_of(market.uploads)
    price, fx = market.uploads["price"], market.uploads["exchange_rates"]
    rate = {(day, ccy): value for day, ccy, value in fx.select("date", "ccy", "fx_rate").rows()}
    for name in ("A00001", "A00003", "A00005"):
        mine = price.filter(price["asset_id"] == name).sort("date")
        value = [c / rate[d, k] for d, k, c in mine.select("date", "ccy", "close").rows()]
        open_days = set(market.factor_returns["date"].to_list())
        assert mine["date"][0] in open_days
        found = returns(data, name, "USD")
        assert math.prod(1 + r for r, _ in found.values()) == pytest.approx(value[-1] / value[0], rel=1e-9)
