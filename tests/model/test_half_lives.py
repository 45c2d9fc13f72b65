"""Half-lives from one period to infinity, through every option; what cannot be meant is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from openfactor.model import estimate
from openfactor.model.forecasts import factor_covariances
from openfactor.numerics.ewma import decay, effective_number, ewma_means
from openfactor.settings import (
    EigenfactorSettings,
    FactorCovarianceSettings,
    FactorRiskModelSettings,
    IdioVolSettings,
    PcaCorrelationSettings,
    RiskForecastSettings,
    StructuralVolSettings,
)
from openfactor.synthetic import simulate
from tests.handles import RiskModel
from tests.markets import dataset_of, model_settings

F = np.random.default_rng(0).standard_normal((90, 4)) * 0.01
EXTREME = [1.0, 1e5, 1e12, 1e17, 1e300, np.inf]
FIELDS = ("halflife_vol", "halflife_cor", "halflife_vra", "nw_lags_vol_halflife_override")
OPTIONS = [
    {},
    {"nw_lags_vol": 2, "nw_lags_cor": 2},
    {"combine_standardized": True, "halflife_vra": 20.0},
    {"shrink_cor_method": "LIS"},
    {"shrink_cor_method": "QIS", "combine_standardized": True},
]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("beyond", [False, True])
def test_no_half_life_gives_nonsense(field: str, options: dict[str, object], beyond: bool) -> None:
    extra = {"eigenfactor": EigenfactorSettings(n_simulations=10), "pca": PcaCorrelationSettings()}
    for halflife in EXTREME:
        asked = FactorCovarianceSettings.model_validate({**options, field: halflife})
        covariances = factor_covariances(F, asked, **(extra if beyond else {}), days=np.array([0, 1, 45, 89]))
        assert np.isfinite(covariances.covariance).all()
        assert np.isfinite(covariances.regime).all()
        values = np.linalg.eigvalsh(covariances.covariance)
        assert (values[:, 0] > -1e-10 * values[:, -1]).all()


def test_an_infinite_one_weighs_all_days_alike() -> None:
    forever = FactorCovarianceSettings(halflife_vol=np.inf, halflife_cor=np.inf, halflife_vra=np.inf)
    covariances = factor_covariances(F, forever)
    plain = F.T @ F / 90
    squares = [np.mean(F[t] ** 2 / (F[:t] ** 2).mean(axis=0)) for t in range(21, 90)]
    np.testing.assert_allclose(covariances.covariance[-1], 252 * plain * np.mean(squares), rtol=1e-10)
    huge = forever.model_copy(update=dict.fromkeys(FIELDS[:3], 1e15))
    np.testing.assert_allclose(factor_covariances(F, huge).covariance, covariances.covariance, rtol=1e-9)
    assert decay(np.inf) == 1.0
    np.testing.assert_array_equal(effective_number(np.inf, np.array([1, 90])), [1, 90])
    for halflife in (1e4, 1e8, 1e10, 1e16):
        w = 0.5 ** (np.arange(90) / halflife)
        assert effective_number(halflife, np.array([90]))[0] == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_shares_of_infinite_half_lives_are_their_limits() -> None:
    def correlation(cor: float, vra: float) -> np.ndarray:
        asked = FactorCovarianceSettings(halflife_cor=cor, halflife_vra=vra, combine_standardized=True)
        covariance = factor_covariances(F, asked, days=np.array([89])).covariance[0]
        return covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))

    np.testing.assert_allclose(correlation(np.inf, 30), correlation(1e12, 30), atol=1e-9)
    np.testing.assert_allclose(correlation(40, np.inf), correlation(40, 1e12), atol=1e-9)
    np.testing.assert_allclose(correlation(np.inf, np.inf), correlation(1e12, 1e12), atol=1e-9)


def test_a_mean_outlives_its_weight() -> None:
    """A series that was away for two thousand half-lives keeps its last mean and takes the next value."""
    values = np.full((2100, 1), np.nan)
    values[:50], values[2060] = 2.0, 5.0
    means = ewma_means(values, 1.0)
    assert (means[50:2060] == 2.0).all()
    assert means[2060] == 5.0


def test_specific_volatilities_with_equal_weights() -> None:
    market = simulate(40, 60, industries=2, late_listings=0, delistings=0, seed=3)
    data = dataset_of(market.uploads)
    settings = model_settings().model_copy(update={"halflife_idio_vra": float("inf")})
    model = RiskModel(data, settings, estimate(data, settings, "x"))
    forever = RiskForecastSettings(
        idio_vol=IdioVolSettings(halflife=np.inf, nw_lags=1, nw_lags_halflife_override=np.inf)
    )
    risk = model.forecast(forever).specific_risk()
    regime = model.forecast(forever).status()["specific_regime"][-1]
    e = model.idio().tail(-1).to_pandas().set_index("date").astype(float).clip(lower=-0.3)
    expected = (e**2).mean() + (e * e.shift(1)).mean()
    expected = np.sqrt(252 * expected.where(expected > 0, (e**2).mean())) * regime
    np.testing.assert_allclose(risk["specific_volatility"], expected[risk["ticker"].to_list()], rtol=1e-4)
    prior = RiskForecastSettings(structural=StructuralVolSettings(n0=1e300, min_history=30))
    assert model.forecast(prior).specific_risk()["specific_volatility"].is_not_null().all()


@pytest.mark.parametrize("value", [0, -3, 1e-300, 0.5, float("nan"), -float("inf")])
def test_what_cannot_be_meant_is_refused(value: float) -> None:
    for settings, fields in (
        (FactorCovarianceSettings, FIELDS),
        (IdioVolSettings, ("halflife", "nw_lags_halflife_override")),
    ):
        for field in fields:
            with pytest.raises(ValidationError, match="number of trading periods, at least 1"):
                settings.model_validate({field: value})
    with pytest.raises(ValidationError, match="a half-life is a number"):
        FactorRiskModelSettings.model_validate(model_settings().model_dump() | {"halflife_idio_vra": value})


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (EigenfactorSettings, {"scaling": np.inf}),
        (EigenfactorSettings, {"scaling": np.nan}),
        (IdioVolSettings, {"clip_lb": np.nan}),
        (IdioVolSettings, {"clip_lb": 0.1}),
        (IdioVolSettings, {"void_ub": -0.5}),
        (PcaCorrelationSettings, {"weight": np.nan}),
        (StructuralVolSettings, {"n0": np.nan}),
    ],
)
def test_options_that_are_no_numbers_are_refused(settings, wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        settings.model_validate(wrong)


def test_infinity_comes_back_from_json_and_yaml() -> None:
    """As null it would be off, and two different forecasts would have one fingerprint."""
    asked = RiskForecastSettings(
        factor_cov=FactorCovarianceSettings(halflife_vra=np.inf, halflife_cor=np.inf)
    )
    assert RiskForecastSettings.model_validate_json(asked.model_dump_json()) == asked
    assert RiskForecastSettings.from_yaml(asked.to_yaml()) == asked
    assert asked != RiskForecastSettings()
    model = model_settings().model_copy(update={"halflife_idio_vra": float("inf")})
    assert FactorRiskModelSettings.model_validate_json(model.model_dump_json()) == model
    whole = model_settings().model_copy(update={"halflife_idio_vra": 42})
    assert '"halflife_idio_vra":42}' in whole.model_dump_json()
