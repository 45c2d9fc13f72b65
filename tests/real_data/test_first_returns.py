"""The first price of a name comes with a return.

An exchange's file has the return of a listing's first day against its offer price; a vendor's return of the
first day that a team has bought runs from a day that it has not. There is no price to which such a return
could belong, so it is not used, and the rows of the other names must not wait until somebody finds it.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openfactor import Client
from openfactor.dataset import RiskDataset, build
from openfactor.errors import DataError, DataWarning
from openfactor.settings import DataQualitySettings
from openfactor.synthetic import simulate
from tests.markets import DATED, SOURCES, dataset_settings, until
from tests.real_data.prices import dataset, history, returns, uploads, weekdays

DAYS = weekdays(6)
MARKET = simulate(12, 8, industries=2)
MARKET_DAYS = MARKET.uploads["price"]["date"].unique().sort().to_list()


def tables(first: dict[str, float | None]) -> dict[str, pl.DataFrame]:
    """Names whose price doubles each day, with these returns on their first days."""
    rows = []
    for i, (name, value) in enumerate(first.items()):
        own = history(name, "USD", {day: 2.0**k for k, day in enumerate(DAYS[i % 3 :])})
        rows += [(*own[0][:4], value, False), *own[1:]]
    return uploads(rows)


def built(first: dict[str, float | None]) -> RiskDataset:
    """From rows as they are stored: several appends may have made them."""
    frames = {name: frame.lazy() for name, frame in tables(first).items()}
    settings = dataset_settings(dense_factor_groups={"style": None}, sparse_factor_groups={})
    return build(settings, lambda data_type, _: frames[data_type], "x")


def test_the_return_is_not_used_and_is_counted() -> None:
    first = {"A": None, "IPO": 0.4, "B": None, "C": -0.2, "D": None}
    data, plain = built(first), dataset(tables(dict.fromkeys(first)))
    for name in first:
        assert returns(data, name, None) == returns(plain, name, None)
        assert {value for value, _ in returns(data, name, None).values()} == {1.0}
    np.testing.assert_array_equal(data.panel.local_return, plain.panel.local_return)
    (found,) = [f for f in data.report.quality if f.check == "first_return"]
    assert (found.count, found.severity, found.newest) == (2, "warning", False)
    assert [(e.asset, e.date, e.value) for e in found.examples] == [
        ("IPO", DAYS[1], "+0.4"), ("C", DAYS[0], "-0.2"),
    ]  # fmt: skip
    assert not [f for f in plain.report.quality if f.check == "first_return"]


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_half_of_the_names_with_one_are_refused(share: float) -> None:
    """Returns that are labelled with the day on which they begin look like this: they would let the future
    explain the past."""
    count = int(4 * share)
    first = {f"N{i}": 1.0 if i < count else None for i in range(4)}
    if share < 0.5:
        dropped = built(first).report.rows_dropped["price"]
        assert dropped == {"return that begins before the first price": 1}
        return
    with pytest.raises(DataError, match=f"{count} of 4 listings begin with a return") as caught:
        built(first)
    assert "date it by the day on which it ends" in str(caught.value)


def test_it_can_be_refused() -> None:
    frames = {name: frame.lazy() for name, frame in tables({"A": None, "B": 0.1, "C": None}).items()}
    settings = dataset_settings(
        dense_factor_groups={"style": None}, sparse_factor_groups={},
        quality=DataQualitySettings(treatment={"first_return": "refuse"}),
    )  # fmt: skip
    with pytest.raises(DataError, match="1 return of a first price is not used"):
        build(settings, lambda data_type, _: frames[data_type], "x")


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_an_offering_does_not_stop_the_next_update(tmp_path: Path, mode: str) -> None:
    """In the id map from its first day on, by a file of the day or one with the whole history."""
    client = Client.local(tmp_path)
    stored = {name: client.equity.uploaders[name].create_dataset(name) for name in SOURCES}
    for name, frame in until(MARKET.uploads, MARKET_DAYS[-3]).items():
        stored[name].fast_commit(frame, "append")
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    dataset = client.equity.riskdatasets.load("d")
    born, next_day = MARKET_DAYS[-2:]
    idmap = MARKET.uploads["idmap"].head(1).with_columns(from_id=pl.lit("IPO"), to_id=pl.lit("IPO"))
    stored["idmap"].fast_commit(idmap, "append")
    for day in (born, next_day):
        known = until(MARKET.uploads, day)
        own = known["price"].filter(pl.col("date") >= born).filter(pl.col("asset_id") == "A00000")
        own = own.with_columns(asset_id=pl.lit("IPO"), **{"return": pl.lit(0.4)})
        rows = pl.concat([known["price"], own])
        if mode == "append":
            rows = rows.filter(pl.col("date") == day)
        for name in DATED[1:]:
            stored[name].fast_commit(known[name].filter(pl.col("date") == day), "append")
        if day == born or mode == "overwrite":
            with pytest.warns(DataWarning, match=r"1 listing has a return but no earl.*asset_id IPO"):
                stored["price"].fast_commit(rows, mode)
        else:
            stored["price"].fast_commit(rows, mode)
        assert dataset.update()
        assert dataset.describe().build_report.last_date == str(day)
    (found,) = dataset.quality().filter(check="first_return").to_dicts()
    assert (found["count"], found["first_date"]) == (1, born)
    assert isinstance(born, dt.date)
