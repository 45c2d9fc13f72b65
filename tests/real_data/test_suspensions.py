"""Names stop trading for a while, or for good, and nobody says so.

Suspensions in Hong Kong and on the mainland last for weeks, a takeover target halts for days, and many
vendors never send a row that says `delisted`: the prices just stop. On each day only what is known on it may
count.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import derive
from openfactor.dataset.reading import no_uploads
from openfactor.exposures import members
from openfactor.model import estimate
from openfactor.model.estimation import days_kept, extend
from openfactor.settings import (
    DerivedRiskDatasetSettings,
    RiskDatasetReferencedExposureSettings,
    UniverseSettings,
)
from openfactor.synthetic import simulate
from tests.handles import RiskModel
from tests.markets import dataset_of, model_settings, reader, until
from tests.real_data.prices import dataset, history, returns, rows_of, uploads, weekdays

DAYS = weekdays(40)
OTHER = history("O", "USD", {day: 10.0 + i for i, day in enumerate(DAYS)})


def halted(first: int, after: int) -> list:
    """X has no price from day `first` until day `after`."""
    return history("X", "USD", {d: 50.0 + i for i, d in enumerate(DAYS) if not first <= i < after})


def test_a_halt_of_ten_days_is_a_life() -> None:
    data = dataset(uploads([*OTHER, *halted(10, 20)]))
    rows = rows_of(data, "X")
    assert list(rows) == DAYS
    assert [day for day, priced in rows.items() if not priced] == DAYS[10:20]
    mine = data.panel.listing == data.identifiers.listing_ids("ticker").index("X")
    assert (data.panel.stale == ~data.panel.priced).all()
    assert set(data.panel.market_cap[mine]) == {1e9}
    assert set(data.panel.dense["style"]["size"][mine].tolist()) == {1.0}
    assert returns(data, "X", "USD")[DAYS[20]] == (pytest.approx(70 / 59 - 1), 11)
    assert data.coverage.filter(pl.col("date") == DAYS[12]).select("listings", "priced").row(0) == (2, 1)


@pytest.mark.parametrize(("limit", "alive"), [(0, 0), (5, 5), (10, 10), (63, 10)])
def test_prices_that_stop_are_a_halt_until_the_limit(limit: int, alive: int) -> None:
    """The last ten days of the dataset: nobody knows whether the name comes back."""
    data = dataset(uploads([*OTHER, *halted(30, 40)]), max_days_without_price=limit)
    assert list(rows_of(data, "X")) == DAYS[: 30 + alive]
    comes_back = history("X", "USD", dict.fromkeys([*DAYS[:30], *weekdays(60)[45:]], 50.0))
    later = history("O", "USD", {day: 10.0 + i for i, day in enumerate(weekdays(60))})
    longer = dataset(uploads([*later, *comes_back]), max_days_without_price=limit)
    assert [d for d in rows_of(longer, "X") if d in DAYS] == DAYS[: 30 + alive]


def test_a_new_life_begins_with_a_base() -> None:
    """After the limit the name was gone: no row explains the return from before, which is counted."""
    data = dataset(uploads([*OTHER, *halted(10, 20)]), max_days_without_price=9)
    assert list(rows_of(data, "X")) == DAYS[:19] + DAYS[20:]
    found = returns(data, "X", "USD")
    assert [*found] == DAYS[1:10] + DAYS[21:]
    dropped = data.report.rows_dropped["price"]
    assert dropped == {"return that begins before the first price": 1}
    still = dataset(uploads([*OTHER, *halted(10, 20)]), max_days_without_price=10)
    assert returns(still, "X", "USD")[DAYS[20]][1] == 11


def test_days_on_which_nothing_trades_do_not_count() -> None:
    """A week of closed exchanges with exposures every day, as Golden Week or 11 September 2001."""
    tables = uploads(
        [row for row in [*OTHER, *halted(10, 17)] if row[0] not in DAYS[12:15]],
        closed={"XNYS": DAYS[12:15]},
    )
    more = [tables["exposures"].with_columns(date=pl.lit(day)) for day in DAYS[12:15]]
    tables["exposures"] = pl.concat([tables["exposures"], *more])
    assert list(rows_of(dataset(tables, max_days_without_price=4), "X")) == DAYS
    assert DAYS[16] not in rows_of(dataset(tables, max_days_without_price=3), "X")


def test_a_second_line_stands_in_only_when_it_must() -> None:
    """A is the main line of a company. B stands in for it when A is silent for more than ten days,
    or when B begins to trade after A stopped: a new ticker."""
    a = history("A", "USD", {d: 50.0 + i for i, d in enumerate(DAYS) if i < 10 or i >= 25})

    def main(b: list) -> list[str]:
        data = dataset(uploads([*OTHER, *a, *b], companies={"B": "A"}))
        names = data.identifiers.listing_ids("ticker")
        here = [names[i] for i in data.panel.listing[data.panel.is_main_listing]]
        return [name for name in here if name != "O"]

    always = history("B", "USD", {d: 20.0 + i for i, d in enumerate(DAYS)})
    assert main(always) == ["A"] * 20 + ["B"] * 5 + ["A"] * 15
    new = history("B", "USD", {d: 20.0 + i for i, d in enumerate(DAYS) if i >= 10})
    assert main(new) == ["A"] * 10 + ["B"] * 15 + ["A"] * 15


def market_with_halts() -> dict[str, pl.DataFrame]:
    """Every seventh name is silent for a while, some until the end."""
    market = simulate(80, 60, industries=3, exchanges=("XNYS", "XLON"), currencies=("USD", "GBP"), seed=4)
    days = market.factor_returns["date"].to_list()
    number = pl.col("asset_id").str.slice(1).cast(pl.Int32)
    silent = (number % 7 == 3) & pl.col("date").is_between(days[30], days[42])
    gone = (number % 11 == 5) & (pl.col("date") >= days[48])
    price = market.uploads["price"].filter(~silent & ~gone)
    price = price.sort("date").with_columns(
        (pl.col("close") / pl.col("close").shift(1) - 1).over("asset_id").alias("return"),
        delisted=pl.lit(False),
    )
    return market.uploads | {"price": price.sort("date", "asset_id")}


def test_a_model_keeps_a_halted_name_and_its_past() -> None:
    frames = market_with_halts()
    data = dataset_of(frames)
    settings = model_settings()
    whole = estimate(data, settings, "x")
    model = RiskModel(data, settings, whole)
    day = whole.dates[36]
    exposures = model.exposures(start=day, end=day)
    assert "A00003" in exposures["ticker"].to_list()
    assert exposures.filter(pl.col("ticker") == "A00003")["market.market"].item() == 1.0
    assert model.forecast().specific_volatility(start=day, end=day)["A00003"].item() > 0
    assert model.asset_returns(start=day, end=day)["A00003"].item() is None
    early = dataset_of(until(frames, day))
    past = estimate(early, settings, "x")
    n = len(past.dates)
    assert past.dates == whole.dates[:n]
    np.testing.assert_array_equal(past.factor_returns, whole.factor_returns[:n])
    rows = int(early.panel.offsets[-2])
    for name in ("asset_return", "specific_return", "covered"):
        np.testing.assert_array_equal(getattr(past, name)[:rows], getattr(whole, name)[:rows])
    assert (whole.covered > 1).sum() > 5


@pytest.mark.parametrize("cut", [36, 43, 50])
def test_new_days_in_the_midst_of_a_halt(cut: int) -> None:
    """A return that began before the days that are new is taken in exactly."""
    frames, settings = market_with_halts(), model_settings()
    data = dataset_of(frames)
    whole = estimate(data, settings, "x")
    old = estimate(dataset_of(until(frames, whole.dates[cut])), settings, "x")
    new = extend(old, data, settings, "x")
    assert days_kept(old, data, settings) > 30
    np.testing.assert_array_equal(new.factor_returns, whole.factor_returns)
    for run, other in zip(new.runs, whole.runs, strict=True):
        for ours, theirs in zip(run.by_row, other.by_row, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_derived_dataset_between_its_reference_s_days() -> None:
    """Days that only the derived dataset stores: who is alive on them is known on the day before."""
    ended = [(*row[:5], row[0] == DAYS[4]) for row in halted(5, 40)]
    tables = uploads([*OTHER, *ended])
    weekend = [day + dt.timedelta(1) for day in DAYS if day.weekday() == 4]
    scores = pl.concat([tables["exposures"].with_columns(date=pl.lit(day)) for day in weekend])
    tables["scores"] = scores.with_columns(factor_group=pl.lit("alpha"))
    settings = DerivedRiskDatasetSettings.model_validate(
        {
            "reference_dataset": "d",
            "exposures": [
                RiskDatasetReferencedExposureSettings(),
                {
                    "exposure_type": "uploaded",
                    "exposure_source": "scores",
                    "continuous_factor_groups": ["alpha"],
                },
            ],
        }
    )
    data = derive(settings, dataset(tables), reader(tables), "x")
    assert list(rows_of(data, "X")) == DAYS[:5]
    assert weekend[-1] > DAYS[-1]
    assert list(rows_of(data, "O")) == sorted([*DAYS, *weekend])
    assert len(data.panel.delisted) == 1
    # on the evening of each of these days the same is known
    for day in weekend:
        cut = until(tables, day) | {"scores": tables["scores"].filter(pl.col("date") <= day)}
        early = derive(settings, dataset(cut), reader(cut), "x")
        for name in "OX":
            whole = {d: priced for d, priced in rows_of(data, name).items() if d <= day}
            assert rows_of(early, name) == whole


def test_a_derived_dataset_beyond_its_reference_s_days() -> None:
    """A reference whose prices stop: its names live on for the ten trading days of the longest closure."""
    tables = uploads(OTHER[:20])
    scores = [tables["exposures"].with_columns(date=pl.lit(day)) for day in DAYS]
    tables["scores"] = pl.concat(scores).with_columns(factor_group=pl.lit("alpha"))
    settings = DerivedRiskDatasetSettings.model_validate(
        {
            "reference_dataset": "d",
            "exposures": [
                {
                    "exposure_type": "uploaded",
                    "exposure_source": "scores",
                    "continuous_factor_groups": ["alpha"],
                }
            ],
        }
    )
    data = derive(settings, dataset(tables), reader(tables), "x")
    assert list(rows_of(data, "O")) == DAYS[:30]


def test_a_universe_has_a_halted_name() -> None:
    data = dataset(uploads([*OTHER, *halted(10, 20)]))
    assert members(data, UniverseSettings(id_type="ticker"), no_uploads).all()


def test_a_return_that_began_before_a_derived_dataset_is_counted() -> None:
    parent = dataset(uploads([*OTHER, *halted(10, 20)]))
    settings = DerivedRiskDatasetSettings(
        reference_dataset="d", exposures=[RiskDatasetReferencedExposureSettings()], trim_start_date=DAYS[15]
    )
    data = derive(settings, parent, reader({}), "x")
    assert list(rows_of(data, "X")) == DAYS[15:]
    assert [*returns(data, "X", "USD")] == DAYS[21:]
    assert data.report.rows_dropped == {"reference": {"return that begins before the first day": 1}}
    later = settings.model_copy(update={"trim_start_date": DAYS[20]})
    assert derive(later, parent, reader({}), "x").report.rows_dropped == {}
