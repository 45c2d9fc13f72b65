"""Correlations of the factors, as they were known on each day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.model.forecasts.factor_history import FactorHistory, with_prior
from openfactor.numerics.ewma import newey_west_products
from openfactor.numerics.pairwise import complete_correlation, pairwise_correlations
from openfactor.numerics.shrinkage import correlation_of, nearest_correlation
from openfactor.settings.forecasts import FactorCovarianceSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def correlations(
    history: FactorHistory,
    volatility: Float,
    settings: FactorCovarianceSettings,
    days: NDArray[np.int64],
    known: Mask,
    context: Context,
) -> tuple[Float, Mask]:
    """Correlations (D, K, K) as known on some days, and (D,) whether negative eigenvalues were cut off.

    Parameters
    ----------
    volatility
        (T, K) of the factors' own days, not annualised; used by `combine_standardized`.
    known
        (D, K) assets are exposed to the factor.

    Raises
    ------
    CancelledError
        The request was cancelled.
    """
    correlation, repaired = _correlations(history, settings, days, known, context)
    if settings.combine_standardized:
        returns, all_days = history.returns, np.arange(len(history.returns))
        sigma = with_prior(volatility, history, all_days, history.n_days > 0).volatility
        standardized = np.divide(returns, sigma, out=returns * 0.0, where=sigma > 0)
        of_standardized, is_repaired = _correlations(
            history._replace(returns=standardized), settings, days, known, context
        )
        share = _share_of_standardized(settings)
        correlation = (1.0 - share) * correlation + share * of_standardized
        repaired |= is_repaired
    return correlation, repaired


def _share_of_standardized(settings: FactorCovarianceSettings) -> float:
    """halflife_cor / (halflife_cor + halflife_vra); 0.5 without regime adjustment."""
    cor, vra = settings.halflife_cor, settings.halflife_vra
    if vra is None or cor == vra:
        return 0.5
    return 1.0 / (1.0 + vra / cor)


def _correlations(
    history: FactorHistory,
    settings: FactorCovarianceSettings,
    days: NDArray[np.int64],
    known: Mask,
    context: Context,
) -> tuple[Float, Mask]:
    if history.is_complete:
        return _of_complete(history.returns, settings, days, context)
    out, common = pairwise_correlations(history.returns, settings.halflife_cor, settings.nw_lags_cor, days)
    repaired, enough = np.zeros(len(days), np.bool_), history.enough
    with context.step("factor correlations", len(days)) as advance:
        for d, t in enumerate(days.tolist()):
            complete = complete_correlation(out[d], common[d], int(enough[t]), history.group, known[d])
            out[d], repaired[d] = nearest_correlation(complete)
            advance()
    return out, repaired


def _of_complete(
    returns: Float, settings: FactorCovarianceSettings, days: NDArray[np.int64], context: Context
) -> tuple[Float, Mask]:
    """Of factors that have returns on all days."""
    products = newey_west_products(returns, settings.halflife_cor, settings.nw_lags_cor, days)
    repaired = np.zeros(len(days), np.bool_)
    if not settings.nw_lags_cor:
        return correlation_of(products), repaired
    with context.step("factor correlations", len(days)) as advance:
        for d in range(len(days)):
            products[d], repaired[d] = nearest_correlation(products[d])
            advance()
    return products, repaired
