"""Prices without returns: what most people have is closes, adjusted or with dividends and splits beside them.

The twin holds one share from the first close, takes what it is paid, and asks for its wealth at each close.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset
from openfactor.errors import DataError
from tests.dataset.test_build import FRI, GROUPS, MON, THU, TUE, WED, column, tables
from tests.markets import dataset_of, good_rows

CLOSES = {
    "A": [(MON, 10.0, None, None), (TUE, 11.0, None, None), (WED, 5.4, 0.2, 2.0), (FRI, 6.0, 0.3, None)],
    "B": [(TUE, 5.0, None, None), (WED, None, None, None), (THU, None, 0.5, 3.0), (FRI, 2.0, None, None)],
}


def prices(given: dict[str, list[tuple]] = CLOSES) -> pl.DataFrame:
    rows = [(name, *row) for name, mine in given.items() for row in mine]
    columns = ["asset_id", "date", "close", "dividend", "split"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        pl.lit(None, pl.Float64).alias("return"), pl.col("dividend", "split").cast(pl.Float64),
        asset_id_type=pl.lit("ticker"), ccy=pl.lit("USD"), delisted=False,
    )  # fmt: skip


def returns(dataset: RiskDataset, name: str) -> dict:
    found = column(dataset, dataset.panel.local_return, name)
    return {day: round(x, 12) for day, x in found.items() if np.isfinite(x)}


def twin(rows: list[tuple]) -> dict:
    """Total return of each close since the one before, one share and its cash at a time."""
    out, base, shares, cash = {}, None, 1.0, 0.0
    for day, close, dividend, split in rows:
        shares *= split or 1.0
        cash += shares * (dividend or 0.0)
        if close is not None:
            if base is not None:
                out[day] = round((shares * close + cash) / base - 1, 12)
            base, shares, cash = close, 1.0, 0.0
    return out


@pytest.mark.parametrize("turned", [False, True])
def test_closes_with_dividends_and_splits(turned: bool) -> None:
    frame = prices().reverse() if turned else prices()
    dataset = dataset_of(tables(price=frame), **GROUPS, empty_returns="close")
    for name, rows in CLOSES.items():
        assert returns(dataset, name) == twin(rows)
    count = sum(len(twin(rows)) for rows in CLOSES.values())
    assert dataset.report.rows_worked_out == {"price": {"returns derived from closes": count}}
    assert f"worked out: {count} returns derived from closes" in str(dataset.report)
    # two for one at 5.4 with 0.2 a share: 10.8 + 0.4 for a share of 11
    assert returns(dataset, "A")[WED] == pytest.approx(11.2 / 11 - 1)
    assert returns(dataset, "B")[FRI] == pytest.approx((3 * 2.0 + 3 * 0.5) / 5 - 1)


def test_a_split_of_zero_is_none() -> None:
    """Files of Yahoo have 0 on days without one."""
    zeros = prices().with_columns(pl.col("split", "dividend").fill_null(0.0))
    dataset = dataset_of(tables(price=zeros), **GROUPS, empty_returns="close")
    assert returns(dataset, "A") == twin(CLOSES["A"])
    assert returns(dataset, "B") == twin(CLOSES["B"])


def test_adjusted_closes_grow() -> None:
    dataset = dataset_of(tables(price=prices()), **GROUPS, empty_returns="adjusted_close")
    assert returns(dataset, "A") == {
        TUE: pytest.approx(0.1), WED: pytest.approx(5.4 / 11 - 1), FRI: pytest.approx(6 / 5.4 - 1)
    }  # fmt: skip
    assert returns(dataset, "B") == {FRI: pytest.approx(2 / 5 - 1)}


@pytest.mark.filterwarnings("ignore::openfactor.errors.DataWarning")
def test_nothing_is_derived_unless_it_is_asked_for() -> None:
    assert returns(dataset_of(tables(price=prices()), **GROUPS), "A") == {}


def test_returns_that_are_given_stay() -> None:
    given = tables()["price"].with_columns(close=pl.col("close") * 7)
    plain = dataset_of(tables(price=given), **GROUPS)
    empty = given.with_columns(
        pl.when((pl.col("asset_id") == "A") & (pl.col("date") == TUE))
        .then(None)
        .otherwise("return")
        .alias("return"),
        close=pl.when(pl.col("date") == TUE).then(pl.col("close") * 2).otherwise("close"),
    )
    dataset = dataset_of(tables(price=empty), **GROUPS, empty_returns="adjusted_close")
    assert returns(dataset, "A")[TUE] == pytest.approx(2 * 1.1 - 1)
    assert {d: x for d, x in returns(dataset, "A").items() if d != TUE} == {
        d: x for d, x in returns(plain, "A").items() if d != TUE
    }


def test_a_base_without_a_close_gives_nothing() -> None:
    """The price of Wednesday has a return and no close: the return since Wednesday is not known."""
    rows = prices(
        {"A": CLOSES["A"], "B": [(TUE, 5.0, None, None), (WED, None, None, None), (FRI, 2.0, None, None)]}
    )
    known = (pl.col("asset_id") == "B") & (pl.col("date") == WED)
    rows = rows.with_columns(pl.when(known).then(0.1).otherwise("return").alias("return"))
    dataset = dataset_of(tables(price=rows), **GROUPS, empty_returns="close")
    assert returns(dataset, "B") == {WED: 0.1}


@pytest.mark.parametrize(("name", "value"), [("split", -2.0), ("dividend", -1.0), ("split", np.inf)])
def test_what_cannot_be(name: str, value: float) -> None:
    with pytest.raises(DataError, match=f"price.{name}"):
        good_rows(prices().with_columns(**{name: pl.lit(value)}), "price")
