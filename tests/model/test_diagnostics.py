"""Diagnostics against closed forms, dense matrices and a simulated world in which forecasts are right."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy import optimize, stats

from openfactor.client.diagnostics import Diagnostics
from openfactor.client.plots.factors import plot_cumulative_returns, spread
from openfactor.errors import DataError
from openfactor.model import estimate
from openfactor.model.diagnostics import quality
from openfactor.model.diagnostics.portfolios import PortfolioDraws
from openfactor.model.diagnostics.snapshots import Snapshot
from openfactor.model.diagnostics.walk_forward import walk_forward
from openfactor.settings import FactorCovarianceSettings, RiskForecastSettings
from openfactor.synthetic import simulate
from tests.handles import RiskModel
from tests.markets import dataset_of, model_settings, until

RNG = np.random.default_rng(12)
MARKET = simulate(120, 420, industries=4, seed=3)


def model_of(uploads: dict[str, pl.DataFrame]) -> RiskModel:
    data = dataset_of(uploads)
    settings = model_settings(thin_category_shrinkage={"industry": 20.0})
    return RiskModel(data, settings, estimate(data, settings, "x"))


@pytest.fixture(scope="module")
def model() -> RiskModel:
    return model_of(MARKET.uploads)


@pytest.fixture(scope="module")
def diagnostics(model: RiskModel) -> Diagnostics:
    return model.diagnostics(burn_in=120, window=60, n_portfolios=20)


def test_bias_statistics_are_those_of_pandas() -> None:
    z = RNG.standard_normal((300, 3)) * [1.0, 1.3, 0.8]
    z[RNG.random((300, 3)) < 0.1] = np.nan
    z[:, 2] = np.nan
    frame = pd.DataFrame(z)
    np.testing.assert_allclose(quality.bias_statistic(z), frame.std(), rtol=1e-12)
    rolling = [frame[b].dropna().rolling(50).std() for b in range(3)]
    rolling_z = quality.rolling_bias(z, 50)
    for b in range(2):
        np.testing.assert_allclose(rolling_z[rolling[b].index, b], rolling[b], rtol=1e-10)
        assert np.isnan(np.delete(rolling_z[:, b], rolling[b].index)).all()
    mrad = [column.sub(1).abs().mean() for column in rolling]
    np.testing.assert_allclose(quality.rolling_deviation(rolling_z), mrad, rtol=1e-10)
    np.testing.assert_allclose(quality.band(z)[0], np.sqrt(2 / frame[0].count()), rtol=1e-14)
    assert np.isnan(quality.rolling_bias(z, 301)).all()


def test_what_normal_returns_with_right_forecasts_have() -> None:
    z = np.random.default_rng(1).standard_normal((4000, 100))
    assert quality.bias_statistic(z).mean() == pytest.approx(1, abs=0.002)
    inside = np.abs(quality.bias_statistic(z) - 1) <= quality.band(z)
    assert 0.9 <= inside.mean() <= 1.0
    assert quality.exceedance_rate(z).mean() == pytest.approx(2 * stats.norm.sf(1.96), abs=0.001)
    # E ln z^2 = -gamma - ln 2
    assert quality.quasi_likelihood(z).mean() == pytest.approx(np.euler_gamma + np.log(2), abs=0.01)
    assert quality.rolling_deviation(quality.rolling_bias(z, 252)).mean() == pytest.approx(
        0.8 / np.sqrt(2 * 252), rel=0.03
    )


def test_qlike_is_least_at_the_right_forecast_and_leaves_zeros_out() -> None:
    assert quality.quasi_likelihood(np.ones((5, 1)))[0] == 0.0
    r = np.random.default_rng(2).standard_normal((20_000, 1))
    losses = [quality.quasi_likelihood(r / s)[0] + 0 * s for s in (0.8, 1.0, 1.25)]
    # the loss of sigma is that of z plus a part that z does not show: compare ln sigma^2 + z^2
    full = [np.mean(np.log(s**2) + (r / s) ** 2) for s in (0.8, 1.0, 1.25)]
    np.testing.assert_allclose(np.diff(losses), np.diff(full), rtol=1e-9)
    assert losses[1] == min(losses)
    assert quality.quasi_likelihood(np.array([[0.0], [1.0]]))[0] == 0.0


def test_one_day_by_hand(model: RiskModel, diagnostics: Diagnostics) -> None:
    """The cap-weighted portfolio of a date, from the frames that users see."""
    t = diagnostics.standardized()["date"][77]
    dates = model.dates()
    p = dates[dates.index(t) - 1]
    weights = model.weights(start=t, end=t).drop("date").unpivot(variable_name="ticker").drop_nulls()
    names = model.weights(start=t, end=t).columns[1:]
    caps = {
        row["asset_id"]: row["market_cap"] for row in MARKET.uploads["market_cap"].filter(date=p).to_dicts()
    }
    x = model.exposures(start=p, end=p)
    specific = model.forecast().specific_volatility(start=p, end=p).row(0, named=True)
    member = MARKET.uploads["exposures"].filter(date=p, factor_group="estimation_universe")["asset_id"]
    inside = [n for n in x["ticker"] if n in set(member) and specific[n] is not None]
    assert set(weights["ticker"]) <= set(names)
    h = np.array([caps[n] for n in inside])
    rows = x.filter(pl.col("ticker").is_in(inside)).select(model.arrays().factors).to_numpy().astype(float)
    f = model.forecast().factor_covariance(start=p, end=p).select(model.arrays().factors).to_numpy()
    variance = h @ rows @ f.astype(float) @ rows.T @ h
    variance += sum((h * [specific[n] for n in inside]) ** 2)
    returns = model.asset_returns(start=t, end=t).row(0, named=True)
    r = sum(w * (returns[n] or 0.0) for n, w in zip(inside, h, strict=True))
    z = diagnostics.standardized().filter(date=t)["cap-weighted"][0]
    assert z == pytest.approx(r / np.sqrt(variance / 252), rel=1e-4)
    factor = diagnostics.standardized().filter(date=t)["style.size"][0]
    vol = model.forecast().factor_volatility(start=p, end=p)["style.size"][0]
    assert factor == pytest.approx(model.fret(start=t, end=t)["style.size"][0] / vol * np.sqrt(252), rel=1e-4)


def test_forecasts_of_a_world_that_never_changes_are_right(diagnostics: Diagnostics) -> None:
    kinds = {row["kind"]: row for row in diagnostics.kinds().to_dicts()}
    assert list(kinds) == [
        "all", "factor", "cap-weighted", "equally weighted", "random", "long-short", "minimum-variance",
        "optimised", "single names",
    ]  # fmt: skip
    for kind in ("all", "random", "long-short", "single names"):
        assert 0.95 < kinds[kind]["bias"] < 1.05, kind
        assert 0.035 < kinds[kind]["exceedance_rate"] < 0.065, kind
        assert kinds[kind]["qlike"] == pytest.approx(1.27, abs=0.08), kind
    assert kinds["all"]["in_band"] > 0.85
    assert kinds["optimised"]["bias"] > kinds["random"]["bias"]
    deciles = diagnostics.name_deciles()
    assert deciles["decile"].to_list() == list(range(1, 11))
    assert deciles["returns"].min() > 2000
    summary = diagnostics.summary()
    assert summary["mean_r2"] == pytest.approx(diagnostics.dates()["r2"].mean())
    assert f"bias {summary['bias']:.3f}" in repr(diagnostics)


def test_tables_of_dates_and_factors(model: RiskModel, diagnostics: Diagnostics) -> None:
    dates = diagnostics.dates()
    status = model.status()
    assert dates["date"].to_list() == model.dates()
    assert dates["thin_categories"].to_list() == status["thin_categories"].list.len().to_list()
    assert dates["status"].to_list() == status["status"].to_list()
    assert dates["max_vif"][0] is None
    assert dates["max_vif"][5] == pytest.approx(max(model.vif().row(5)[1:]), rel=1e-5)
    factors = diagnostics.factors()
    assert factors["factor"].to_list() == list(model.arrays().factors)
    row = factors.filter(factor="style.value").to_dicts()[0]
    f = model.fret()["style.value"].to_numpy()[1:].astype(float)
    assert row["volatility"] == pytest.approx(f.std(ddof=1) * np.sqrt(252), rel=1e-5)
    assert row["sharpe"] == pytest.approx(f.mean() * np.sqrt(252) / f.std(ddof=1), rel=1e-4)
    t = model.t_stats()["style.value"].to_numpy()[1:]
    assert row["significant"] == pytest.approx((np.abs(t) > 2).mean())
    assert row["days"] == 419
    # exposures are AR(1) with 0.995 a day: 0.995^21 after a month
    styles = factors.filter(pl.col("factor").str.starts_with("style."))
    assert styles["stability"].mean() == pytest.approx(0.995**21, abs=0.02)
    industries = factors.filter(pl.col("factor").str.starts_with("industry."))
    np.testing.assert_allclose(industries["stability"], 1.0)
    assert factors.filter(factor="market.market")["stability"][0] is None  # no spread


def test_more_data_do_not_change_what_was_measured(model: RiskModel, diagnostics: Diagnostics) -> None:
    """Walk-forward: cut the history, and the days before are judged the same."""
    cut = model.dates()[300]
    short = until(MARKET.uploads, cut)
    early = model_of(short).diagnostics(burn_in=120, window=60, n_portfolios=20)
    independent = diagnostics.test_portfolios().filter(pl.col("kind").is_in(["factor", "cap-weighted"]))
    shared, z = ["date", *independent["portfolio"]], early.standardized()
    first_days = diagnostics.standardized().head(len(z))
    assert_frame_equal(z.select(shared), first_days.select(shared), rel_tol=1e-12)
    until_cut = model.diagnostics(end=cut, burn_in=120, window=60, n_portfolios=20)
    assert_frame_equal(early.name_deciles(), until_cut.name_deciles(), rel_tol=1e-12)


def test_a_wrong_forecast_is_found_out(model: RiskModel) -> None:
    """Volatilities of a few days only: too many surprises."""
    hasty = RiskForecastSettings(factor_cov=FactorCovarianceSettings(halflife_vol=2, halflife_cor=120))
    diagnostics = model.diagnostics(hasty, burn_in=120, window=60, n_portfolios=10)
    factor = diagnostics.kinds().filter(kind="factor").to_dicts()[0]
    assert factor["bias"] > 1.15
    assert factor["exceedance_rate"] > 0.08
    assert factor["in_band"] < 0.3


def test_portfolios_depend_on_the_seed_alone(model: RiskModel) -> None:
    days = {"start": model.dates()[200], "end": model.dates()[230], "burn_in": 100, "n_portfolios": 4}
    one, again, other = (model.diagnostics(seed=s, **days) for s in (1, 1, 2))
    assert one.standardized().equals(again.standardized())
    assert not one.standardized().equals(other.standardized())
    assert one.standardized()["date"][0] == model.dates()[201]
    assert one.test_portfolios()["mrad"].is_null().all()  # there is no window of 252 days


def test_pictures(diagnostics: Diagnostics) -> None:
    fit, factors, bias = diagnostics.plot_fit(), diagnostics.plot_factors(), diagnostics.plot_bias()
    assert len(fit.axes) == 3
    assert [(ax.get_title(), len(ax.lines)) for ax in factors.axes] == [
        ("industry", 4), ("market", 1), ("style", 4),
    ]  # fmt: skip
    left, right = bias.axes
    kinds = list(dict.fromkeys(diagnostics.test_portfolios()["kind"]))
    assert [t.get_text() for t in left.get_xticklabels()] == kinds
    np.testing.assert_allclose(right.lines[0].get_ydata(), diagnostics.name_deciles()["bias"])


def test_too_little_history_is_an_error_with_a_remedy(model: RiskModel) -> None:
    with pytest.raises(DataError, match="419 regressions, and the first 500 are the burn-in; lower it"):
        model.diagnostics(burn_in=500)


def test_every_table_is_about_the_period(model: RiskModel, diagnostics: Diagnostics) -> None:
    """Each number of a period is what a reader of the frames would work out from its days alone."""
    dates = model.dates()
    start, end = dates[200], dates[349]
    part = model.diagnostics(start=start, end=end, burn_in=120, window=60, n_portfolios=20)
    inside = pl.col("date").is_between(start, end)
    assert part.dates().equals(diagnostics.dates().filter(inside))
    assert len(part.dates()) == 150
    r2 = model.r2(start=start, end=end)["r2"].to_numpy().astype(float)
    assert part.summary()["mean_r2"] == pytest.approx(r2.mean(), rel=1e-6)
    assert part.summary()["mean_r2"] != pytest.approx(diagnostics.summary()["mean_r2"], rel=1e-6)

    row = part.factors().filter(factor="style.value").to_dicts()[0]
    f = model.fret(start=start, end=end)["style.value"].to_numpy().astype(float)
    t = np.abs(model.t_stats(start=start, end=end)["style.value"].to_numpy().astype(float))
    vif = model.vif(start=start, end=end)["style.value"].to_numpy()
    assert row["days"] == 150
    assert row["volatility"] == pytest.approx(f.std(ddof=1) * np.sqrt(252), rel=1e-5)
    assert row["mean_return"] == pytest.approx(f.mean() * 252, rel=1e-5)
    assert (row["significant"], row["mean_abs_t"]) == pytest.approx(((t > 2).mean(), t.mean()), rel=1e-5)
    assert (row["mean_vif"], row["max_vif"]) == pytest.approx((vif.mean(), vif.max()), rel=1e-5)
    x = [model.exposures(start=d, end=d).select("ticker", "style.value") for d in dates[200:350:21]]
    pairs = [a.join(b, on="ticker").drop("ticker").drop_nulls().to_numpy() for a, b in pairwise(x)]
    assert row["stability"] == pytest.approx(np.mean([np.corrcoef(p.T)[0, 1] for p in pairs]), rel=1e-5)

    assert part.standardized().equals(
        diagnostics.standardized().filter(pl.col("date").is_between(dates[201], end))
    )
    assert part.test_portfolios()["days"].max() == 149
    rolling = part.rolling_bias()["cap-weighted"]
    z = part.standardized()["cap-weighted"].to_pandas()
    np.testing.assert_allclose(rolling.to_numpy()[59:], z.rolling(60).std()[59:], rtol=1e-10)
    assert rolling.is_null().sum() == 59
    drawn = part.plot_fit().axes[0].lines[0].get_xdata()
    assert (drawn[0], drawn[-1]) == (np.datetime64(start), np.datetime64(end))


def test_a_period_of_one_day_has_nothing_to_compare(model: RiskModel) -> None:
    day = model.dates()[300]
    with pytest.raises(DataError, match="widen start and end"):
        model.diagnostics(start=day, end=day, burn_in=100)


@pytest.mark.parametrize("sizes", [(1,), (8,), (9, 2), (148, 12, 1)])
def test_lines_of_factors_can_be_told_apart(sizes: tuple[int, ...]) -> None:
    dates = np.arange("2020-01-01", "2020-04-10", dtype="datetime64[D]")
    steps = {
        f"group {g}": {f"factor {k}": RNG.standard_normal(len(dates)) for k in range(size)}
        for g, size in enumerate(sizes)
    }
    walks = {g: {name: step.cumsum() for name, step in lines.items()} for g, lines in steps.items()}
    columns = {f"{g}.{name}": step for g, lines in steps.items() for name, step in lines.items()}
    panels = plot_cumulative_returns(pl.DataFrame({"date": dates, **columns})).axes
    drawn = {(ax.get_title().split(" (")[0], line.get_label()): line for ax in panels for line in ax.lines}
    assert set(drawn) == {(group, name) for group, lines in walks.items() for name in lines}
    for (group, name), line in drawn.items():
        np.testing.assert_array_equal(line.get_ydata(), walks[group][name])
    assert len({line.get_color() for line in drawn.values()}) == len(drawn)
    assert max(len(ax.lines) for ax in panels) <= 8
    for ax in panels:
        assert [text.get_text() for text in ax.texts] == [line.get_label() for line in ax.lines]
        assert [text.get_color() for text in ax.texts] == [line.get_color() for line in ax.lines]
        heights = np.sort([text.xyann[1] for text in ax.texts])  # type: ignore[attr-defined]
        assert (np.diff(heights) > 0.074).all()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_labels_stay_as_near_as_may_be(places: list[float]) -> None:
    """The least squares of scipy under the same constraints."""
    given_places = np.array(places)
    moved = spread(given_places, 0.1)
    order = np.argsort(given_places, kind="stable")
    assert (np.diff(moved[order]) > 0.1 - 1e-9).all()
    if len(places) > 1:
        nearest = optimize.minimize(
            lambda x: ((x - given_places[order]) ** 2).sum(),
            moved[order],
            constraints={"type": "ineq", "fun": lambda x: np.diff(x) - 0.1},
            tol=1e-12,
        )
        assert ((moved - given_places) ** 2).sum() <= nearest.fun + 1e-6


def test_a_return_over_several_days_is_measured_by_their_volatility() -> None:
    """Names that trade again after three days without a price: four days have twice the volatility of one."""
    n = 40

    def deciles(covered: int) -> np.ndarray:
        day = Snapshot(
            listing=np.arange(n, dtype=np.int32),
            exposures=np.ones((n, 1)),
            covariance=np.full((1, 1), 1e-4),
            specific=np.linspace(1e-4, 9e-4, n),
            cap=np.ones(n),
            returns=np.random.default_rng(1).normal(0, 0.02, n) * np.sqrt(covered),
            covered=np.full(n, covered, np.int32),
            factor_returns=np.zeros(1),
        )
        dates = [dt.date(2024, 1, 2), dt.date(2024, 1, 3)]
        draws = PortfolioDraws.of(2, n, seed=0)
        return walk_forward(lambda t: day, dates, np.array([0]), ["market.market"], draws).name_sums

    np.testing.assert_allclose(deciles(4), deciles(1), rtol=1e-12)
    assert deciles(1)[..., 1].sum() > 0
