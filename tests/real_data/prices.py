"""A dataset from a few price rows, for tests that work out by hand what must come of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl

from openfactor.dataset import RiskDataset
from openfactor.dataset.timing import timeline
from openfactor.settings import CalendarSettings
from tests.markets import dataset_of

Row = tuple[dt.date, str, str, float | None, float | None, bool]
"""date, asset_id, ccy, close, return, delisted"""


def weekdays(n: int, start: dt.date = dt.date(2024, 1, 1)) -> list[dt.date]:
    """The first n days from Monday to Friday."""
    days = (start + dt.timedelta(i) for i in range(2 * n + 7))
    return [day for day in days if day.weekday() < 5][:n]


def history(name: str, ccy: str, closes: Mapping[dt.date, float]) -> list[Row]:
    """Rows with the return since the price before."""
    before = [None, *closes.values()]
    return [
        (day, name, ccy, close, None if last is None else close / last - 1, False)
        for (day, close), last in zip(closes.items(), before, strict=False)
    ]


def uploads(
    rows: Sequence[Row],
    fx: Mapping[tuple[dt.date, str], float] | None = None,
    closed: Mapping[str, Sequence[dt.date]] | None = None,
    companies: Mapping[str, str] | None = None,
) -> dict[str, pl.DataFrame]:
    """Every name has a cap of 1e9 USD and an exposure of 1 on the first day.

    fx : units of a currency per USD; companies : ticker to its company, where it is not its own
    """
    columns = ["date", "asset_id", "ccy", "close", "return", "delisted"]
    kinds = [pl.Date, pl.String, pl.String, pl.Float64, pl.Float64, pl.Boolean]
    price = pl.DataFrame(list(rows), schema=dict(zip(columns, kinds, strict=True)), orient="row")
    first = price["date"].min()
    assert isinstance(first, dt.date)
    names = price["asset_id"].unique().sort()
    ticker = pl.lit("ticker").alias("asset_id_type")
    on_first = pl.DataFrame({"asset_id": names}).with_columns(ticker, date=pl.lit(first))
    rates = [(day, ccy, rate) for (day, ccy), rate in (fx or {}).items()] or [(first, "USD", 1.0)]
    shut = [(day, x) for x, days in (closed or {}).items() for day in days]
    return {
        "price": price.with_columns(ticker),
        "market_cap": on_first.with_columns(
            ccy=pl.lit("USD"), market_cap=pl.lit(1e9), volume=pl.lit(1.0), idio_vol=pl.lit(0.02)
        ),
        "exposures": on_first.with_columns(
            factor_group=pl.lit("style"), factor=pl.lit("size"), exposure=pl.lit(1.0)
        ),
        "idmap": pl.DataFrame(
            {"from_id": names, "to_id": [(companies or {}).get(name, name) for name in names]}
        ).with_columns(
            start_date=pl.lit(dt.date.min), end_date=pl.lit(dt.date.max),
            from_id_type=pl.lit("ticker"), to_id_type=pl.lit("ticker_core"),
        ),
        "exchange_rates": pl.DataFrame(rates, schema=["date", "ccy", "fx_rate"], orient="row"),
        "exchange_dates": pl.DataFrame(
            shut or [(dt.date(2000, 1, 1), "XNYS")], schema=["date", "exchange"], orient="row"
        ),
    }  # fmt: skip


def dataset(tables: Mapping[str, pl.DataFrame], **settings: Any) -> RiskDataset:
    return dataset_of(tables, dense_factor_groups={"style": None}, sparse_factor_groups={}, **settings)


def returns(
    data: RiskDataset, name: str, currency: str | None, filters: Sequence[Sequence[str]] = (("XNYS",),)
) -> dict[dt.date, tuple[float, int]]:
    """Trading day to the return in a currency and the trading days that it covers, where there is one."""
    with ThreadPoolExecutor(1) as pool:
        calendar = CalendarSettings(filters=[list(group) for group in filters])
        line = timeline(data, calendar, currency, pool)
    at = data.identifiers.listing_ids("ticker").index(name)
    found = {}
    for p, after in zip(line.days[:-1].tolist(), line.dates[1:], strict=True):
        for row in range(*data.panel.offsets[[p, p + 1]]):
            if data.panel.listing[row] == at and np.isfinite(line.forward_return[row]):
                found[after] = float(line.forward_return[row]), int(line.covered[row])
    return found


def rows_of(data: RiskDataset, name: str) -> dict[dt.date, bool]:
    """Day to whether the name has a price, for the days on which it has a row."""
    at = data.identifiers.listing_ids("ticker").index(name)
    mine = np.flatnonzero(data.panel.listing == at)
    return {data.days[data.panel.day[row]]: bool(data.panel.priced[row]) for row in mine}
