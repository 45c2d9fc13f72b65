"""Betas of companies to factor series: over which days returns and factors are paired."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from openfactor.context import Context
from openfactor.dataset import RiskDataset
from openfactor.dataset.betas import rolling_betas
from openfactor.numerics.rolling import rolling_ols
from openfactor.settings import CalendarSettings
from tests.dataset.test_build import GROUPS, column, exposure_rows, tables
from tests.markets import dataset_of
from tests.reference import betas

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(i) for i in range(60)]
HOLIDAYS = [DAYS[i] for i in (7, 8, 30)]
WEEKDAYS = [day for day in DAYS if day.weekday() < 5 and day not in HOLIDAYS]
SEED = np.random.default_rng(11)
FACTOR = {day: float(SEED.normal(0, 0.02)) for day in DAYS if SEED.random() < 0.9}
SERIES = pl.DataFrame({"date": list(FACTOR), "factor": "f", "value": list(FACTOR.values())})
SILENT = {"A": WEEKDAYS[10:14] + WEEKDAYS[20:21], "B": WEEKDAYS[1:4] + WEEKDAYS[16:17]}
"""Days on which a listing is halted. B begins with a halt."""


def market() -> RiskDataset:
    """Each listing gains twice what the factor has returned since the listing's last price."""
    rows = []
    for name, silent in SILENT.items():
        last = None
        for day in (day for day in WEEKDAYS if day not in silent):
            gain = None if last is None else 2 * betas.factor_since(FACTOR, last, day)
            rows.append((day, name, 10.0, gain))
            last = day
    price = pl.DataFrame(rows, schema=["date", "asset_id", "close", "return"], orient="row").with_columns(
        pl.lit("ticker").alias("asset_id_type"), pl.lit("USD").alias("ccy"), pl.lit(False).alias("delisted")
    )
    exposures = exposure_rows(
        [(WEEKDAYS[0], name, group, factor, 1.0) for name in "AB"
         for group, factor in (("style", "size"), ("industry", "X"))]
    )  # fmt: skip
    caps = tables()["market_cap"].with_columns(date=pl.lit(WEEKDAYS[0])).unique("asset_id")
    closed = [day for day in DAYS if day not in WEEKDAYS]
    closures = pl.DataFrame({"date": closed, "exchange": "XNYS"})
    rates = pl.DataFrame({"date": [DAYS[0]], "ccy": ["USD"], "fx_rate": [1.0]})
    frames = tables(
        price=price, exposures=exposures, market_cap=caps, exchange_dates=closures, exchange_rates=rates
    )
    return dataset_of(frames, **GROUPS)


def betas_of(dataset: RiskDataset, name: str, slopes, **options) -> dict[dt.date, float]:
    values = rolling_betas(
        dataset, SERIES, ["f"], slopes, calendar=CalendarSettings(filters=[["XNYS"]]), currency="USD",
        context=Context(1), **options,
    )  # fmt: skip
    return column(dataset, values["f"], name)


def paired_factor(returns: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """In place of slopes, the factor return that each return is paired with; NaN without a return."""
    return np.where(np.isfinite(returns), factor[:, None], np.nan)


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_return_is_paired_with_the_factor_over_the_same_days(name: str) -> None:
    priced = [day for day in WEEKDAYS if day not in SILENT[name]]
    expected = dict.fromkeys(WEEKDAYS, np.nan)
    expected |= {day: betas.factor_since(FACTOR, last, day) for last, day in pairwise(priced)}
    assert betas_of(market(), name, paired_factor) == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", ["A", "B"])
def test_halts_and_holidays_leave_a_beta_as_it_is(name: str) -> None:
    by_day = betas_of(market(), name, lambda y, g: rolling_ols(y, g, 20, 1, 10))
    later = [beta for day, beta in by_day.items() if day >= WEEKDAYS[20]]
    np.testing.assert_allclose(later, 2.0, rtol=1e-9)


def test_days_that_count_as_zero_are_not_paired_twice() -> None:
    """The return after a filled gap counts for its own day; before the first return nothing is filled."""
    before = dict(zip(WEEKDAYS[1:], WEEKDAYS, strict=False))
    for name in "AB":
        expected = {day: betas.factor_since(FACTOR, before[day], day) for day in WEEKDAYS[1:]}
        if name == "B":
            first = WEEKDAYS[4]
            expected |= dict.fromkeys(WEEKDAYS[1:4], np.nan)
            expected[first] = betas.factor_since(FACTOR, WEEKDAYS[0], first)
        expected[WEEKDAYS[0]] = np.nan
        by_day = betas_of(market(), name, paired_factor, zero_gaps=True)
        assert by_day == pytest.approx(expected, rel=1e-12, nan_ok=True)
