"""`delisted` on every row of a dead name, as vendors send it whose flag is an attribute of the security.

Cutting the name at its first flag leaves survivors only. Its prices count as far as they go.
"""

from __future__ import annotations

import pytest

from tests.real_data.prices import Row, dataset, history, returns, rows_of, uploads, weekdays

DAYS = weekdays(15)
OTHER = history("O", "USD", {day: 10.0 + i for i, day in enumerate(DAYS)})
CLOSES = {day: 50.0 - i for i, day in enumerate(DAYS[:10])}


def flagged(*numbers: int) -> list[Row]:
    return [(*row[:5], i in numbers) for i, row in enumerate(history("X", "USD", CLOSES))]


@pytest.mark.parametrize("flags", [range(10), range(4, 10), [9], [8, 9]])
def test_the_last_flag_is_the_end(flags) -> None:
    data = dataset(uploads([*OTHER, *flagged(*flags)]))
    assert rows_of(data, "X") == dict.fromkeys(DAYS[:10], True)
    found = returns(data, "X", "USD")
    assert [*found] == DAYS[1:10]
    assert found[DAYS[9]] == (pytest.approx(41 / 42 - 1), 1)
    assert "price" not in data.report.rows_dropped


def test_a_flag_ends_at_once_what_would_live_on() -> None:
    assert list(rows_of(dataset(uploads([*OTHER, *flagged()])), "X")) == DAYS
    assert list(rows_of(dataset(uploads([*OTHER, *flagged(9)])), "X")) == DAYS[:10]


def test_prices_after_a_flag_that_do_not_say_so_too_are_dropped() -> None:
    data = dataset(uploads([*OTHER, *flagged(5, 8)]))
    assert list(rows_of(data, "X")) == DAYS[:6]
    assert data.report.rows_dropped["price"] == {"after the delisting": 4}
    (found,) = [f for f in data.report.quality if f.check == "dropped"]
    assert found.count == 4
    assert "another id" in found.remedy


def test_a_flag_without_a_price_ends_a_halt() -> None:
    """The row of the day on which the exchange removes a suspended name has neither close nor return."""
    rows = [*flagged()[:5], (DAYS[7], "X", "USD", None, None, True), (DAYS[8], "X", "USD", None, None, True)]
    data = dataset(uploads([*OTHER, *rows]))
    assert rows_of(data, "X") == dict.fromkeys(DAYS[:5], True) | dict.fromkeys(DAYS[5:8], False)


def test_flags_that_come_later_change_nothing_before() -> None:
    """Each day's build has the name until that day, whatever its flag."""
    for n in range(1, 11):
        rows = [row for row in [*OTHER, *flagged(*range(10))] if row[0] <= DAYS[n - 1]]
        assert list(rows_of(dataset(uploads(rows)), "X")) == DAYS[:n]


def test_a_flag_on_the_only_row() -> None:
    data = dataset(uploads([*OTHER, *flagged(0)[:1]]))
    assert rows_of(data, "X") == {DAYS[0]: True}
    assert returns(data, "X", "USD") == {}


def test_a_dead_name_has_no_rows_between_its_flagged_prices() -> None:
    """Nobody knows on a day without a price that flagged ones will follow; the return over it is counted."""
    rows = [row for i, row in enumerate(flagged(*range(10))) if i != 4]
    data = dataset(uploads([*OTHER, *rows]))
    assert list(rows_of(data, "X")) == [*DAYS[:4], *DAYS[5:10]]
    assert [*returns(data, "X", "USD")] == [*DAYS[1:4], *DAYS[6:10]]
    assert data.report.rows_dropped["price"] == {"return across a delisting": 1}
