"""How risk is forecast from factor returns and specific returns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openfactor.settings.values import Settings


def half_life(value: float) -> float:
    """The value, if it can be a half-life."""
    if not value >= 1:
        raise ValueError(
            "a half-life is a number of trading periods, at least 1, or infinite to weight all equally"
        )
    return value


HalfLife = Annotated[float, AfterValidator(half_life)]
"""In trading periods of the model's calendar: days, or weeks or months if the panel has only those."""
Below = Annotated[float, Field(lt=0)]
Above = Annotated[float, Field(gt=0)]
Lags = Annotated[int, Field(ge=0, le=250)]


class FactorCovarianceSettings(Settings):
    """Volatilities and correlations of the factors, each with its own half-life.

    Half-lives are in trading periods of the model: days of a daily panel, weeks of a weekly one. An infinite
    half-life weights all periods equally.
    """

    halflife_vol: HalfLife = 60.0
    """Half-life of the volatilities, in trading periods."""
    halflife_cor: HalfLife = 120.0
    """Half-life of the correlations, in trading periods."""
    halflife_vra: HalfLife | None = None
    """Half-life, in trading periods, of the regime adjustment of all volatilities together. None: none."""
    nw_lags_vol: Lags = 0
    """Lags, in trading periods, of the Newey-West correction of the volatilities; 0: no correction."""
    nw_lags_vol_halflife_override: HalfLife | None = None
    """Half-life, in trading periods, of the lagged products; None: that of the volatilities."""
    nw_lags_cor: Lags = 0
    """Lags, in trading periods, of the Newey-West correction of the correlations; 0: no correction."""
    shrink_cor_method: Literal["LIS", "QIS", "GIS"] | None = None
    """Nonlinear shrinkage of the correlations: linear-inverse, quadratic-inverse or geometric-inverse
    (Ledoit and Wolf 2022). None: no shrinkage."""
    shrink_cor_length: Annotated[int, Field(gt=1, le=1_000_000)] | None = None
    """Number of observations, in trading periods, assumed by the shrinkage; None: the effective number of
    weighted periods."""
    combine_standardized: bool = False
    """Blend in the correlations of returns scaled by their volatility at the time, so that volatile days do
    not dominate. Their weight is halflife_cor / (halflife_cor + halflife_vra), or 0.5 without regime
    adjustment."""


class EigenfactorSettings(Settings):
    """Corrects the risk of portfolios that look safe only because they were optimised.

    Sample covariances understate the risk of their own low-risk eigenvectors; simulation shows by how much.
    """

    n_simulations: Annotated[int, Field(ge=10, le=10_000)] = 200
    """Simulated samples per date."""
    scaling: Annotated[float, Field(ge=0, le=10)] = 1.4
    """Multiplier of the simulated bias less one. 1 is right for normal and stationary returns; Menchero, Wang
    and Orr (2011) recommend 1.4 for equity factors."""
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    """Seed of the simulations: the same seed gives the same forecast."""


class PcaCorrelationSettings(Settings):
    """Blends the correlations with those implied by a few principal components, which are less noisy."""

    n_components: Annotated[int, Field(gt=0, le=1_000_000)] | None = None
    """Number of components; None: those with an eigenvalue above 1."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of the components' correlations in the blend, a fraction."""


class IdioVolSettings(Settings):
    """Specific volatilities from each asset's own history."""

    halflife: HalfLife = 60.0
    """Half-life, in trading periods covered by the asset's specific returns."""
    nw_lags: Lags = 0
    """Lags, in returns, of the Newey-West correction for autocorrelation; 0: no correction."""
    nw_lags_halflife_override: HalfLife | None = None
    """Half-life, in trading periods, of the lagged products; None: that of the squares."""
    clip_lb: Below | None = -0.3
    """Specific returns below this fraction are raised to it; None: no bound. A return over m trading days is
    compared with this and the other bounds after division by sqrt(m), which makes it a daily one."""
    clip_ub: Above | None = None
    """Specific returns above this fraction are lowered to it; None: no bound."""
    void_lb: Below | None = None
    """Specific returns below this fraction are ignored, as if the asset had not traded; None: no bound."""
    void_ub: Above | None = 0.5
    """Specific returns above this fraction are ignored; None: no bound. This comes before clipping."""


class StructuralVolSettings(Settings):
    """Gives assets with a short history a structural volatility, predicted from exposures: the regression of
    log-volatility on them.
    """

    n0: Annotated[float, Field(gt=0)] = 60.0
    """Number of returns at which an asset's own volatility and the structural one weigh the same: the weight
    of its own is n / (n + n0)."""
    min_history: Annotated[int, Field(ge=2, le=1_000_000)] = 60
    """Minimum number of returns of the assets in the regression."""
    min_companies_per_factor: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    """Minimum number of companies per factor: days with fewer have no structural volatility, and categories
    with fewer have no effect of their own."""


class BayesianVolSettings(Settings):
    """Shrinks specific volatilities towards the mean of their cap decile: the further away, the more."""

    q: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    """Strength: the mean has the weight q d / (s + q d), where d is the asset's distance from it and s the
    standard deviation within the decile."""


class RiskForecastSettings(Settings):
    """Everything about the forecasts of a model. Options that are None are off."""

    factor_cov: FactorCovarianceSettings = FactorCovarianceSettings()
    """Volatilities and correlations of the factors."""
    eigenfactor: EigenfactorSettings | None = None
    """Eigenfactor risk adjustment."""
    pca: PcaCorrelationSettings | None = None
    """Blend with the correlations of principal components."""
    idio_vol: IdioVolSettings = IdioVolSettings()
    """Specific volatilities."""
    structural: StructuralVolSettings | None = None
    """Structural volatilities for assets with short histories."""
    bayesian: BayesianVolSettings | None = None
    """Shrinkage towards the mean of the cap decile."""
    halflife_idio_vra: HalfLife | Literal["model"] | None = "model"
    """Half-life, in trading periods, of the regime adjustment of specific volatilities. "model": that of the
    model's settings, which can be none. None: none."""

    def for_model(self, halflife_idio_vra: float | None) -> RiskForecastSettings:
        """The settings in effect for a model with this `halflife_idio_vra`."""
        if self.halflife_idio_vra != "model":
            return self
        return self.model_copy(update={"halflife_idio_vra": halflife_idio_vra})
