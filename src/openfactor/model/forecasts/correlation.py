"""Correlations of the factors, as they were known on each day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.numerics.ewma import newey_west_products
from openfactor.numerics.pairwise import complete_correlation, pairwise_correlations
from openfactor.numerics.shrinkage import correlation_of, nearest_correlation
from openfactor.settings.forecasts import FactorCovarianceSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
ENOUGH_DAYS = 21
"""Days that a volatility or a correlation must rest on before others are measured by it, or it stands by
itself beside longer ones: one of a day or two is as good as arbitrary."""


class FactorHistory(NamedTuple):
    """Returns of K factors on the T days of a history, and when each was there."""

    returns: Float
    """(T, K), NaN on days on which a factor had no exposure."""
    group: NDArray[np.int64]
    """(K,) the group of each factor."""
    n_days: NDArray[np.int64]
    """(T, K) days with a return up to each day."""

    @property
    def whole(self) -> bool:
        """All factors are there on all days."""
        return bool(np.isfinite(self.returns).all())

    @property
    def enough(self) -> NDArray[np.int64]:
        """(T,) days that are enough; in a history that is shorter, all that there are."""
        return np.asarray(np.minimum(self.n_days.max(axis=1, initial=0), ENOUGH_DAYS))

    def until(self, day: int) -> FactorHistory:
        """The days up to one."""
        last = slice(0, day + 1)
        return FactorHistory(self.returns[last], self.group, self.n_days[last])


class FromGroups(NamedTuple):
    """Volatilities (D, K), and which of them are the mean of their group."""

    volatility: Float
    prior: Mask


def with_prior(volatility: Float, history: FactorHistory, days: NDArray[np.int64], known: Mask) -> FromGroups:
    """(D, K) of some days, those of factors without enough days the mean of their group's others; and where
    that is so. Without any others the few days stand.

    volatility : (T, K) of the factors' own days; known : (D, K) the factor is there
    """
    n_days, enough, out = history.n_days[days], history.enough[days, None], volatility[days]
    young = (n_days < enough) & known
    old, prior = n_days >= np.maximum(enough, 1), np.zeros(young.shape, np.bool_)
    for g in np.unique(history.group[young.any(axis=0)]):
        mates = old & (history.group == g)
        number = mates.sum(axis=1)
        mean = np.where(mates, out, 0.0).sum(axis=1) / np.maximum(number, 1)
        lent = young & (history.group == g) & (number > 0)[:, None]
        out = np.where(lent, mean[:, None], out)
        prior |= lent
    return FromGroups(out, prior)


def correlations(
    history: FactorHistory,
    volatility: Float,
    settings: FactorCovarianceSettings,
    days: NDArray[np.int64],
    known: Mask,
    context: Context,
) -> tuple[Float, Mask]:
    """(D, K, K) as known on some days, and (D,) whether they had to be repaired.

    volatility : (T, K) of the factors' own days; known : (D, K) the factor is there
    """
    correlation, repaired = _correlations(history, settings, days, known, context)
    if settings.combine_standardized:
        returns, every = history.returns, np.arange(len(history.returns))
        sigma = with_prior(volatility, history, every, history.n_days > 0).volatility
        standardized = np.divide(returns, sigma, out=returns * 0.0, where=sigma > 0)
        other, also = _correlations(history._replace(returns=standardized), settings, days, known, context)
        share = _share_of_standardized(settings)
        correlation = (1.0 - share) * correlation + share * other
        repaired |= also
    return correlation, repaired


def _share_of_standardized(settings: FactorCovarianceSettings) -> float:
    """halflife_cor / (halflife_cor + halflife_vra), a half without regime adjustment."""
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
    if history.whole:
        return _of_whole(history.returns, settings, days, context)
    out, common = pairwise_correlations(history.returns, settings.halflife_cor, settings.nw_lags_cor, days)
    repaired, enough = np.zeros(len(days), np.bool_), history.enough
    with context.step("factor correlations", len(days)) as advance:
        for d, t in enumerate(days.tolist()):
            complete = complete_correlation(out[d], common[d], int(enough[t]), history.group, known[d])
            out[d], repaired[d] = nearest_correlation(complete)
            advance()
    return out, repaired


def _of_whole(
    returns: Float, settings: FactorCovarianceSettings, days: NDArray[np.int64], context: Context
) -> tuple[Float, Mask]:
    """Of factors that are all there on all days."""
    products = newey_west_products(returns, settings.halflife_cor, settings.nw_lags_cor, days)
    repaired = np.zeros(len(days), np.bool_)
    if not settings.nw_lags_cor:
        return correlation_of(products), repaired
    with context.step("factor correlations", len(days)) as advance:
        for d in range(len(days)):
            products[d], repaired[d] = nearest_correlation(products[d])
            advance()
    return products, repaired
