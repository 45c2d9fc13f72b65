"""Days as a whole: statuses, universes, currencies, calendars."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from openfactor.context import Context, Progress
from openfactor.dataset import RiskDataset
from openfactor.dataset.timing import Timeline, timeline
from openfactor.errors import DataError
from openfactor.model import Estimates, estimate
from openfactor.model.estimation.estimates import STATUSES
from openfactor.settings import (
    CalendarSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    MCapFilterSettings,
    ModelConstructionSettings,
    UniverseSettings,
)
from openfactor.synthetic import simulate
from tests.markets import dataset_of, fit, model_settings

MARKET = simulate(60, 14, industries=4, seed=11)


def line(dataset: RiskDataset, currency: str | None = "USD") -> Timeline:
    with ThreadPoolExecutor(2) as pool:
        return timeline(dataset, CalendarSettings(), currency, pool)


def statuses(uploads: dict[str, pl.DataFrame]) -> list[str]:
    return [STATUSES[i] for i in fit(uploads).status[0]]


def test_first_day_has_no_regression() -> None:
    estimates = fit(MARKET.uploads)
    assert statuses(MARKET.uploads) == ["first_day"] + ["ok"] * 13
    assert (estimates.factor_returns[0] == 0).all()
    assert estimates.n[0, 0] == 0
    assert (estimates.n[0, 1:] > 40).all()


def test_a_day_without_prices_that_nobody_declared_closed() -> None:
    day = MARKET.factor_returns["date"][6]
    price = MARKET.uploads["price"].filter(pl.col("date") != day)
    outcomes = statuses(MARKET.uploads | {"price": price})
    assert outcomes[6] == "no_returns"
    assert outcomes[5] == outcomes[7] == "ok"


def test_exposures_that_begin_late() -> None:
    day = MARKET.factor_returns["date"][4]
    exposures = MARKET.uploads["exposures"].filter(pl.col("date") >= day)
    outcomes = statuses(MARKET.uploads | {"exposures": exposures})
    assert outcomes == ["first_day"] + ["no_exposures"] * 4 + ["ok"] * 9


def test_estimation_universe_that_is_empty_on_a_day() -> None:
    days = MARKET.factor_returns["date"]
    exposures = MARKET.uploads["exposures"].with_columns(
        asset_id=pl.when((pl.col("factor_group") == "estimation_universe") & (pl.col("date") == days[5]))
        .then(pl.concat_str(pl.lit("gone-"), "asset_id"))
        .otherwise("asset_id")
    )
    gone = pl.DataFrame({"from_id": ["gone-A00000"], "to_id": ["gone-A00000"]})
    idmap = pl.concat(
        [
            MARKET.uploads["idmap"],
            gone.with_columns(
                pl.lit(dt.date.min).alias("start_date"), pl.lit(dt.date.max).alias("end_date"),
                pl.lit("ticker").alias("from_id_type"), pl.lit("ticker_core").alias("to_id_type"),
            ).select(MARKET.uploads["idmap"].columns),
        ]
    )  # fmt: skip
    with pytest.raises(DataError, match="empty_estimation_universe") as caught:
        fit(MARKET.uploads | {"exposures": exposures, "idmap": idmap})
    (fault,) = caught.value.faults
    assert fault.examples == (str(days[6]),)  # membership of a day explains the next


def test_universe_bounds_on_caps_hold_on_the_day_before() -> None:
    dataset = dataset_of(MARKET.uploads)
    middle = float(np.median(dataset.panel.market_cap))
    universe = UniverseSettings(id_type="ticker", mcap_filter=MCapFilterSettings(lower=middle))
    estimates = estimate(dataset, model_settings(universe, estimation=False), "x")
    inside = np.isfinite(estimates.specific_return)
    assert inside.any()
    assert (dataset.panel.market_cap[inside] >= middle).all()
    assert (dataset.panel.market_cap[estimates.weight[0] > 0] >= middle).all()


def test_universe_by_category() -> None:
    dataset = dataset_of(MARKET.uploads)
    universe = UniverseSettings(
        id_type="ticker",
        categorical_filters=[{"hierarchy": "industry", "include": ["I00", "I01"], "exclude": ["I01"]}],
    )
    estimates = estimate(
        dataset, model_settings(universe, estimation=False, zero_sum_constraints={"industry": "none"}), "x"
    )
    group = dataset.panel.sparse["industry"]
    inside = np.isfinite(estimates.specific_return)
    assert {group.categories[c] for c in group.codes[0][inside]} == {"I00"}


def test_share_class_has_its_own_specific_return_and_no_weight() -> None:
    """A second listing of an entity shares its exposures; it is not estimated on."""
    idmap = MARKET.uploads["idmap"].with_columns(
        to_id=pl.when(pl.col("from_id") == "A00001").then(pl.lit("A00000")).otherwise("to_id")
    )
    dataset = dataset_of(MARKET.uploads | {"idmap": idmap})
    estimates = estimate(dataset, model_settings(), "x")
    second = dataset.panel.listing == 1
    first = dataset.panel.listing == 0
    assert (estimates.weight[0][second] == 0).all()
    assert (estimates.weight[0][first].sum()) > 0
    difference = estimates.asset_return[first] - estimates.asset_return[second]
    specific = estimates.specific_return[first] - estimates.specific_return[second]
    np.testing.assert_allclose(
        specific[np.isfinite(difference)], difference[np.isfinite(difference)], atol=1e-15
    )


def test_returns_convert_between_currencies() -> None:
    market = simulate(10, 8, industries=2, currencies=("EUR", "JPY"), late_listings=0, delistings=0, seed=3)
    dataset = dataset_of(market.uploads)
    fx = market.uploads["exchange_rates"].pivot("ccy", index="date", values="fx_rate").sort("date")
    close = market.uploads["price"].pivot("asset_id", index="date", values="close").sort("date")
    model = line(dataset, currency="EUR")
    names = dataset.identifiers.listing_ids("ticker")
    for i in range(1, len(model.dates)):
        p, t = model.dates[i - 1], model.dates[i]
        at = {day: fx.filter(pl.col("date") == day).row(0, named=True) for day in (p, t)}
        px = {day: close.filter(pl.col("date") == day).row(0, named=True) for day in (p, t)}
        start = dataset.panel.offsets[model.days[i - 1]]
        for j, name in enumerate(names):
            ccy = ("EUR", "JPY")[j % 2]
            euros = {day: px[day][name] / at[day][ccy] * at[day]["EUR"] for day in (p, t)}
            assert model.forward_return[start + j] == pytest.approx(euros[t] / euros[p] - 1, abs=1e-13)


def test_local_returns_when_not_converted() -> None:
    market = simulate(30, 8, industries=2, currencies=("EUR", "JPY"), seed=3)
    dataset = dataset_of(market.uploads)
    plain = line(dataset, currency=None)
    row = int(dataset.panel.offsets[plain.days[0]])
    after = int(dataset.panel.offsets[plain.days[0] + 1])
    listing = dataset.panel.listing[row]
    same = after + int(np.flatnonzero(dataset.panel.listing[after:] == listing)[0])
    if plain.days[1] == plain.days[0] + 1:
        assert plain.forward_return[row] == pytest.approx(dataset.panel.local_return[same], abs=1e-15)


def test_threads_do_not_change_the_numbers() -> None:
    dataset = dataset_of(MARKET.uploads)
    one = estimate(dataset, model_settings(), "x", context=Context(1))
    four = estimate(dataset, model_settings(), "x", context=Context(4))
    np.testing.assert_array_equal(one.factor_returns, four.factor_returns)
    np.testing.assert_array_equal(one.specific_return, four.specific_return)


def test_progress_counts_every_regression() -> None:
    reports: list[Progress] = []
    context = Context(2, reports.append)
    estimate(dataset_of(MARKET.uploads), model_settings(), "x", context=context)
    last = [report for report in reports if report.message == "regressions"][-1]
    assert (last.done, last.total, last.finished) == (13, 13, True)


def test_factors_that_cannot_be_told_apart() -> None:
    """The same industries twice: minimum norm gives each half, and the fit is that of one."""
    dataset = dataset_of(MARKET.uploads)
    industry = {"exposure_type": "categorical", "hierarchy": "industry"}

    def fitted(*groups: dict[str, str]) -> Estimates:
        construction = ModelConstructionSettings(
            zero_sum_constraints={g.get("factor_group", "industry"): "none" for g in groups}
        )
        settings = FactorRiskModelSettings(
            universe=UniverseSettings(id_type="ticker"),
            exposures=ExposureSettings(exposures=list(groups)),
            modelconstruction=construction,
        )
        return estimate(dataset, settings, "x")

    one, two = fitted(industry), fitted(industry, industry | {"factor_group": "again"})
    assert [STATUSES[i] for i in two.status[0, 1:]] == ["rank_deficient"] * 13
    assert (two.rank[1:] == 4).all()
    np.testing.assert_allclose(two.factor_returns[:, :4], two.factor_returns[:, 4:], atol=1e-15)
    np.testing.assert_allclose(2 * two.factor_returns[:, :4], one.factor_returns, atol=1e-14)
    np.testing.assert_allclose(two.specific_return, one.specific_return, atol=1e-14)


def test_one_name_alone() -> None:
    only = {
        name: frame.filter(pl.col("asset_id") == "A00003") if "asset_id" in frame.columns else frame
        for name, frame in MARKET.uploads.items()
    }
    estimates = fit(only)
    done = estimates.estimated
    assert done.sum() == 13
    assert [STATUSES[i] for i in estimates.status[0, done]] == ["rank_deficient"] * 13
    has_return = np.isfinite(estimates.asset_return)
    assert has_return.sum() == 13
    np.testing.assert_allclose(estimates.specific_return[has_return], 0, atol=1e-15)
    assert "0 regressions" not in repr(estimates)
    assert np.isnan(estimates.standard_errors).all()


def test_a_name_as_large_as_doubles_go() -> None:
    caps = MARKET.uploads["market_cap"].with_columns(
        pl.when(pl.col("asset_id") == "A00003").then(1e300).otherwise("market_cap").alias("market_cap")
    )
    estimates = fit(MARKET.uploads | {"market_cap": caps})
    assert np.isfinite(estimates.factor_returns).all()
    largest = dataset_of(MARKET.uploads).panel.listing == 3
    specific = estimates.specific_return[largest]
    np.testing.assert_allclose(specific[np.isfinite(specific)], 0, atol=1e-12)  # it is the market


def test_two_categories_of_a_later_day_change_no_earlier_one() -> None:
    """Days on which every name has one category are solved alike, whatever the days around them have."""
    uploads = MARKET.uploads
    last, exposures = MARKET.factor_returns["date"][9], uploads["exposures"]
    industry = exposures.filter((pl.col("factor_group") == "industry") & (pl.col("date") == last))
    second = industry.head(5).with_columns(
        factor=pl.col("factor").replace_strict({"I00": "I01"}, default="I00")
    )
    more = uploads | {"exposures": pl.concat([exposures, second])}
    plain, mixed = fit(uploads), fit(more)
    assert dataset_of(more).panel.sparse["industry"][:].codes[1].max() >= 0
    for name in ("factor_returns", "standard_errors", "vif"):
        np.testing.assert_array_equal(getattr(plain, name)[:10], getattr(mixed, name)[:10])
        assert (getattr(plain, name)[10] != getattr(mixed, name)[10]).any()
    np.testing.assert_array_equal(plain.condition[:, :10], mixed.condition[:, :10])
