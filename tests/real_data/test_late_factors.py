"""Factors that come late, go, or come back.

Classifications are revised (GICS got Real Estate in 2016 and Communication Services in 2018), countries join
an index, vendors add a descriptor: a factor has years less of history than the others, or holes in it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from openfactor.model import estimate, factor_covariance, forecast_of
from openfactor.model.forecasts import factor_covariances
from openfactor.settings import FactorCovarianceSettings, RiskForecastSettings
from openfactor.synthetic import simulate
from tests.handles import RiskModel, fitted_of
from tests.markets import dataset_of, model_settings, until

MARKET = simulate(120, 260, industries=5, late_listings=0, delistings=0, seed=8)
DAYS = MARKET.factor_returns["date"].to_list()
FIRST, GONE, BACK = 150, 60, 120
"""Exposures to I03 begin on one day, those to I04 stop and begin again."""
LATE, ABSENT = "industry.I03", "industry.I04"
RENAMED = {"I03": pl.col("date") < DAYS[FIRST], "I04": pl.col("date").is_between(DAYS[GONE], DAYS[BACK - 1])}


def uploads() -> dict[str, pl.DataFrame]:
    """The assets of I03 and I04 are in other industries while these are not there."""
    exposures = MARKET.uploads["exposures"]
    for industry, moved in RENAMED.items():
        at = moved & (pl.col("factor_group") == "industry") & (pl.col("factor") == industry)
        exposures = exposures.with_columns(
            pl.when(at).then(pl.lit("I00")).otherwise("factor").alias("factor")
        )
    return MARKET.uploads | {"exposures": exposures}


def model_of(tables: dict[str, pl.DataFrame]) -> RiskModel:
    data, settings = dataset_of(tables), model_settings()
    return RiskModel(data, settings, estimate(data, settings, "x"))


@pytest.fixture(scope="module")
def model() -> RiskModel:
    return model_of(uploads())


def volatility_of(returns: pd.Series) -> pd.Series:
    return ((returns**2).ewm(halflife=60).mean() * 252) ** 0.5


def test_volatility_is_that_of_the_days_since_it_is_there(model: RiskModel) -> None:
    fret = model.fret().to_pandas().set_index("date").astype(float)
    found = model.forecast().factor_volatility().to_pandas().set_index("date")
    own = fret.index[FIRST + 1 :]
    assert model.arrays().has_exposure[FIRST + 1 :, 3].all()
    expected = volatility_of(fret.loc[own, LATE])
    np.testing.assert_allclose(found.loc[own[20:], LATE], expected[20:], rtol=1e-5)
    assert found[LATE].iloc[-1] > 0.6 * found["industry.I01"].iloc[-1]
    away = fret.index[GONE + 1 : BACK + 1]
    expected = volatility_of(fret[ABSENT].iloc[1:].drop(away).reindex(fret.index[1:]))
    np.testing.assert_allclose(found[ABSENT], expected, rtol=1e-5)
    rest = [name for name in fret if name not in (LATE, ABSENT)]
    for name in rest:
        np.testing.assert_allclose(found[name], volatility_of(fret[name].iloc[1:]), rtol=1e-5)


def test_the_young_have_the_mean_of_their_group(model: RiskModel) -> None:
    forecast = model.forecast()
    found = forecast.factor_volatility().to_pandas().set_index("date")
    others = found[["industry.I00", "industry.I01", "industry.I02", ABSENT]].mean(axis=1)
    young = found.index[FIRST - 1 : FIRST + 20]
    # from the evening on which assets are first exposed to it: the next day's return is the first
    np.testing.assert_allclose(found.loc[young, LATE], others[young], rtol=1e-5)
    assert found[LATE].iloc[: FIRST - 1].eq(0).all()
    assert found[LATE].iloc[FIRST + 20] != pytest.approx(others.iloc[FIRST + 20], rel=1e-3)
    status = forecast.status()
    lent = status.filter(pl.col("prior_volatilities").list.len() > 0)
    assert lent["date"].to_list() == [day.date() for day in young]
    assert lent["prior_volatilities"].to_list() == [[LATE]] * 21


OPTIONS = [
    {},
    {"nw_lags_vol": 3, "nw_lags_cor": 2},
    {"combine_standardized": True, "halflife_vra": 20},
    {"shrink_cor_method": "QIS"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_date_has_a_covariance(model: RiskModel, options: dict[str, object]) -> None:
    asked = RiskForecastSettings(factor_cov=FactorCovarianceSettings(**options))  # type: ignore[arg-type]
    found = forecast_of(fitted_of(model), asked).covariances()
    assert np.isfinite(found.covariance).all()
    values = np.linalg.eigvalsh(found.covariance)
    assert (values[:, 0] >= -1e-10 * values[:, -1]).all()
    day = DAYS[FIRST + 5]
    alone = RiskModel(fitted_of(model).dataset, model.settings, model.arrays()).forecast(asked)
    one, every = (f.factor_covariance(start=day, end=day) for f in (alone, model.forecast(asked)))
    np.testing.assert_allclose(one.drop("date", "factor"), every.drop("date", "factor"), rtol=1e-4, atol=1e-8)


def test_correlations_are_those_of_common_days(model: RiskModel) -> None:
    fret = model.fret().tail(-1).to_pandas().set_index("date").astype(float)
    found = model.forecast().factor_correlation(start=DAYS[-1])
    # industries that sum to zero leave an eigenvalue of nearly zero, which falls below it where days differ
    assert model.forecast().status(start=DAYS[-1])["repaired_correlations"][0]
    column = dict(zip(found["factor"], found[LATE], strict=True))
    for other in fret:
        both = fret[[LATE, other]].iloc[FIRST:]
        product, square, other_square = (
            x.ewm(halflife=120).mean().iloc[-1]
            for x in (both[LATE] * both[other], both[LATE] ** 2, both[other] ** 2)
        )
        assert column[other] == pytest.approx(product / np.sqrt(square * other_square), abs=0.015)


@pytest.mark.parametrize("day", [FIRST, FIRST + 1, FIRST + 10, BACK + 1])
def test_what_comes_later_changes_nothing(model: RiskModel, day: int) -> None:
    asked = RiskForecastSettings.model_validate({"factor_cov": {"halflife_vra": 15, "nw_lags_cor": 1}})
    early = model_of(until(uploads(), DAYS[day])).forecast(asked)
    late = model.forecast(asked)
    for name in ("factor_covariance", "specific_volatility"):
        then, now = getattr(early, name)(), getattr(late, name)(end=DAYS[day])
        now = now.select(then.columns)
        if name == "factor_covariance":
            now = now.filter(pl.col("factor").is_in(then["factor"].implode()))
        values = [f.drop("date", "factor", strict=False).to_numpy() for f in (then, now)]
        np.testing.assert_allclose(values[0], values[1], rtol=1e-5, atol=1e-10)


def test_a_newborn_leaves_the_regime_of_the_others_alone() -> None:
    """148 industries and one whose returns are a thousand times its first ones: 0.98 became 2.47."""
    rng = np.random.default_rng(0)
    f = rng.standard_normal((400, 149)) * 0.01
    exposed = np.ones(f.shape, np.bool_)
    exposed[:300, 0] = False
    f[:300, 0], f[300, 0] = 0.0, 1e-5
    asked = FactorCovarianceSettings(halflife_vra=10)
    without = factor_covariances(f[:, 1:], asked).regime
    found = factor_covariances(f, asked, has_exposure=exposed, groups=["industry"] * 149)
    np.testing.assert_allclose(found.regime[:321], without[:321], rtol=1e-12)
    np.testing.assert_allclose(found.regime[321:], without[321:], rtol=0.02)
    vol = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    np.testing.assert_allclose(vol[300:320, 0], vol[300:320, 1:].mean(axis=1), rtol=1e-9)


def test_days_without_exposure_are_no_calm_days() -> None:
    """Factors that are there every other day: their zeros in between are no volatility and no regime."""
    rng = np.random.default_rng(1)
    f = rng.standard_normal((600, 12)) * 0.01
    exposed = np.ones(f.shape, np.bool_)
    exposed[::2, :6] = False
    found = factor_covariances(
        np.where(exposed, f, 0.0), FactorCovarianceSettings(halflife_vra=40), has_exposure=exposed
    )
    vol = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2)[-200:])
    np.testing.assert_allclose(vol.mean(axis=0), 0.01 * np.sqrt(252), rtol=0.12)
    assert found.regime[-200:].mean() == pytest.approx(1.0, abs=0.05)


def test_a_frame_says_by_its_zeros_since_when_a_factor_is_there(model: RiskModel) -> None:
    """Zeros before the first other return are no observations; the function knows nothing of later ones."""
    fret = model.fret().tail(-1).drop(ABSENT)
    found = factor_covariance(fret).filter(pl.col("factor") == LATE).select("date", LATE)
    expected = model.forecast().factor_volatility().select("date", LATE)
    since = pl.col("date") > DAYS[FIRST + 21]
    np.testing.assert_allclose(np.sqrt(found.filter(since)[LATE]), expected.filter(since)[LATE], rtol=1e-5)
