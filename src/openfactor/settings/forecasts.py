"""How risk is forecast from factor and specific returns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openfactor.settings.values import Settings


def half_life(value: float) -> float:
    """The value, if it can be a half-life."""
    if not value >= 1:
        raise ValueError(
            "a half-life is a number of trading periods from 1 on, or infinite to weigh all of them alike"
        )
    return value


HalfLife = Annotated[float, AfterValidator(half_life)]
"""In trading periods of the model's calendar: days, or weeks or months where the panel has no more."""
Below = Annotated[float, Field(lt=0)]
Above = Annotated[float, Field(gt=0)]
Lags = Annotated[int, Field(ge=0, le=250)]


class FactorCovarianceSettings(Settings):
    """Volatilities and correlations of the factors, each with a half-life of its own.

    Half-lives are numbers of the model's trading periods: days of a daily panel, weeks of a weekly one. An
    infinite one weighs all periods alike.
    """

    halflife_vol: HalfLife = 60.0
    """Half-life of the volatilities."""
    halflife_cor: HalfLife = 120.0
    """Half-life of the correlations."""
    halflife_vra: HalfLife | None = None
    """Half-life of the regime adjustment of all volatilities together; by default there is none."""
    nw_lags_vol: Lags = 0
    """Lags of the Newey-West correction of the volatilities for autocorrelation; 0: none."""
    nw_lags_vol_halflife_override: HalfLife | None = None
    """Half-life of the products with earlier days; by default that of the volatilities."""
    nw_lags_cor: Lags = 0
    """Lags of the Newey-West correction of the correlations; 0: none."""
    shrink_cor_method: Literal["LIS", "QIS", "GIS"] | None = None
    """Nonlinear shrinkage of the correlations: linear-inverse, quadratic-inverse or geometric-inverse
    (Ledoit and Wolf 2022). By default there is none."""
    shrink_cor_length: Annotated[int, Field(gt=1)] | None = None
    """Number of observations that the shrinkage takes the correlations to rest on; by default the effective
    number of the weighted days."""
    combine_standardized: bool = False
    """Combine the correlations with those of returns in units of their volatility at the time, so that days
    of high volatility do not decide alone. Theirs is the share halflife_cor / (halflife_cor + halflife_vra),
    a half without regime adjustment."""


class EigenfactorSettings(Settings):
    """Corrects the risk of books that seem to have little of it, such as optimised ones.

    Sample covariances understate the risk of their own low-risk eigenvectors. Simulated samples say by how
    much.
    """

    n_simulations: Annotated[int, Field(ge=10, le=10_000)] = 200
    """Samples that are simulated for each date."""
    scaling: Annotated[float, Field(ge=0, le=10)] = 1.4
    """a: the simulated bias minus one is multiplied by it. 1 corrects a normal and stationary world; 1.4 is
    what Menchero, Wang and Orr found to suit equity factors."""
    seed: int = 0
    """Of the simulations; the same seed gives the same forecast."""


class PcaCorrelationSettings(Settings):
    """Blends the correlations with those of a few principal components, whose noise is less."""

    n_components: Annotated[int, Field(gt=0)] | None = None
    """Components that are kept; by default those with an eigenvalue above one."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of the structured correlations in the blend."""


class IdioVolSettings(Settings):
    """Specific volatilities: each asset's own history."""

    halflife: HalfLife = 60.0
    """Half-life in trading periods that the asset's specific returns cover."""
    nw_lags: Lags = 0
    """Lags of the Newey-West correction for autocorrelation; 0: none."""
    nw_lags_halflife_override: HalfLife | None = None
    """Half-life of the products with earlier days; by default that of the squares."""
    clip_lb: Below | None = -0.3
    """Specific returns below count as this; null: none do. Of a return over m trading days, this and the
    other bounds look at 1/sqrt(m) of it: what each of the days counts as."""
    clip_ub: Above | None = None
    """Specific returns above count as this; null: none do."""
    void_lb: Below | None = None
    """Specific returns below are left out, as if the asset had not traded; null: none are."""
    void_ub: Above | None = 0.5
    """Specific returns above are left out; null: none are. Leaving out comes before clipping."""


class StructuralVolSettings(Settings):
    """Lends assets with a short history the volatility of their like: log-volatility regressed on
    exposures."""

    n0: Annotated[float, Field(gt=0)] = 60.0
    """Returns at which an asset's own volatility weighs as much as the structural one: n / (n +
    n0)."""
    min_history: Annotated[int, Field(ge=2)] = 60
    """Returns from which an asset is regressed on."""
    min_companies_per_factor: Annotated[int, Field(ge=1)] = 5
    """Companies for each factor that the regression needs; on days with fewer there is no structural
    volatility. A category with fewer has no effect of its own."""


class BayesianVolSettings(Settings):
    """Draws specific volatilities towards the mean of their cap decile, the more the further they are from
    it."""

    q: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    """Strength: an asset gets the share q d / (s + q d) of the mean, d its distance to it and s the standard
    deviation of its decile."""


class RiskForecastSettings(Settings):
    """Everything about the forecasts of a model. What is null is off."""

    factor_cov: FactorCovarianceSettings = FactorCovarianceSettings()
    """Volatilities and correlations of the factors."""
    eigenfactor: EigenfactorSettings | None = None
    """Eigenfactor risk adjustment."""
    pca: PcaCorrelationSettings | None = None
    """Blend with correlations of principal components."""
    idio_vol: IdioVolSettings = IdioVolSettings()
    """Specific volatilities."""
    structural: StructuralVolSettings | None = None
    """A structural prior for short histories."""
    bayesian: BayesianVolSettings | None = None
    """Shrinkage towards the mean of the cap decile."""
