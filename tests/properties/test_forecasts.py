"""What holds for every forecast, whatever its options."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openfactor.model.forecasts import factor_covariances
from openfactor.numerics.portfolio_risk import optimal_portfolios, portfolio_variances
from openfactor.settings import EigenfactorSettings, FactorCovarianceSettings, PcaCorrelationSettings
from tests.hypothesis_profiles import examples

HALFLIVES = st.floats(2, 250)
OPTIONS = st.builds(
    FactorCovarianceSettings,
    halflife_vol=HALFLIVES,
    halflife_cor=HALFLIVES,
    halflife_vra=st.none() | HALFLIVES,
    nw_lags_vol=st.integers(0, 4),
    nw_lags_vol_halflife_override=st.none() | HALFLIVES,
    nw_lags_cor=st.integers(0, 4),
    shrink_cor_method=st.sampled_from([None, "LIS", "QIS", "GIS"]),
    shrink_cor_length=st.none() | st.integers(2, 500),
    combine_standardized=st.booleans(),
)
BEYOND = st.fixed_dictionaries(
    {},
    optional={
        "eigenfactor": st.builds(
            EigenfactorSettings, n_simulations=st.just(10), scaling=st.sampled_from([0.0, 1.0, 1.4])
        ),
        "pca": st.builds(PcaCorrelationSettings, n_components=st.none() | st.integers(1, 6)),
    },
)
SOME = examples(60)


def returns(seed: int, t: int, k: int, dead: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((t, k)) @ rng.standard_normal((k, k)) * 0.01
    f[t // 2 :] *= rng.uniform(0.3, 3)
    if dead:
        f[:, 0] = 0.0  # a factor that never has an exposure
    return f


@SOME
@given(OPTIONS, BEYOND, st.integers(1, 90), st.integers(1, 6), st.integers(0, 2**16), st.booleans())
def test_every_forecast_is_a_covariance(asked, beyond, t: int, k: int, seed: int, dead: bool) -> None:
    f = returns(seed, t, k, dead)
    found = factor_covariances(f, asked, **beyond).covariance
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, found.transpose(0, 2, 1))
    values = np.linalg.eigvalsh(found)
    assert (values[:, 0] >= -1e-10 * np.maximum(values[:, -1], 1e-300)).all()
    if dead and not beyond:
        assert np.abs(found[:, 0]).max() == 0.0
    last = factor_covariances(f, asked, **beyond, days=np.array([t - 1])).covariance[0]
    np.testing.assert_allclose(last, found[-1], rtol=1e-6, atol=1e-9 * np.abs(found[-1]).max())


@SOME
@given(OPTIONS, st.integers(2, 90), st.integers(2, 6), st.integers(0, 2**16), st.floats(0.01, 100))
def test_units_and_the_order_of_factors_do_not_matter(asked, t: int, k: int, seed: int, unit: float) -> None:
    f = returns(seed, t, k, dead=False)
    day = np.array([t - 1])
    found = factor_covariances(f, asked, days=day).covariance[0]
    tolerance = {"rtol": 1e-6, "atol": 1e-8 * np.abs(found).max()}
    scaled = factor_covariances(f * unit, asked, days=day).covariance[0]
    np.testing.assert_allclose(scaled / unit**2, found, **tolerance)
    order = np.random.default_rng(seed).permutation(k)
    turned = factor_covariances(f[:, order], asked, days=day).covariance[0]
    np.testing.assert_allclose(turned, found[np.ix_(order, order)], **tolerance)


@SOME
@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 2**16))
def test_no_book_with_the_same_alpha_has_less_variance(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, root, s2 = rng.standard_normal((n, k)), rng.standard_normal((k, k)), rng.uniform(0.1, 2, n)
    risk = x, root @ root.T, s2
    alpha = rng.standard_normal((1, n))
    best = optimal_portfolios(alpha, *risk)
    best /= (best @ alpha.T).item()
    other = best + rng.standard_normal((5, n)) * 0.1
    other /= other @ alpha.T
    assert (portfolio_variances(other, *risk) >= portfolio_variances(best, *risk) * (1 - 1e-9)).all()
