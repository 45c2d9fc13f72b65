"""A listing's prices change currency.

Croatia took the euro in 2023 (1 EUR = 7.5345 HRK), Lithuania in 2015, Bulgaria in 2026; listings also move
between a currency and its hundredth, or are redenominated. Before the change prices are in one currency, from
the change on in the other, and the old currency's rate often ends with it.
"""

from __future__ import annotations

import datetime as dt
import math
from itertools import pairwise

import polars as pl
import pytest

from openfactor.dataset import derive
from openfactor.settings import DerivedRiskDatasetSettings
from tests.markets import reader
from tests.real_data.prices import Row, dataset, history, returns, rows_of, uploads, weekdays

DAYS = weekdays(8, dt.date(2022, 12, 26))
CHANGE = 5
"""From this day on in euros."""
PEG = 7.5345
EUR = [0.94, 0.95, 0.93, 0.94, 0.92, 0.95, 0.96, 0.94]
"""Euros per dollar."""
VALUE = [10.0, 10.2, 10.1, 10.4, 10.3, 10.6, 10.5, 10.8]
"""What a share is worth, in euros."""
OTHER = history("US", "USD", {day: 10.0 + i for i, day in enumerate(DAYS)})


def fx(last_of_old: int = len(DAYS)) -> dict[tuple[dt.date, str], float]:
    rates = {(day, "EUR"): rate for day, rate in zip(DAYS, EUR, strict=True)}
    rates |= {(day, "HRK"): PEG * EUR[i] for i, day in enumerate(DAYS[:last_of_old])}
    return rates | {(DAYS[0], "USD"): 1.0}


def rows(at_change: float | None, closes: bool = True) -> list[Row]:
    """The name in kuna, then in euros; `at_change` is the return of the first day in euros."""
    out: list[Row] = []
    for i, day in enumerate(DAYS):
        old = i < CHANGE
        stated = None if i == 0 else VALUE[i] / VALUE[i - 1] - 1
        close = VALUE[i] * (PEG if old else 1) if closes else None
        out.append((day, "HR", "HRK" if old else "EUR", close, at_change if i == CHANGE else stated, False))
    return out


STATED = VALUE[CHANGE] / VALUE[CHANGE - 1] - 1


@pytest.mark.parametrize("last_of_old", [len(DAYS), CHANGE + 1, CHANGE])
@pytest.mark.parametrize(
    ("stated", "closes"),
    [(STATED, True), (STATED, False), (None, True), ((1 + STATED) / PEG - 1, True)],
    ids=["stated", "without closes", "empty", "bare numbers"],
)
def test_the_change_to_the_euro(stated: float | None, closes: bool, last_of_old: int) -> None:
    other = [(*row[:3], row[3] if closes else None, *row[4:]) for row in OTHER]
    data = dataset(uploads([*other, *rows(stated, closes)], fx(last_of_old)))
    counted = {} if stated == STATED else {"returns across a change of currency, derived from closes": 1}
    assert data.report.rows_worked_out.get("price", {}) == counted
    assert "price" not in data.report.rows_dropped
    for currency, unit in (("USD", EUR), ("EUR", [1.0] * len(DAYS))):
        found = returns(data, "HR", currency)
        expected = [
            VALUE[i] / VALUE[i - 1] * unit[i - 1] / unit[i] - 1 for i in range(1, len(DAYS))
        ]  # fmt: skip
        assert [r for r, _ in found.values()] == pytest.approx(expected, abs=1e-12)
        assert {m for _, m in found.values()} == {1}


def test_a_change_after_a_halt() -> None:
    kept = [row for i, row in enumerate(rows(None)) if i not in (CHANGE - 1, CHANGE - 2)]
    found = returns(dataset(uploads([*OTHER, *kept], fx(CHANGE))), "HR", "USD")
    growth = VALUE[CHANGE] / VALUE[CHANGE - 3] * EUR[CHANGE - 3] / EUR[CHANGE]
    assert found[DAYS[CHANGE]] == (pytest.approx(growth - 1), 3)


def test_a_dividend_on_the_day_of_the_change_counts() -> None:
    """The stated return is 3 % above that of the closes: it is neither empty nor a misread number."""
    found = returns(dataset(uploads([*OTHER, *rows(STATED + 0.03)], fx())), "HR", "EUR")
    assert found[DAYS[CHANGE]][0] == pytest.approx(STATED + 0.03)


@pytest.mark.parametrize("day_of_split", [CHANGE, CHANGE - 1])
@pytest.mark.parametrize("stated", [True, False])
def test_a_split_and_a_dividend_with_the_change(stated: bool, day_of_split: int) -> None:
    """One share in kuna is two in euros, which are paid 0.2 each. The split may be on a day without price."""
    line = [row for i, row in enumerate(rows(None)) if i != CHANGE - 1]
    at = [(*row[:3], row[3] / 2 if row[0] >= DAYS[CHANGE] else row[3], *row[4:]) for row in line]
    if day_of_split < CHANGE:
        at.append((DAYS[day_of_split], "HR", "EUR", None, None, False))
    tables = uploads([*OTHER, *at], fx())
    mine, on = pl.col("asset_id") == "HR", pl.col("date") == pl.lit(DAYS[CHANGE])
    bare = VALUE[CHANGE] / 2 / (VALUE[CHANGE - 2] * PEG) - 1
    tables["price"] = tables["price"].with_columns(
        split=pl.when(mine & (pl.col("date") == pl.lit(DAYS[day_of_split]))).then(2.0),
        dividend=pl.when(mine & on).then(0.2),
        **{"return": pl.when(mine & on & stated).then(bare).otherwise("return")},
    )
    data = dataset(tables, empty_returns="close")
    growth = 2 * (VALUE[CHANGE] / 2 + 0.2) / EUR[CHANGE] / (VALUE[CHANGE - 2] / EUR[CHANGE - 2])
    assert returns(data, "HR", "USD")[DAYS[CHANGE]] == (pytest.approx(growth - 1), 2)


def test_between_currencies_that_float() -> None:
    """From USD to EUR, stated in the old currency at both rates of the day."""
    usd = {(day, "USD"): 1.0 for day in DAYS} | fx()
    new = [VALUE[i] if i >= CHANGE else VALUE[i] / EUR[i] for i in range(len(DAYS))]
    growth = [None] + [
        VALUE[i] / EUR[i] / (VALUE[i - 1] / EUR[i - 1]) if i <= CHANGE else VALUE[i] / VALUE[i - 1]
        for i in range(1, len(DAYS))
    ]
    line = [
        (day, "X", "USD" if i < CHANGE else "EUR", new[i], None if g is None else g - 1, False)
        for i, (day, g) in enumerate(zip(DAYS, growth, strict=True))
    ]
    found = returns(dataset(uploads([*OTHER, *line], usd)), "X", "USD")
    value = [VALUE[i] / EUR[i] for i in range(len(DAYS))]
    assert [1 + r for r, _ in found.values()] == pytest.approx([b / a for a, b in pairwise(value)])


def test_two_currencies_on_one_day() -> None:
    """The currency of the day before stands; on the first day, the first by name."""
    euros = history("X", "EUR", dict(zip(DAYS, VALUE, strict=True)))
    dollars = history("X", "USD", {day: v / e for day, v, e in zip(DAYS, VALUE, EUR, strict=True)})
    both = dataset(uploads([*dollars, *euros], fx()))
    assert both.report.rows_dropped["price"] == {"quoted in another currency": len(DAYS)}
    assert {both.currencies[c] for c in both.panel.currency} == {"EUR"}
    # a day with dollars alone changes the currency, and dollars stand from then on
    switched = dataset(uploads([*dollars, *(row for i, row in enumerate(euros) if i != 3)], fx()))
    used = [switched.currencies[c] for c in switched.panel.currency]
    assert used == ["EUR"] * 3 + ["USD"] * 5
    for data in (both, switched):
        found = returns(data, "X", "USD")
        total = math.prod(1 + r for r, _ in found.values())
        assert total == pytest.approx(VALUE[-1] / EUR[-1] / (VALUE[0] / EUR[0]))


def test_a_rate_that_is_missing_on_the_day_of_the_change() -> None:
    """Rates of a week, or of a central bank on a holiday: the last one stands, as vendors read it."""
    rates = fx()
    del rates[DAYS[CHANGE], "HRK"]
    dollars = [value / rate for value, rate in zip(VALUE, EUR, strict=True)]
    stated = dollars[CHANGE] / dollars[CHANGE - 1] - 1
    found = returns(dataset(uploads([*OTHER, *rows(stated)], rates)), "HR", "USD")
    assert [1 + r for r, _ in found.values()] == pytest.approx([b / a for a, b in pairwise(dollars)])


@pytest.mark.parametrize("closes", [True, False])
def test_rates_that_do_not_meet(closes: bool) -> None:
    """Turkey struck six zeros off the lira in 2005: rates of TRL end on the day before those of TRY begin."""
    old = {(day, "TRL"): 1e6 * EUR[i] for i, day in enumerate(DAYS[:CHANGE])}
    new = {(day, "TRY"): EUR[i] for i, day in enumerate(DAYS) if i >= CHANGE}
    line: list[Row] = []
    for i, day in enumerate(DAYS):
        is_old = i < CHANGE
        close = VALUE[i] * (1e6 if is_old else 1) if closes else None
        stated = None if i == 0 else VALUE[i] / VALUE[i - 1] - 1
        line.append((day, "TR", "TRL" if is_old else "TRY", close, stated, False))
    other = [(*row[:3], row[3] if closes else None, *row[4:]) for row in OTHER]
    data = dataset(uploads([*other, *line], {(DAYS[0], "USD"): 1.0} | old | new))
    found = returns(data, "TR", "USD")
    known = [i for i in range(1, len(DAYS)) if closes or i != CHANGE]
    assert [*found] == [DAYS[i] for i in known]
    expected = [VALUE[i] / VALUE[i - 1] * EUR[i - 1] / EUR[i] - 1 for i in known]
    assert [r for r, _ in found.values()] == pytest.approx(expected, abs=1e-12)
    report = data.report
    if closes:
        assert report.rows_worked_out["price"] == {
            "returns across a change of currency, derived from closes": 1
        }
    else:
        reason = "no return across a change of currency: no close, or no rate for both"
        assert report.rows_dropped["price"] == {reason: 1}


def test_names_of_a_currency_are_those_that_have_it_on_the_day() -> None:
    """A derived dataset keeps the currencies of an upload's names, from the day on which one has it."""
    euros = history("DE", "EUR", dict(zip(DAYS, VALUE, strict=True)))
    tables = uploads([*OTHER, *euros, *rows(STATED)], fx())
    scores = tables["exposures"].filter(tables["exposures"]["asset_id"] == "HR")
    for named, last in (("HR", len(DAYS)), ("DE", len(DAYS)), ("HR", CHANGE)):
        tables["scores"] = scores.with_columns(factor_group=pl.lit("alpha"), asset_id=pl.lit(named))
        settings = DerivedRiskDatasetSettings.model_validate(
            {
                "reference_dataset": "d", "trim_assets": "ccy_union", "trim_end_date": DAYS[last - 1],
                "exposures": [
                    {"exposure_type": "uploaded", "exposure_source": "scores",
                     "continuous_factor_groups": ["alpha"]}
                ],
            }
        )  # fmt: skip
        data = derive(settings, dataset(tables), reader(tables), "x")
        assert list(rows_of(data, "US")) == []
        assert list(rows_of(data, "HR")) == DAYS[CHANGE if named == "DE" else 0 : last]
        assert list(rows_of(data, "DE")) == DAYS[CHANGE if named == "HR" else 0 : last]


def test_the_past_does_not_know_of_the_change() -> None:
    """However long the name trades in euros, its days in kuna are the same."""
    whole = dataset(uploads([*OTHER, *rows(STATED)], fx()))
    early = dataset(uploads([*OTHER[:CHANGE], *rows(STATED)[:CHANGE]], fx()))
    assert returns(early, "HR", "USD") == {
        day: r for day, r in returns(whole, "HR", "USD").items() if day < DAYS[CHANGE]
    }
    assert list(rows_of(whole, "HR"))[:CHANGE] == list(rows_of(early, "HR"))
