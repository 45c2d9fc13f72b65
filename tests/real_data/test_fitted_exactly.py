"""Names whose returns the factors explain to the last digit, because nothing else could.

A company alone in its country or industry is one; small universes (a local market, the first years of a long
history) have fewer names than factors. Their specific returns are rounding, 1e-17, and no forecast of risk.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from openfactor.model import estimate, forecast_of
from openfactor.settings import BayesianVolSettings, RiskForecastSettings, StructuralVolSettings
from openfactor.synthetic import SPECIFIC_VOL, simulate
from tests.handles import RiskModel, fitted_of
from tests.markets import dataset_of, model_settings

MARKET = simulate(120, 150, industries=4, late_listings=0, delistings=0, seed=6)
ALONE = "A00010"
TRUE = SPECIFIC_VOL * np.sqrt(252)


def model_of(uploads: dict[str, pl.DataFrame], vra: int | None = None) -> RiskModel:
    data, settings = dataset_of(uploads), model_settings(estimation=False)
    settings = settings.model_copy(update={"halflife_idio_vra": vra})
    return RiskModel(data, settings, estimate(data, settings, "x"))


@pytest.fixture(scope="module")
def one_alone() -> RiskModel:
    exposures = MARKET.uploads["exposures"]
    mine = (pl.col("asset_id") == ALONE) & (pl.col("factor_group") == "industry")
    exposures = exposures.with_columns(pl.when(mine).then(pl.lit("I09")).otherwise("factor").alias("factor"))
    return model_of(MARKET.uploads | {"exposures": exposures}, vra=20)


def test_a_company_alone_in_its_industry_has_no_volatility_of_its_own(one_alone: RiskModel) -> None:
    assert one_alone.idio()[ALONE].abs().max() < 1e-12
    risk = one_alone.forecast().specific_risk()
    mine = risk.filter(ticker=ALONE)
    assert mine["observations"].to_list() == [0]
    assert mine["specific_volatility"].to_list() == [None]
    assert risk.filter(pl.col("ticker") != ALONE)["observations"].min() == 149
    status = one_alone.forecast().status()
    assert (status["fitted_exactly"] == 1).all()
    assert status["specific_regime"][30:].is_between(0.8, 1.25).all()


def test_neither_prior_nor_deciles_believe_it(one_alone: RiskModel) -> None:
    asked = RiskForecastSettings(structural=StructuralVolSettings(), bayesian=BayesianVolSettings(q=1))
    risk = one_alone.forecast(asked).specific_risk()
    mine = risk.filter(ticker=ALONE)
    assert mine["own_weight"].to_list() == [0]
    assert mine["specific_volatility"][0] == pytest.approx(TRUE, rel=0.15)
    assert risk["specific_volatility"].min() > 0.6 * TRUE
    deciles = RiskForecastSettings(bayesian=BayesianVolSettings(q=1))
    assert one_alone.forecast(deciles).specific_risk()["specific_volatility"].min() > 0.6 * TRUE


def test_a_market_of_fewer_names_than_factors() -> None:
    few = [f"A{i:05d}" for i in range(5)]
    price = MARKET.uploads["price"].filter(pl.col("asset_id").is_in(few))
    model = model_of(MARKET.uploads | {"price": price}, vra=20)
    assert (model.status()["n"][1:] == 5).all()
    every = RiskForecastSettings(structural=StructuralVolSettings(), bayesian=BayesianVolSettings())
    for asked in (RiskForecastSettings(), every):
        risk = model.forecast(asked).specific_risk()
        assert risk["specific_volatility"].null_count() == len(risk) == 5
        status = model.forecast(asked).status()
        assert (status["fitted_exactly"] == 5).all()
        assert (status["specific_regime"] == 1).all()
        assert not status["structural_volatilities"].any()
        assert np.isfinite(forecast_of(fitted_of(model), asked).covariances().covariance).all()


def test_only_the_days_on_which_there_were_too_few_are_left_out() -> None:
    """Ten years of a handful of names before the index was opened: those days say nothing."""
    few, start = [f"A{i:05d}" for i in range(5)], MARKET.factor_returns["date"][100]
    price = MARKET.uploads["price"].filter(pl.col("asset_id").is_in(few) | (pl.col("date") >= start))
    price = price.with_columns(
        pl.when(pl.col("asset_id").is_in(few) | (pl.col("date") > start)).then("return").alias("return")
    )
    model = model_of(MARKET.uploads | {"price": price})
    risk = model.forecast().specific_risk()
    assert set(risk["observations"]) == {49}
    assert np.sqrt((risk["specific_volatility"] ** 2).mean()) == pytest.approx(TRUE, rel=0.05)


def test_a_structural_prior_needs_companies() -> None:
    """60 companies for 8 factors and their constraint: enough at 5 each, too few at 10."""
    market = simulate(60, 90, industries=3, late_listings=0, delistings=0, seed=5)
    model = model_of(market.uploads)
    for least, there in ((5, True), (10, False)):
        asked = RiskForecastSettings(structural=StructuralVolSettings(min_companies_per_factor=least))
        found = model.forecast(asked).specific_risk()
        assert found["structural_volatility"].is_not_null().all() == there
        last = model.forecast(asked).status(start=model.dates()[-1])
        assert last["structural_volatilities"].to_list() == [there]
        if not there:
            assert found["specific_volatility"].equals(found["own_volatility"])


def test_a_category_of_few_companies_has_no_structural_effect_of_its_own() -> None:
    """Two wild companies alone in an industry do not tell what a third one would be like."""
    exposures, wild = MARKET.uploads["exposures"], ["A00020", "A00021", "A00022"]
    moved = pl.col("asset_id").is_in(wild) & (pl.col("factor_group") == "industry")
    exposures = exposures.with_columns(pl.when(moved).then(pl.lit("I09")).otherwise("factor").alias("factor"))
    noise = np.random.default_rng(0).normal(0, 0.12, len(MARKET.uploads["price"]))
    price = MARKET.uploads["price"].with_columns(
        pl.when(pl.col("asset_id").is_in(wild) & pl.col("return").is_not_null())
        .then(noise.clip(-0.29, 0.4))
        .otherwise("return")
        .alias("return")
    )
    model = model_of(MARKET.uploads | {"exposures": exposures, "price": price})
    found = {
        least: model.forecast(
            RiskForecastSettings(structural=StructuralVolSettings(min_companies_per_factor=least))
        ).specific_risk()
        for least in (1, 5)
    }
    mine = {least: risk.filter(pl.col("ticker").is_in(wild)) for least, risk in found.items()}
    assert mine[1]["structural_volatility"].min() > 3 * TRUE
    assert mine[5]["structural_volatility"].max() < 2 * TRUE
    assert mine[5]["own_volatility"].min() > 3 * TRUE


def test_a_style_that_was_uploaded_twice_has_no_t_and_the_status_names_both() -> None:
    """Vendors deliver the same style under two names; on their days only the sum of both is estimated."""
    exposures = MARKET.uploads["exposures"]
    style = exposures.filter(factor_group="style")["factor"].unique().sort()[0]
    copy = exposures.filter(factor_group="style", factor=style).with_columns(factor=pl.lit("again"))
    model = model_of(MARKET.uploads | {"exposures": pl.concat([exposures, copy])})
    both = [f"style.{style}", "style.again"]
    status = model.status()[1:]
    assert (status["status"] == "rank_deficient").all()
    assert [sorted(names) for names in status["aliased_factors"].to_list()] == [sorted(both)] * len(status)
    assert all(not names for names in status["pinned_factors"].to_list())
    t, single = model.t_stats(), model_of(MARKET.uploads).t_stats()
    assert t.select(both)[1:].null_count().row(0) == (len(status), len(status))
    rest = [name for name in single.columns[1:] if name not in both]
    np.testing.assert_allclose(t[1:].select(rest).to_numpy(), single[1:].select(rest).to_numpy(), rtol=1e-4)
