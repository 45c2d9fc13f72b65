"""Panels of other frequencies.

Weekly panels are common for emerging markets and for long histories, monthly ones come from academic sources
(CRSP monthly); exchanges of the Gulf trade from Sunday to Thursday, and some markets never close.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset, derive
from openfactor.dataset.periods import periods_per_year
from openfactor.model import estimate, factor_covariance
from openfactor.settings import (
    DerivedRiskDatasetSettings,
    RiskDatasetReferencedExposureSettings,
    RootRiskDatasetSettings,
)
from openfactor.synthetic import MARKET_VOL, SPECIFIC_VOL, simulate
from tests.handles import RiskModel
from tests.markets import dataset_of, model_settings, reader

MARKET = simulate(80, 420, industries=4, late_listings=0, delistings=0, seed=2)
N = len(MARKET.factor_returns)


def calendar(kind: str) -> list[dt.date]:
    """Days of a panel, some of them holidays."""
    start, every = dt.date(2012, 1, 6), {"weekly": 7, "monthly": 30}
    if kind == "daily":
        return MARKET.factor_returns["date"].to_list()
    if kind == "monthly":  # the last weekday of each month
        month = pl.date_range(dt.date(1985, 1, 1), dt.date(2022, 12, 1), "1mo", eager=True).dt.month_end()
        back = pl.DataFrame({"d": month}).select(
            pl.col("d") - pl.duration(days=(pl.col("d").dt.weekday() - 5).clip(0, 2))
        )
        return back["d"].to_list()[:N]
    days = [start + dt.timedelta(every[kind] * i) for i in range(N)]
    return [
        day - dt.timedelta(i % 9 == 3) for i, day in enumerate(days)
    ]  # Friday, or Thursday before a holiday


def moved(kind: str) -> dict[str, pl.DataFrame]:
    """The same returns, on the days of another calendar: what was a day there is a period here."""
    days = dict(zip(calendar("daily"), calendar(kind), strict=False))
    out = {}
    for name, frame in MARKET.uploads.items():
        if name in ("price", "market_cap", "exposures", "exchange_rates"):
            frame = frame.filter(pl.col("date").is_in(list(days)))
            frame = frame.with_columns(pl.col("date").replace_strict(days, return_dtype=pl.Date))
        out[name] = frame
    return out | {
        "exchange_dates": MARKET.uploads["exchange_dates"]
        .with_columns(date=pl.lit(dt.date(1980, 1, 1)))
        .unique()
    }


def model_on(data: RiskDataset) -> RiskModel:
    settings = model_settings()
    return RiskModel(data, settings, estimate(data, settings, "x"))


@pytest.mark.parametrize(("kind", "periods"), [("daily", 252), ("weekly", 52), ("monthly", 12)])
def test_volatilities_are_those_of_a_year(kind: str, periods: int) -> None:
    """With 252 for all of them, a monthly panel has 4.6 times the volatility that it has."""
    data = dataset_of(moved(kind) if kind != "daily" else MARKET.uploads)
    assert data.report.periods_per_year == periods
    assert f"{periods} trading periods per year" in str(data.report)
    model = model_on(data)
    forecast = model.forecast()
    assert forecast.periods_per_year == periods
    market = forecast.factor_volatility()["market.market"][-100:].mean()
    assert market == pytest.approx(MARKET_VOL * np.sqrt(periods), rel=0.12)
    specific = forecast.specific_risk()["specific_volatility"].mean()
    assert specific == pytest.approx(SPECIFIC_VOL * np.sqrt(periods), rel=0.05)
    as_function = factor_covariance(model.fret().tail(-1))
    np.testing.assert_allclose(
        as_function.drop("date", "factor"),
        forecast.factor_covariance().drop("date", "factor"),
        rtol=1e-4,
        atol=1e-9,
    )


def test_diagnostics_count_in_periods_of_the_calendar() -> None:
    model = model_on(dataset_of(moved("weekly")))
    found = model.diagnostics(n_portfolios=4)
    assert len(found.standardized()) == N - 1 - 52  # a year is burnt in
    assert 0.8 < found.summary()["bias"] < 1.2
    row = found.factors().row(by_predicate=pl.col("factor") == "market.market", named=True)
    f = model.fret()["market.market"][1:].cast(pl.Float64)
    assert row["volatility"] == pytest.approx(f.std() * np.sqrt(52), rel=1e-5)


def test_the_setting_wins_and_goes_down_to_what_is_built_on_it() -> None:
    chosen = dataset_of(MARKET.uploads, periods_per_year=260)
    assert (chosen.report.periods_per_year, chosen.report.periods_source) == (260, "settings")
    assert model_on(chosen).forecast().periods_per_year == 260
    read = reader(MARKET.uploads)
    for asked, expected in ((None, 260), (250, 250)):
        below = DerivedRiskDatasetSettings(
            reference_dataset="x", exposures=[RiskDatasetReferencedExposureSettings()], periods_per_year=asked
        )
        assert derive(below, chosen, read, "y").report.periods_per_year == expected
    for wrong in (0, -1, 1000, float("nan")):
        with pytest.raises(ValueError, match="periods_per_year"):
            RootRiskDatasetSettings.model_validate(chosen.settings.model_dump() | {"periods_per_year": wrong})


def test_a_short_derived_dataset_takes_over_what_its_reference_knows() -> None:
    weekly = dataset_of(moved("weekly"))
    days = weekly.days
    below = DerivedRiskDatasetSettings(
        reference_dataset="x", trim_start_date=days[-3], trim_end_date=days[-1]
    )
    short = derive(below, weekly, reader(MARKET.uploads), "y")
    assert len(short.days) == 3
    assert (short.report.periods_per_year, short.report.periods_source) == (52, "trading days")


def days_of(pattern: set[int], n: int, start: dt.date = dt.date(2019, 1, 1)) -> list[dt.date]:
    """n days on the days of the week of `pattern`, Monday 0."""
    every = (start + dt.timedelta(i) for i in range(10 * n))
    return [day for day in every if day.weekday() in pattern][:n]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (days_of({0, 1, 2, 3, 4}, 300), 252),
        (days_of({6, 0, 1, 2, 3}, 300), 252),  # Sunday to Thursday
        (days_of(set(range(7)), 300), 365),
        (days_of({0, 2, 4}, 300), 151),
        (days_of({1, 3}, 100), 101),
        (days_of({2}, 60), 52),
        (days_of({2}, 4), 52),
        (days_of({2}, 3), None),
        (days_of({0, 1, 2, 3, 4}, 20), None),  # a daily history of less than 21 days is taken for one of 252
        ([day for day in days_of({0, 1, 2, 3, 4}, 40) if not 8 <= day.day <= 16], 252),  # a golden week
        (calendar("monthly"), 12),
        ([dt.date(2000 + i // 4, 3 * (i % 4) + 1, 1) for i in range(12)], 4),
        ([dt.date(2000 + i, 12, 31) for i in range(12)], 1),
        ([dt.date(2020, 1, 3) + dt.timedelta(14 * i) for i in range(30)], 26),
        ([], None),
    ],
)  # fmt: skip
def test_what_the_days_tell(days: list[dt.date], expected: float | None) -> None:
    assert periods_per_year(days) == expected
    for n in range(21, len(days)):  # nothing later changes it
        assert periods_per_year(days[:n]) == expected


def test_stored_days_without_prices_do_not_count() -> None:
    """Exposures of every calendar day, prices of weekdays, closures that list no weekend."""
    exposures = MARKET.uploads["exposures"]
    weekend = [d for d in days_of({5, 6}, 120, calendar("daily")[0]) if d < calendar("daily")[-1]]
    copied = exposures.filter(pl.col("date") == exposures["date"].min())
    extra = pl.concat([copied.with_columns(date=pl.lit(day)) for day in weekend[:40]])
    closed = MARKET.uploads["exchange_dates"].filter(pl.col("date").dt.weekday() < 6)
    data = dataset_of(MARKET.uploads | {"exposures": pl.concat([exposures, extra]), "exchange_dates": closed})
    assert any(day.weekday() >= 5 for day in data.days)
    assert data.report.periods_per_year == 252
    assert model_on(data).forecast().periods_per_year == 252


def test_a_change_of_frequency_is_said() -> None:
    """A monthly history that turns daily, as when a vendor's backfill is coarser."""
    price = MARKET.uploads["price"]
    days = price["date"].unique().sort()
    kept = {day for i, day in enumerate(days) if i % 21 == 0 or i > 380}
    uploads = MARKET.uploads | {"price": price.filter(pl.col("date").is_in(sorted(kept)))}
    # days of exposures without prices are no trading days
    found = dataset_of(uploads).report
    assert found.periods_per_year == 12
    assert any(
        "about 12 times per year at first and 252 times at last" in warning for warning in found.warnings
    )
