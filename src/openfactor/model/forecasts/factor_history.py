"""Returns of factors that begin and end, and volatilities of those that are too young for their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
ENOUGH_DAYS = 21
"""Days that a volatility or a correlation must rest on before others are measured by it, or before it is used
in place of that of its group: with a day or two it is arbitrary."""


class FactorHistory(NamedTuple):
    """Returns of K factors on the T days of a history."""

    returns: Float
    """(T, K) per trading period, fractions; NaN on days on which a factor had no exposure."""
    group: NDArray[np.int64]
    """(K,) the group of each factor."""
    n_days: NDArray[np.int64]
    """(T, K) days with a return up to each day."""

    @classmethod
    def of(cls, returns: Float, has_exposure: Mask | None, groups: Sequence[str] | None) -> FactorHistory:
        """The history of returns (T, K).

        Parameters
        ----------
        has_exposure
            (T, K) the return counts; None: all do.
        groups
            (K,) group of each factor; None: each factor is a group by itself.
        """
        n_factors = returns.shape[1]
        group = np.arange(n_factors) if groups is None else np.unique(list(groups), return_inverse=True)[1]
        counts = np.ones(returns.shape, np.bool_) if has_exposure is None else has_exposure
        values = returns if counts.all() else np.where(counts, returns, np.nan)
        return cls(values, group.astype(np.int64), np.cumsum(counts, axis=0))

    @property
    def is_complete(self) -> bool:
        """All factors have a return on all days."""
        return bool(np.isfinite(self.returns).all())

    @property
    def enough(self) -> NDArray[np.int64]:
        """(T,) days that are enough, as known on each day: in a shorter history, all of it."""
        return np.asarray(np.minimum(self.n_days.max(axis=1, initial=0), ENOUGH_DAYS))

    def until(self, day: int) -> FactorHistory:
        """The days up to `day`, included."""
        kept = slice(0, day + 1)
        return FactorHistory(self.returns[kept], self.group, self.n_days[kept])


class Volatilities(NamedTuple):
    """Volatilities on some days, some of them lent by the factor's group."""

    volatility: Float
    """(D, K)"""
    is_prior: Mask
    """(D, K) it is the mean of the group's other factors."""


def with_prior(
    volatility: Float, history: FactorHistory, days: NDArray[np.int64], known: Mask
) -> Volatilities:
    """Volatilities on some days; those of factors with too few days are the mean of their group's others.

    Where the group has no other, the volatility of the few days stands.

    Parameters
    ----------
    volatility
        (T, K) of the factors' own days.
    known
        (D, K) assets are exposed to the factor.
    """
    n_days, enough, out = history.n_days[days], history.enough[days, None], volatility[days]
    is_young = (n_days < enough) & known
    is_old, is_prior = n_days >= np.maximum(enough, 1), np.zeros(is_young.shape, np.bool_)
    for g in np.unique(history.group[is_young.any(axis=0)]):
        lenders = is_old & (history.group == g)
        number = lenders.sum(axis=1)
        mean = np.where(lenders, out, 0.0).sum(axis=1) / np.maximum(number, 1)
        is_lent = is_young & (history.group == g) & (number > 0)[:, None]
        out = np.where(is_lent, mean[:, None], out)
        is_prior |= is_lent
    return Volatilities(out, is_prior)
