"""Covariances of the factors, as they were known on each day."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.periods import DAILY
from openfactor.model.forecasts.correlation import correlations
from openfactor.model.forecasts.factor_history import ENOUGH_DAYS, FactorHistory, with_prior
from openfactor.numerics.eigenfactor import Eigenfactors
from openfactor.numerics.ewma import (
    effective_number,
    ewma_covariances,
    ewma_means,
    newey_west_variances,
)
from openfactor.numerics.shrinkage import principal_components, shrink_correlation
from openfactor.settings.forecasts import (
    EigenfactorSettings,
    FactorCovarianceSettings,
    PcaCorrelationSettings,
)

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
EFFECTIVE_DAYS = 1.5
"""Per factor, from which eigenfactors are adjusted; with hardly more days than factors the simulated bias has
no mean."""


@dataclass(frozen=True)
class FactorCovariances:
    """Annual covariances of K factors on D days, and what was done to get them."""

    covariance: Float
    """(D, K, K) symmetric, positive semi-definite."""
    regime: Float
    """(D,) what all volatilities were multiplied by."""
    repaired_vol: NDArray[np.bool_]
    """(D, K) the Newey-West variance was not above zero; the uncorrected one stands."""
    repaired_cor: NDArray[np.bool_]
    """(D,) the correlations had negative eigenvalues, which were cut off: with Newey-West, or where pairs of
    factors rest on different days."""
    prior: NDArray[np.bool_]
    """(D, K) the factor is too young for a volatility of its own and has the mean of its group."""
    eigen_adjusted: NDArray[np.bool_]
    """(D,) the eigenfactors were adjusted."""

    def of(self, days: NDArray[np.int64]) -> FactorCovariances:
        """Those of some of the days, by their index."""
        if len(days) == len(self.regime):
            return self
        return FactorCovariances(
            self.covariance[days],
            self.regime[days],
            self.repaired_vol[days],
            self.repaired_cor[days],
            self.prior[days],
            self.eigen_adjusted[days],
        )


def factor_covariances(
    returns: Float,
    settings: FactorCovarianceSettings,
    eigenfactor: EigenfactorSettings | None = None,
    pca: PcaCorrelationSettings | None = None,
    *,
    has_exposure: Mask | None = None,
    groups: Sequence[str] | None = None,
    known: Mask | None = None,
    periods_per_year: float = DAILY,
    days: NDArray[np.int64] | None = None,
    context: Context | None = None,
) -> FactorCovariances:
    """The forecasts of some days from the returns up to each of them.

    sigma^2 = periods_per_year EWMA(f^2), rho = EWMA(f f') scaled to a unit diagonal, F = sigma sigma' rho;
    see `settings.forecasts` for the options, which are applied in this order: Newey-West, combination with
    standardised returns, shrinkage, principal components, eigenfactors, regime.

    Parameters
    ----------
    returns
        (T, K) factor returns per trading period, fractions, without days that had no regression.
    has_exposure
        (T, K) the factor had an exposure, so that its return counts; None: all do.
    groups
        (K,) group of each factor, which lends its mean to those that are too young.
    known
        (D, K) assets are exposed to the factor on the day, even if it has no return yet.
    periods_per_year
        To annualise with.
    days
        (D,) ascending indices of the days to forecast on; None: all.

    Raises
    ------
    CancelledError
        The request was cancelled.
    """
    days, n_factors = np.arange(len(returns)) if days is None else days, returns.shape[1]
    nowhere = np.zeros(len(days), np.bool_)
    if not len(days) or not n_factors:
        no_factors = np.zeros((len(days), n_factors), np.bool_)
        empty = np.zeros((len(days), n_factors, n_factors))
        return FactorCovariances(empty, np.ones(len(days)), no_factors, nowhere, no_factors, nowhere)
    context = context or Context()
    # the future of the last day is not looked at
    history = FactorHistory.of(returns, has_exposure, groups).until(int(days[-1]))
    variance, repaired_vol = _variances(history.returns, settings)
    own_volatility, multiplier = np.sqrt(variance), _regime(history, variance, settings.halflife_vra)
    has_return = history.n_days[days] > 0
    known = has_return if known is None else has_return | known
    volatility, is_prior = with_prior(own_volatility, history, days, known)
    volatility *= np.sqrt(periods_per_year)
    if history.is_complete and _is_plain(settings) and eigenfactor is None and pca is None and len(days) > 1:
        scaled = own_volatility * (np.sqrt(periods_per_year) * multiplier[:, None])
        covariance = _plain_covariances(history, settings, scaled, days, context)
        return FactorCovariances(
            covariance, multiplier[days], repaired_vol[days], nowhere, is_prior, nowhere
        )  # fmt: skip
    correlation, repaired_cor = correlations(history, own_volatility, settings, days, known, context)
    options = _MatrixOptions.of(settings, eigenfactor, pca, n_factors, days)
    covariance = _covariances(options, correlation, volatility, multiplier[days], days, context)
    return FactorCovariances(
        covariance, multiplier[days], repaired_vol[days], repaired_cor, is_prior, options.is_adjusted
    )  # fmt: skip


def _plain_covariances(
    history: FactorHistory,
    settings: FactorCovarianceSettings,
    volatility: Float,
    days: NDArray[np.int64],
    context: Context,
) -> Float:
    """(D, K, K) without options, by one recursion; `volatility` (T, K) is annual."""
    with context.step("factor covariances", len(days)) as advance:
        covariance = ewma_covariances(history.returns, settings.halflife_cor, volatility)
        advance(len(days))
    return covariance if len(days) == len(covariance) else covariance[days]


@dataclass(frozen=True)
class _MatrixOptions:
    """Options that look at one day's matrix."""

    settings: FactorCovarianceSettings
    eigenfactor: EigenfactorSettings | None
    pca: PcaCorrelationSettings | None
    is_adjusted: Mask
    """(D,) the eigenfactors of the day are adjusted."""
    simulated: Eigenfactors | None
    """None if those of no day are."""

    @classmethod
    def of(
        cls,
        settings: FactorCovarianceSettings,
        eigenfactor: EigenfactorSettings | None,
        pca: PcaCorrelationSettings | None,
        n_factors: int,
        days: NDArray[np.int64],
    ) -> _MatrixOptions:
        if eigenfactor is None:
            return cls(settings, eigenfactor, pca, np.zeros(len(days), np.bool_), None)
        n_effective = effective_number(settings.halflife_cor, days + 1)
        is_adjusted, simulated = n_effective >= EFFECTIVE_DAYS * n_factors, None
        if is_adjusted.any():
            simulated = Eigenfactors(
                n_factors, settings.halflife_vol, settings.halflife_cor,
                eigenfactor.n_simulations, eigenfactor.seed,
            )  # fmt: skip
        return cls(settings, eigenfactor, pca, is_adjusted, simulated)

    def covariance(self, d: int, correlation: Float, volatility: Float, n_days: int) -> Float:
        """(K, K) of the d-th day, which is the `n_days`-th of the history, before the regime."""
        settings = self.settings
        if settings.shrink_cor_method is not None:
            n_effective = float(effective_number(settings.halflife_cor, np.array([n_days]))[0])
            n = min(settings.shrink_cor_length or n_effective, n_days)
            correlation = shrink_correlation(correlation, n, settings.shrink_cor_method)
        if self.pca is not None:
            components = principal_components(correlation, self.pca.n_components)
            correlation = (1.0 - self.pca.weight) * correlation + self.pca.weight * components
        covariance = correlation * (volatility[:, None] * volatility[None, :])
        if self.simulated is not None and self.eigenfactor is not None and self.is_adjusted[d]:
            covariance = self.simulated.adjust(covariance, n_days, self.eigenfactor.scaling)
        return covariance


def _covariances(
    options: _MatrixOptions,
    correlation: Float,
    volatility: Float,
    multiplier: Float,
    days: NDArray[np.int64],
    context: Context,
) -> Float:
    """(D, K, K) from correlations (D, K, K), which it overwrites, volatilities (D, K) and what the regime
    multiplies these by (D,).
    """

    def finish(d: int) -> None:
        covariance = options.covariance(d, correlation[d], volatility[d], int(days[d]) + 1)
        correlation[d] = covariance * multiplier[d] ** 2
        correlation[d] += correlation[d].T.copy()
        correlation[d] *= 0.5

    with (
        ThreadPoolExecutor(context.threads) as pool,
        context.step("factor covariances", len(days)) as advance,
    ):
        for _ in pool.map(finish, range(len(days))):
            advance()
    return correlation


def _is_plain(settings: FactorCovarianceSettings) -> bool:
    """Correlations are weighted means and nothing else."""
    return not (settings.nw_lags_cor or settings.combine_standardized or settings.shrink_cor_method)


def _variances(returns: Float, settings: FactorCovarianceSettings) -> tuple[Float, Mask]:
    """Variances (T, K) per trading period before the regime, 0 before the first return; and (T, K) whether
    that of Newey-West was not above zero, so that the uncorrected one stands.
    """
    plain = np.nan_to_num(ewma_means(returns**2, settings.halflife_vol))
    if not settings.nw_lags_vol:
        return plain, np.zeros(plain.shape, np.bool_)
    corrected = np.nan_to_num(
        newey_west_variances(
            returns, settings.halflife_vol, settings.nw_lags_vol, settings.nw_lags_vol_halflife_override
        )
    )
    repaired = (corrected <= 0) & (plain > 0)
    return np.where(repaired, plain, corrected), repaired


def _regime(history: FactorHistory, variance: Float, halflife: float | None) -> Float:
    """(T,) sqrt of the mean of B^2, B_t^2 = mean_k f_kt^2 / sigma_k,t-1^2; 1 until there is one.

    The mean is over the days so far, so that it does not start from an arbitrary value, and over the factors
    whose own volatility rests on enough days.

    Source: Menchero, Orr and Wang, USE4 methodology notes (2011), section 4.3.
    """
    returns = history.returns
    bias = np.full(len(returns), np.nan)
    if halflife is None or len(returns) <= ENOUGH_DAYS:
        return np.ones(len(returns))
    forecast, squares = variance[:-1], np.nan_to_num(returns[1:]) ** 2
    counted = (forecast > 0) & (history.n_days[:-1] >= ENOUGH_DAYS) & np.isfinite(returns[1:])
    ratios = np.divide(squares, forecast, out=np.zeros(forecast.shape), where=counted)
    number = counted.sum(axis=1)
    np.divide(ratios.sum(axis=1), number, out=bias[1:], where=number > 0)
    return regime_multiplier(bias, halflife)


def regime_multiplier(bias: Float, halflife: float) -> Float:
    """(T,) what volatilities are multiplied by: the square root of the weighted mean of their squared biases
    so far, 1 before the first.

    Parameters
    ----------
    bias
        (T,) squared bias of each day, NaN where there is none.
    halflife
        In trading periods.
    """
    multiplier = np.sqrt(ewma_means(bias, halflife))
    return np.asarray(np.where(np.isfinite(multiplier), multiplier, 1.0))
