"""Covariances of the factors, as they were known on each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.errors import DataError, Fault
from openfactor.numerics.eigenfactor import Eigenfactors
from openfactor.numerics.ewma import (
    effective_number,
    ewma,
    ewma_covariances,
    ewma_products,
    newey_west,
    weighted_products,
)
from openfactor.numerics.shrinkage import (
    correlation_of,
    nearest_correlation,
    principal_components,
    shrink_correlation,
)
from openfactor.settings.forecasts import (
    EigenfactorSettings,
    FactorCovarianceSettings,
    PcaCorrelationSettings,
)

Float = NDArray[np.float64]
DAYS_A_YEAR = 252
FIRST_REGIME_DAY = 21
"""Days that a volatility must rest on before the regime is measured by it: one of a day or two is as good as
arbitrary, and the regime would start from the square of its error."""
ENOUGH_DAYS = 1.5
"""Effective days for each factor from which eigenfactors are adjusted; with hardly more days than factors the
simulated bias has no mean."""


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
    """(D,) the Newey-West correlations had negative eigenvalues, which were cut off."""
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
            self.eigen_adjusted[days],
        )


def factor_covariances(
    returns: Float,
    settings: FactorCovarianceSettings,
    eigenfactor: EigenfactorSettings | None = None,
    pca: PcaCorrelationSettings | None = None,
    *,
    days: NDArray[np.int64] | None = None,
    threads: int | None = None,
    progress: Callable[[int], None] = lambda days: None,
) -> FactorCovariances:
    """The forecasts of some days from the returns up to each of them.

    returns : (T, K) daily factor returns, without days that had no regression
    days : ascending indices of the days that are wanted, by default all. One day costs what one day costs.

    sigma^2 = 252 EWMA(f^2), rho = EWMA(f f') scaled to a unit diagonal, F = sigma sigma' rho; see
    `settings.forecasts` for the options, which are applied in this order: Newey-West, combination with
    standardised returns, shrinkage, principal components, eigenfactors, regime.
    """
    wanted, n_factors = np.arange(len(returns)) if days is None else days, returns.shape[1]
    nothing = np.zeros(len(wanted), np.bool_)
    if not len(wanted) or not n_factors:
        empty = np.zeros((len(wanted), n_factors, n_factors))
        none = np.zeros((len(wanted), n_factors), np.bool_)
        return FactorCovariances(empty, np.ones(len(wanted)), none, nothing, nothing)
    variance, repaired_vol = _variances(returns, settings)
    volatility = np.sqrt(DAYS_A_YEAR * variance)
    multiplier = _regime(returns, variance, settings.halflife_vra)
    if _is_plain(settings) and eigenfactor is None and pca is None and len(wanted) > 1:
        scaled = volatility * multiplier[:, None]
        last = int(wanted[-1]) + 1
        covariance = ewma_covariances(returns[:last], settings.halflife_cor, scaled[:last])
        progress(len(wanted))
        chosen = covariance if len(wanted) == last else covariance[wanted]
        return FactorCovariances(chosen, multiplier[wanted], repaired_vol[wanted], nothing, nothing)
    correlation, repaired_cor = _correlations(returns, np.sqrt(variance), settings, wanted)
    enough = effective_number(settings.halflife_cor, wanted + 1) >= ENOUGH_DAYS * n_factors
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
        vol = volatility[wanted[d]]
        covariance = matrix * (vol[:, None] * vol[None, :])
        if simulated is not None and eigenfactor is not None and adjusted[d]:
            covariance = simulated.adjust(covariance, n_days, eigenfactor.scaling)
        correlation[d] = covariance * multiplier[wanted[d]] ** 2
        correlation[d] += correlation[d].T.copy()
        correlation[d] *= 0.5

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(finish, range(len(wanted))):
            progress(1)
    return FactorCovariances(
        correlation, multiplier[wanted], repaired_vol[wanted], repaired_cor, adjusted
    )  # fmt: skip


def _is_plain(settings: FactorCovarianceSettings) -> bool:
    """Correlations are weighted means and nothing else."""
    return not (settings.nw_lags_cor or settings.combine_standardized or settings.shrink_cor_method)


def _variances(returns: Float, settings: FactorCovarianceSettings) -> tuple[Float, NDArray[np.bool_]]:
    """(T, K) daily variances before the regime, and where Newey-West left none."""
    plain = ewma(returns**2, settings.halflife_vol)
    if not settings.nw_lags_vol:
        return plain, np.zeros(plain.shape, np.bool_)
    corrected = newey_west(
        returns, settings.halflife_vol, settings.nw_lags_vol, settings.nw_lags_vol_halflife_override
    )
    repaired = (corrected <= 0) & (plain > 0)
    return np.where(repaired, plain, corrected), repaired


def _correlations(
    returns: Float, volatility: Float, settings: FactorCovarianceSettings, days: NDArray[np.int64]
) -> tuple[Float, NDArray[np.bool_]]:
    """(D, K, K), and (D,) whether they had to be repaired."""
    correlation, repaired = _correlation(returns, settings, days)
    if settings.combine_standardized:
        standardized = np.divide(returns, volatility, out=np.zeros(returns.shape), where=volatility > 0)
        other, also = _correlation(standardized, settings, days)
        regime = settings.halflife_vra or settings.halflife_cor
        share = settings.halflife_cor / (settings.halflife_cor + regime)
        correlation = (1.0 - share) * correlation + share * other
        repaired |= also
    return correlation, repaired


def _correlation(
    returns: Float, settings: FactorCovarianceSettings, days: NDArray[np.int64]
) -> tuple[Float, NDArray[np.bool_]]:
    halflife, lags = settings.halflife_cor, settings.nw_lags_cor
    products = _products(returns, halflife, 0, days)
    for lag in range(1, min(lags, len(returns) - 1) + 1):
        gamma = np.nan_to_num(_products(returns, halflife, lag, days))
        products += (1.0 - lag / (lags + 1.0)) * (gamma + gamma.transpose(0, 2, 1))
    repaired = np.zeros(len(days), np.bool_)
    if lags:
        for d in range(len(days)):
            products[d], repaired[d] = nearest_correlation(products[d])
        return products, repaired
    return correlation_of(products), repaired


def _products(returns: Float, halflife: float, lag: int, days: NDArray[np.int64]) -> Float:
    """(D, K, K); by recursion over all days, or of one day on its own."""
    if len(days) == 1:
        return weighted_products(returns[: days[0] + 1], halflife, lag)[None]
    return ewma_products(returns[: days[-1] + 1], halflife, lag)[days]


def _regime(returns: Float, variance: Float, halflife: float | None) -> Float:
    """(T,) sqrt of the mean of B^2, B_t^2 = mean_k f_kt^2 / sigma_k,t-1^2; 1 until there is one.

    The mean is over the days that there are, so that it does not start from an arbitrary value.
    Source: Menchero, Orr and Wang, USE4 methodology notes (2011), section 4.3.
    """
    bias = np.full(len(returns), np.nan)
    if halflife is None or len(returns) <= FIRST_REGIME_DAY:
        return np.ones(len(returns))
    before = variance[FIRST_REGIME_DAY - 1 : -1]
    known = before > 0
    squares = np.divide(returns[FIRST_REGIME_DAY:] ** 2, before, out=np.zeros(before.shape), where=known)
    counted = known.sum(axis=1)
    np.divide(squares.sum(axis=1), counted, out=bias[FIRST_REGIME_DAY:], where=counted > 0)
    return regime_multiplier(bias, halflife)


def regime_multiplier(bias: Float, halflife: float) -> Float:
    """(T,) what volatilities are multiplied by when their squared biases were `bias` (T,): the square root of
    the weighted mean of those that there are, 1 before there is one."""
    measured = np.sqrt(ewma(bias, halflife))
    return np.asarray(np.where(np.isfinite(measured), measured, 1.0))


def factor_covariance(
    factor_returns: pl.DataFrame,
    settings: FactorCovarianceSettings | None = None,
    *,
    eigenfactor: EigenfactorSettings | None = None,
    pca: PcaCorrelationSettings | None = None,
) -> pl.DataFrame:
    """Annual covariances of the factors from their daily returns: date, factor, and a column a factor.

    factor_returns : date and one column a factor, such as `model.fret()` without its first row

    Float32 values; dates ascending, factors sorted.

    Raises
    ------
    DataError: values that are missing or not finite; names factors and dates.
    """
    frame = factor_returns.sort("date")
    factors = sorted(c for c in frame.columns if c != "date")
    dates = frame["date"].to_list()
    returns = frame.select(factors).to_numpy().astype(np.float64).reshape(len(dates), len(factors))
    faults = [
        Fault("not_a_number", "factor returns", "there is no covariance with what is missing", factor,
              int(bad.sum()), tuple(str(dates[i]) for i in np.flatnonzero(bad)[:5]))
        for factor, bad in zip(factors, ~np.isfinite(returns.T), strict=True) if bad.any()
    ]  # fmt: skip
    if faults:
        raise DataError("the covariance of the factor returns cannot be forecast:", faults)
    found = factor_covariances(returns, settings or FactorCovarianceSettings(), eigenfactor, pca)
    return matrix_frame(dates, factors, found.covariance)


def matrix_frame(dates: Sequence[dt.date], factors: list[str], matrices: Float) -> pl.DataFrame:
    """date, factor, and a Float32 column a factor, of matrices (D, K, K)."""
    k = len(factors)
    flat = matrices.reshape(len(dates) * k, k).astype(np.float32)
    key = {
        "date": pl.Series(np.repeat(np.array(dates, "datetime64[D]"), k), dtype=pl.Date),
        "factor": factors * len(dates),
    }
    return pl.DataFrame(key | {factor: flat[:, i] for i, factor in enumerate(factors)})
