"""Covariances of the factors, as they were known on each day."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.periods import DAILY
from openfactor.model.forecasts.correlation import (
    ENOUGH_DAYS,
    FactorHistory,
    correlations,
    with_prior,
)
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
"""For each factor, from which eigenfactors are adjusted; with hardly more days than factors the simulated
bias has no mean."""


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
        """Those of some of the days."""
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

    returns : (T, K) factor returns, without days that had no regression
    has_exposure : (T, K) the factor had an exposure, so that its return counts; by default all do
    groups : (K,) group of each factor, which lends its mean to those that are too young
    known : (D, K) assets are exposed to the factor on the day, even if it has no return yet
    periods_per_year : to annualise with
    days : (D,) ascending indices of the days that are wanted, by default all

    sigma^2 = periods_per_year EWMA(f^2), rho = EWMA(f f') scaled to a unit diagonal, F = sigma sigma' rho;
    see `settings.forecasts` for the options, which are applied in this order: Newey-West, combination with
    standardised returns, shrinkage, principal components, eigenfactors, regime.
    """
    wanted, n_factors = np.arange(len(returns)) if days is None else days, returns.shape[1]
    nothing = np.zeros(len(wanted), np.bool_)
    if not len(wanted) or not n_factors:
        empty = np.zeros((len(wanted), n_factors, n_factors))
        none = np.zeros((len(wanted), n_factors), np.bool_)
        return FactorCovariances(empty, np.ones(len(wanted)), none, nothing, none, nothing)
    context = context or Context()
    # nothing after the last day that is wanted is looked at
    history = _history(returns, has_exposure, groups).until(int(wanted[-1]))
    own, repaired_vol = _variances(history.returns, settings)
    own_volatility, multiplier = np.sqrt(own), _regime(history, own, settings.halflife_vra)
    seen = history.n_days[wanted] > 0
    seen = seen if known is None else seen | known
    volatility, prior = with_prior(own_volatility, history, wanted, seen)
    volatility *= np.sqrt(periods_per_year)
    if history.whole and _is_plain(settings) and eigenfactor is None and pca is None and len(wanted) > 1:
        scaled = own_volatility * (np.sqrt(periods_per_year) * multiplier[:, None])
        with context.step("factor covariances", len(wanted)) as advance:
            covariance = ewma_covariances(history.returns, settings.halflife_cor, scaled)
            advance(len(wanted))
        chosen = covariance if len(wanted) == len(covariance) else covariance[wanted]
        return FactorCovariances(
            chosen, multiplier[wanted], repaired_vol[wanted], nothing, prior, nothing
        )  # fmt: skip
    correlation, repaired_cor = correlations(history, own_volatility, settings, wanted, seen, context)
    enough = effective_number(settings.halflife_cor, wanted + 1) >= EFFECTIVE_DAYS * n_factors
    adjusted = enough if eigenfactor is not None else nothing
    simulated = None
    if eigenfactor is not None and adjusted.any():
        simulated = Eigenfactors(
            n_factors, settings.halflife_vol, settings.halflife_cor,
            eigenfactor.n_simulations, eigenfactor.seed,
        )  # fmt: skip

    def finish(d: int) -> None:
        """In place: the options that look at one day's matrix."""
        matrix = correlation[d]
        n_days = int(wanted[d]) + 1
        if settings.shrink_cor_method is not None:
            effective = float(effective_number(settings.halflife_cor, np.array([n_days]))[0])
            n = min(settings.shrink_cor_length or effective, n_days)
            matrix = shrink_correlation(matrix, n, settings.shrink_cor_method)
        if pca is not None:
            blended = principal_components(matrix, pca.n_components)
            matrix = (1.0 - pca.weight) * matrix + pca.weight * blended
        covariance = matrix * (volatility[d][:, None] * volatility[d][None, :])
        if simulated is not None and eigenfactor is not None and adjusted[d]:
            covariance = simulated.adjust(covariance, n_days, eigenfactor.scaling)
        correlation[d] = covariance * multiplier[wanted[d]] ** 2
        correlation[d] += correlation[d].T.copy()
        correlation[d] *= 0.5

    with (
        ThreadPoolExecutor(context.threads) as pool,
        context.step("factor covariances", len(wanted)) as advance,
    ):
        for _ in pool.map(finish, range(len(wanted))):
            advance()
    return FactorCovariances(
        correlation, multiplier[wanted], repaired_vol[wanted], repaired_cor, prior, adjusted
    )  # fmt: skip


def _history(returns: Float, has_exposure: Mask | None, groups: Sequence[str] | None) -> FactorHistory:
    """Returns of days without exposure are none; a factor without a group is one by itself."""
    n_factors = returns.shape[1]
    group = np.arange(n_factors) if groups is None else np.unique(list(groups), return_inverse=True)[1]
    there = np.ones(returns.shape, np.bool_) if has_exposure is None else has_exposure
    values = returns if there.all() else np.where(there, returns, np.nan)
    return FactorHistory(values, group.astype(np.int64), np.cumsum(there, axis=0))


def _is_plain(settings: FactorCovarianceSettings) -> bool:
    """Correlations are weighted means and nothing else."""
    return not (settings.nw_lags_cor or settings.combine_standardized or settings.shrink_cor_method)


def _variances(returns: Float, settings: FactorCovarianceSettings) -> tuple[Float, Mask]:
    """(T, K) variances a day before the regime, 0 before the first return, and where Newey-West left none."""
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

    The mean is over the days that there are, so that it does not start from an arbitrary value, and over the
    factors whose own volatility rests on enough days.
    Source: Menchero, Orr and Wang, USE4 methodology notes (2011), section 4.3.
    """
    returns = history.returns
    bias = np.full(len(returns), np.nan)
    if halflife is None or len(returns) <= ENOUGH_DAYS:
        return np.ones(len(returns))
    before, squares = variance[:-1], np.nan_to_num(returns[1:]) ** 2
    counted = (before > 0) & (history.n_days[:-1] >= ENOUGH_DAYS) & np.isfinite(returns[1:])
    ratios = np.divide(squares, before, out=np.zeros(before.shape), where=counted)
    number = counted.sum(axis=1)
    np.divide(ratios.sum(axis=1), number, out=bias[1:], where=number > 0)
    return regime_multiplier(bias, halflife)


def regime_multiplier(bias: Float, halflife: float) -> Float:
    """(T,) what volatilities are multiplied by when their squared biases were `bias` (T,): the square root of
    the weighted mean of those that there are, 1 before there is one.
    """
    measured = np.sqrt(ewma_means(bias, halflife))
    return np.asarray(np.where(np.isfinite(measured), measured, 1.0))
