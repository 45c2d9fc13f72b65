"""What estimation gives."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

STATUSES = (
    "ok",
    "first_day",
    "no_returns",
    "no_exposures",
    "rank_deficient",
)
"""What became of a day: estimated; no day before it; no name with a return; no name with a return and
all exposures; estimated with the minimum-norm solution, because the factors could not be told apart."""

SOLVERS = ("none", "normal_equations", "svd")


@dataclass(frozen=True)
class Estimates:
    """Factor and specific returns, and how they came about.

    T trading days, K factors of all S stages in the order of `pairs`. Values by asset lie beside the rows of
    the dataset's panel: the row of day p holds what happened from p to the next trading day.
    """

    fingerprint: str
    dates: tuple[dt.date, ...]
    pairs: tuple[tuple[str, str], ...]
    """Group and factor, sorted."""
    stage: NDArray[np.int64]
    """(K,) the stage, from 0, of which each factor is."""
    factor_returns: Float
    """(T, K); 0.0 on days without a regression and for factors without exposure; known ones as given."""
    standard_errors: Float
    """(T, K); NaN where there is no estimate."""
    vif: Float
    """(T, K) variance inflation factors; NaN also where factors could not be told apart."""
    effective_names: Float
    """(T, K) effective number of names of each category; NaN for dense factors."""
    exposed: NDArray[np.bool_]
    """(T, K) the factor had an exposure that day."""
    status: NDArray[np.int8]
    """(S, T) index into STATUSES."""
    solver: NDArray[np.int8]
    """(S, T) index into SOLVERS."""
    n: NDArray[np.int64]
    """(S, T) assets in the estimation set."""
    rank: NDArray[np.int64]
    """(S, T) rank of the constrained design."""
    r2: Float
    """(S, T) weighted R squared on the clipped returns that the stage explains."""
    condition: Float
    """(S, T) condition number of the scaled normal equations."""
    asset_return: Float
    """(rows,) return in the model's currency, NaN outside of the universe."""
    specific_return: Float
    """(rows,) asset_return - exposures . factor_returns; NaN where an exposure is missing."""
    weight: Float
    """(S, rows) regression weight; those of one day sum to one."""

    @property
    def factors(self) -> tuple[str, ...]:
        """`{group}.{factor}`."""
        return tuple(f"{group}.{factor}" for group, factor in self.pairs)

    @property
    def estimated(self) -> NDArray[np.bool_]:
        """(T,) days with a regression."""
        return np.asarray(self.n[0] > 0)

    def __repr__(self) -> str:
        r2 = self.r2[0][np.isfinite(self.r2[0])]
        fit = f", mean R2 {r2.mean():.3f}" if len(r2) else ""
        return (
            f"<Estimates {self.dates[0]} to {self.dates[-1]}: {len(self.factors)} factors, "
            f"{self.estimated.sum()} regressions{fit}>"
        )
