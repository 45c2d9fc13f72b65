"""Forecasts of whole models against slow twins, simulated truth, and a changed future."""

from __future__ import annotations

import dataclasses
import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pydantic import ValidationError

from openfactor.errors import DataError, NotFoundError
from openfactor.model import estimate, factor_covariance, forecast_of
from openfactor.model.forecasts import factor_covariances
from openfactor.settings import (
    BayesianVolSettings,
    EigenfactorSettings,
    ExposureSettings,
    FactorCovarianceSettings,
    IdioVolSettings,
    PcaCorrelationSettings,
    RiskForecastSettings,
    StructuralVolSettings,
)
from openfactor.synthetic import simulate
from tests.handles import RiskModel, fitted_of
from tests.markets import dataset_of, model_settings, until
from tests.reference.forecasts import covariance_slowly, specific_variance_slowly

MARKET = simulate(60, 70, industries=3, seed=5)
DATA = dataset_of(MARKET.uploads)


def model_of(uploads: dict[str, pl.DataFrame], vra: int | None = None) -> RiskModel:
    data = dataset_of(uploads)
    settings = model_settings().model_copy(update={"halflife_idio_vra": vra})
    return RiskModel(data, settings, estimate(data, settings, "x"))


@pytest.fixture(scope="module")
def model() -> RiskModel:
    return model_of(MARKET.uploads)


OPTIONS: list[dict[str, object]] = [
    {},
    {"halflife_vra": 10.0},
    {"nw_lags_vol": 4},
    {"nw_lags_vol": 4, "nw_lags_vol_halflife_override": 33.0},
    {"nw_lags_cor": 1},
    {"combine_standardized": True},
    {"combine_standardized": True, "halflife_vra": 10.0, "nw_lags_vol": 2},
]
TWIN = {
    "halflife_vra": "vra", "nw_lags_vol": "lags_vol", "nw_lags_vol_halflife_override": "lag_vol",
    "nw_lags_cor": "lags_cor", "combine_standardized": "standardized",
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_covariances_are_the_sums_over_the_past(options: dict[str, object]) -> None:
    f = np.random.default_rng(0).standard_normal((60, 3)) * [0.01, 0.02, 0.005]
    settings = FactorCovarianceSettings(halflife_vol=15, halflife_cor=25, **options)  # type: ignore[arg-type]
    covariances = factor_covariances(f, settings)
    assert not covariances.repaired_cor[20:].any()
    for t in (30, 45, 59):
        slow = covariance_slowly(f[: t + 1], 15, 25, **{TWIN[k]: v for k, v in options.items()})  # type: ignore[arg-type]
        np.testing.assert_allclose(covariances.covariance[t], slow, rtol=1e-10)
        alone = factor_covariances(f, settings, days=np.array([t]))
        np.testing.assert_allclose(alone.covariance[0], slow, rtol=1e-10)


EVERYTHING = RiskForecastSettings(
    factor_cov=FactorCovarianceSettings(
        halflife_vra=20, nw_lags_vol=3, nw_lags_cor=2, shrink_cor_method="GIS", combine_standardized=True
    ),
    eigenfactor=EigenfactorSettings(n_simulations=20),
    pca=PcaCorrelationSettings(weight=0.3),
    idio_vol=IdioVolSettings(nw_lags=2),
    structural=StructuralVolSettings(),
    bayesian=BayesianVolSettings(),
)


@pytest.mark.parametrize("settings", [RiskForecastSettings(), EVERYTHING])
def test_every_covariance_is_one(model: RiskModel, settings: RiskForecastSettings) -> None:
    covariances = forecast_of(fitted_of(model), settings).covariances()
    assert np.isfinite(covariances.covariance).all()
    np.testing.assert_array_equal(covariances.covariance, covariances.covariance.transpose(0, 2, 1))
    values = np.linalg.eigvalsh(covariances.covariance)
    assert (values[:, 0] >= -1e-12 * values[:, -1]).all()
    status = model.forecast(settings).status()
    assert len(status) == 69
    assert status["repaired_correlations"].any() == (settings is EVERYTHING)
    assert status["eigenfactors_adjusted"][-1] == (settings is EVERYTHING)


@pytest.mark.parametrize("settings", [RiskForecastSettings(), EVERYTHING])
def test_one_date_alone_is_that_date_of_all(model: RiskModel, settings: RiskForecastSettings) -> None:
    whole = model.forecast(settings)
    day = whole.dates()[40]
    every, specific = whole.factor_covariance(), whole.specific_volatility()
    again = RiskModel(DATA, model.settings, model.arrays())
    fresh, engine = again.forecast(settings), forecast_of(fitted_of(again), settings)
    one = fresh.factor_covariance(start=day, end=day)
    assert not engine.has_all("covariances")
    expected = every.filter(date=day).to_pandas().drop(columns="date").set_index("factor")
    date_alone = one.to_pandas().drop(columns="date").set_index("factor")
    pd.testing.assert_frame_equal(date_alone, expected, rtol=1e-5, atol=1e-9)
    alone = fresh.specific_volatility(start=day, end=day)
    assert not engine.has_all("specific")
    pd.testing.assert_frame_equal(
        alone.to_pandas(), specific.filter(date=day).to_pandas().reset_index(drop=True), rtol=1e-6
    )


def test_frames_tie_to_plain_pandas(model: RiskModel) -> None:
    """Volatilities and correlations of the default settings, from `fret()` without its first row."""
    fret = model.fret().tail(-1).to_pandas().set_index("date")
    vol = ((fret.astype(float) ** 2).ewm(halflife=60).mean() * 252) ** 0.5
    forecast = model.forecast()
    volatility = forecast.factor_volatility().to_pandas().set_index("date")
    pd.testing.assert_frame_equal(volatility, vol.astype(np.float32), rtol=1e-5)
    correlation = forecast.factor_correlation().to_pandas().set_index(["date", "factor"])
    for a in fret:
        for b in fret:
            product = (fret[a].astype(float) * fret[b]).ewm(halflife=120).mean()
            norm = [(fret[c].astype(float) ** 2).ewm(halflife=120).mean() ** 0.5 for c in (a, b)]
            expected = product / norm[0] / norm[1]
            np.testing.assert_allclose(correlation.xs(a, level="factor")[b], expected, atol=1e-5)
    as_function = factor_covariance(model.fret().tail(-1))
    pd.testing.assert_frame_equal(
        as_function.to_pandas(), forecast.factor_covariance().to_pandas(), rtol=1e-5
    )


def test_specific_volatilities_are_those_of_the_specific_returns(model: RiskModel) -> None:
    idio = model.idio().to_pandas().set_index("date").astype(float)
    volatility = model.forecast().specific_volatility().to_pandas().set_index("date")
    for name in idio.columns[::7]:
        for day in volatility.index[[5, 30, 68]]:
            past = idio.loc[:day, name].dropna().tolist()
            if past and np.isfinite(volatility.loc[day, name]):
                expected = np.sqrt(252 * specific_variance_slowly(past, 60))
                assert volatility.loc[day, name] == pytest.approx(expected, rel=1e-5)
    last = model.forecast().specific_risk()
    assert last.columns == ["ticker", "specific_volatility", "own_volatility", "observations"]
    wide = model.forecast().specific_volatility(start=volatility.index[-1])
    assert last["specific_volatility"].to_list() == [wide[name][0] for name in last["ticker"]]


def test_days_without_a_regression_do_not_count(model: RiskModel) -> None:
    """A day that nobody declared closed has factor returns of 0.0, which are no observations."""
    day = model.dates()[30]
    price = MARKET.uploads["price"].filter(pl.col("date") != day)
    holed = model_of(MARKET.uploads | {"price": price})
    assert holed.status()["status"][30] == "no_returns"
    forecast = holed.forecast()
    kept = np.delete(holed.arrays().factor_returns, [0, 30], axis=0)
    expected = np.sqrt(252 * pd.DataFrame(kept**2).ewm(halflife=60).mean().to_numpy()[-1])
    np.testing.assert_allclose(
        forecast.factor_volatility()[-1].to_numpy()[0, 1:].astype(float), expected, rtol=1e-5
    )
    volatility = forecast.factor_volatility(start=day)
    assert volatility[0, 0] == day
    before = forecast.factor_volatility(start=model.dates()[29], end=model.dates()[29])
    assert volatility.row(0)[1:] == before.row(0)[1:]  # the last forecast stands


@pytest.mark.parametrize("settings", [RiskForecastSettings(), EVERYTHING])
def test_the_future_does_not_reach_the_past(settings: RiskForecastSettings) -> None:
    cut = MARKET.factor_returns["date"][50]
    other = pl.when(pl.col("date") >= cut).then(pl.col("return") * -3 + 0.01).otherwise("return")
    grown = [(1 + how.fill_null(0)).cum_prod().over("asset_id") for how in (other, pl.col("return"))]
    price = MARKET.uploads["price"].sort("date").with_columns(
        other.alias("return"), close=pl.col("close") * grown[0] / grown[1]
    )  # fmt: skip
    before = model_of(MARKET.uploads, vra=20).forecast(settings)
    after = model_of(MARKET.uploads | {"price": price}, vra=20).forecast(settings)
    day = cut - dt.timedelta(1)
    for name in ("factor_covariance", "specific_volatility", "status"):
        first, second = getattr(before, name)(end=day), getattr(after, name)(end=day)
        assert first.equals(second), name
        assert not getattr(before, name)().equals(getattr(after, name)())


def test_the_regime_does_not_start_from_an_arbitrary_value() -> None:
    """Volatilities that never change: on average the multiplier is near one from its first day."""
    early, late = [], []
    for seed in range(60):
        f = np.random.default_rng(seed).standard_normal((300, 10)) * 0.01
        regime = factor_covariances(f, FactorCovarianceSettings(halflife_vra=30)).regime
        assert (regime[:21] == 1).all()
        early.append(regime[21:40].mean())
        late.append(regime[250:].mean())
    # what is left is E[f^2 / sigma^2] > 1 of an estimated sigma, n / (n - 2) with n effective days
    assert 1.0 < np.mean(early) < 1.06
    assert 1.0 < np.mean(late) < 1.02


def test_the_regime_follows_a_shift_of_all_volatilities() -> None:
    rng = np.random.default_rng(4)
    f = rng.standard_normal((400, 12)) * 0.01
    f[300:] *= 2
    plain = factor_covariances(f, FactorCovarianceSettings()).covariance
    with_regime = factor_covariances(f, FactorCovarianceSettings(halflife_vra=10)).covariance
    true = np.sqrt(252) * 0.02

    def error(covariance: np.ndarray) -> float:
        return float(np.abs(np.sqrt(np.diagonal(covariance[315:360], axis1=1, axis2=2)) / true - 1).mean())

    assert error(with_regime) < 0.5 * error(plain)


def test_the_specific_regime_is_the_cap_weighted_one(model: RiskModel) -> None:
    adjusted = model.settings.setting.model_copy(update={"halflife_idio_vra": 15})
    vra = forecast_of(fitted_of(RiskModel(DATA, adjusted, model.arrays())))
    plain = forecast_of(fitted_of(model)).specific()
    days = DATA.index_of(model.arrays().dates)
    squares = []
    for t in range(22, len(days)):
        rows = DATA.panel.rows_of(int(days[t - 1]))
        e, s2, cap = model.arrays().specific_return[rows], plain.variance[rows], DATA.panel.market_cap[rows]
        counted = np.isfinite(e) & (plain.history[rows] >= 21)
        squares.append(sum(cap[counted] * e[counted] ** 2 / s2[counted]) / sum(cap[counted]))
    expected = np.sqrt(pd.Series(squares).ewm(halflife=15).mean())
    np.testing.assert_allclose(vra.specific().regime[22:], expected, rtol=1e-10)
    assert vra.specific().regime[21] == 1
    last = DATA.panel.rows_of(int(days[-1]))
    np.testing.assert_allclose(
        vra.specific().variance[last], plain.variance[last] * expected.iloc[-1] ** 2, rtol=1e-10
    )


def test_the_settings_in_effect_are_shown_and_mean_one_thing(model: RiskModel) -> None:
    """The regime of the model, of the forecast, and of neither."""
    setting = model.settings.setting.model_copy(update={"halflife_idio_vra": 15})
    with_regime = RiskModel(DATA, setting, model.arrays())
    by_model = with_regime.forecast()
    by_forecast = model.forecast(RiskForecastSettings(halflife_idio_vra=15))
    assert by_model.settings == by_forecast.settings == RiskForecastSettings(halflife_idio_vra=15)
    assert by_model.specific_volatility().equals(by_forecast.specific_volatility())
    off = with_regime.forecast(RiskForecastSettings(halflife_idio_vra=None))
    assert off.settings == model.forecast().settings == RiskForecastSettings(halflife_idio_vra=None)
    assert off.specific_volatility().equals(model.forecast().specific_volatility())
    assert not off.specific_volatility().equals(by_model.specific_volatility())
    with pytest.raises(ValidationError, match="at least 1"):
        RiskForecastSettings(halflife_idio_vra=0.5)


def with_specific_volatility(market, volatility: np.ndarray, seed: int):
    """The model of a market whose specific returns are drawn anew, with a volatility for each listing."""
    data = dataset_of(market.uploads)
    settings = model_settings()
    e = estimate(data, settings, "x")
    drawn = np.random.default_rng(seed).standard_normal(data.panel.n_rows) * volatility[data.panel.listing]
    drawn = np.where(np.isfinite(e.specific_return), drawn, np.nan)
    starts = data.panel.starts.tolist()
    runs = [
        dataclasses.replace(run, by_row=(run.by_row[0], drawn[first:stop], *run.by_row[2:]))
        for run, (first, stop) in zip(e.runs, pairwise(starts), strict=True)
    ]
    return data, RiskModel(data, settings, dataclasses.replace(e, runs=tuple(runs)))


def test_a_structural_prior_helps_short_histories() -> None:
    """Volatility that follows an exposure: names of a few days are nearer to theirs with the prior."""
    market = simulate(300, 120, industries=4, late_listings=0, delistings=0, seed=9)
    late = [f"A{i:05d}" for i in range(0, 300, 4)]
    start = market.factor_returns["date"][108]
    price = market.uploads["price"].filter(~pl.col("asset_id").is_in(late) | (pl.col("date") >= start))
    first = pl.col("asset_id").is_in(late) & (pl.col("date") == start)
    price = price.with_columns(pl.when(~first).then("return"))
    uploads = market.uploads | {"price": price}
    data = dataset_of(uploads)
    last = data.panel.rows_of(len(data.days) - 1)
    exposure = data.panel.dense["style"]["volatility"][last].astype(float)
    truth = 0.02 * np.exp(0.5 * exposure)
    data, model = with_specific_volatility(dataclasses.replace(market, uploads=uploads), truth, seed=1)
    plain = model.forecast().specific_risk()
    prior = model.forecast(RiskForecastSettings(structural=StructuralVolSettings())).specific_risk()
    order = np.argsort(data.identifiers.listing_ids("ticker"))
    names = [data.identifiers.listing_ids("ticker")[i] for i in order]
    assert prior["ticker"].to_list() == plain["ticker"].to_list() == names
    short = (prior["observations"] < 15).to_numpy()
    assert short.sum() == 75
    errors = {
        name: np.abs(np.log(frame["specific_volatility"].to_numpy() / np.sqrt(252) / truth[order]))
        for name, frame in (("plain", plain), ("prior", prior))
    }
    assert errors["prior"][short].mean() < 0.5 * errors["plain"][short].mean()
    assert errors["prior"][~short].mean() < 1.3 * errors["plain"][~short].mean()
    n = prior["observations"].to_numpy()
    np.testing.assert_allclose(prior["own_weight"], n / (n + 60), rtol=1e-6)
    mix = prior["own_weight"] * prior["own_volatility"]
    mix += (1 - prior["own_weight"]) * prior["structural_volatility"]
    np.testing.assert_allclose(prior["specific_volatility"], mix, rtol=1e-5)


def test_decile_shrinkage_helps_where_estimates_are_noise() -> None:
    """Names of a decile that all have the same volatility: what differs between them is error."""
    market = simulate(300, 40, industries=4, late_listings=0, delistings=0, seed=10)
    truth = np.full(300, 0.02)
    _, model = with_specific_volatility(market, truth, seed=2)
    errors = {}
    for q in (0.0, 1.0):
        chosen = RiskForecastSettings(bayesian=BayesianVolSettings(q=q))
        volatility = model.forecast(chosen).specific_risk()["specific_volatility"].to_numpy() / np.sqrt(252)
        errors[q] = np.sqrt(np.mean((volatility / truth - 1) ** 2))
    assert errors[1.0] < 0.75 * errors[0.0]


def test_other_forecasts_do_not_regress_again(model: RiskModel, monkeypatch: pytest.MonkeyPatch) -> None:
    from openfactor.numerics import normal_equations

    def refuse(*args: object) -> None:
        raise AssertionError("regressed again")

    monkeypatch.setattr(normal_equations, "solve_days", refuse)
    first = RiskForecastSettings(factor_cov=FactorCovarianceSettings(halflife_vol=7))
    assert model.forecast(first).factor_volatility().height == 69
    again = RiskForecastSettings.model_validate(first.model_dump())
    assert (
        forecast_of(fitted_of(model), first).covariances()
        is forecast_of(fitted_of(model), again).covariances()
    )
    assert model.forecast(first).factor_volatility() is not None


def test_the_settings_print_the_nine_fields() -> None:
    assert list(FactorCovarianceSettings().model_dump()) == [
        "halflife_vol", "halflife_cor", "halflife_vra", "nw_lags_vol", "nw_lags_vol_halflife_override",
        "nw_lags_cor", "shrink_cor_method", "shrink_cor_length", "combine_standardized",
    ]  # fmt: skip


def test_faults_are_named(model: RiskModel) -> None:
    day = model.dates()[0]
    with pytest.raises(NotFoundError, match=f"no forecast of {day}"):
        model.forecast().specific_risk(day)
    frame = (
        model.fret()
        .tail(-1)
        .with_columns(
            pl.when(pl.col("date") == model.dates()[7]).then(None).otherwise("style.size").alias("style.size")
        )
    )
    with pytest.raises(DataError, match=r"style\.size.*1 row") as caught:
        factor_covariance(frame)
    assert caught.value.faults[0].examples == (str(model.dates()[7]),)
    assert "69" not in repr(model.forecast())
    assert str(model.dates()[1]) in repr(model.forecast())


@pytest.mark.parametrize("settings", [RiskForecastSettings(), EVERYTHING])
@pytest.mark.parametrize("last", [0, 1, 2, 3])
def test_the_first_days_of_a_history(last: int, settings: RiskForecastSettings) -> None:
    """From no regression at all to three: frames of the right size, and no forecast out of nothing."""
    cut = MARKET.factor_returns["date"][last]
    short = until(MARKET.uploads, cut)
    model = model_of(short, vra=20)
    forecast = model.forecast(settings)
    assert len(forecast.dates()) == last
    assert forecast.factor_covariance().shape == (8 * last, 10)
    assert forecast.specific_volatility().height == forecast.status().height == last
    assert np.isfinite(forecast_of(fitted_of(model), settings).covariances().covariance).all()


def test_a_model_without_factors() -> None:
    settings = model_settings(zero_sum_constraints={})
    nothing = settings.model_copy(update={"exposures": [ExposureSettings()]})
    model = RiskModel(DATA, nothing, estimate(DATA, nothing, "x"))
    assert model.forecast().factor_covariance().shape == (0, 2)
    has_return = np.isfinite(model.arrays().asset_return)
    np.testing.assert_array_equal(
        model.arrays().specific_return[has_return], model.arrays().asset_return[has_return]
    )
    assert model.diagnostics(burn_in=30, n_portfolios=2).summary()["mean_r2"] < 0.1
