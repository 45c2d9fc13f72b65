"""The portfolios whose risk is forecast and whose returns are compared with the forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.model.diagnostics.snapshots import Snapshot
from openfactor.numerics.portfolio_risk import optimal_portfolios

Float = NDArray[np.float64]
_SHARE = 0.1
"""Share of the listings that a random long portfolio holds."""


@dataclass(frozen=True)
class PortfolioDraws:
    """Random numbers per listing (L) that make the test portfolios the same on every date, as far as their
    names are in the universe. Factors are portfolios too, but need no numbers.
    """

    long: Float
    """(n, L) weights, most of them 0."""
    long_short: Float
    """(n, L) weights."""
    subsets: Float
    """(n // 2 + 1, L) not zero for the names that a minimum-variance portfolio chooses from; all in the
    first."""
    alphas: Float
    """(n // 2, L) expected returns that a portfolio is optimised for."""

    @classmethod
    def of(cls, n_portfolios: int, n_listings: int, seed: int) -> PortfolioDraws:
        """Draw the numbers of `n_portfolios` portfolios of each random kind, of half as many optimised."""
        rng = np.random.default_rng(seed)
        all_of_them, half_of_them = (n_portfolios, n_listings), (n_portfolios // 2, n_listings)
        return cls(
            long=rng.exponential(size=all_of_them) * (rng.random(all_of_them) < _SHARE),
            long_short=rng.standard_normal(all_of_them),
            subsets=np.vstack([np.ones(n_listings), rng.random(half_of_them) < 0.5]),
            alphas=rng.standard_normal(half_of_them),
        )

    def labels(self, factors: Sequence[str]) -> list[tuple[str, str]]:
        """Kind and name of each test portfolio: the factors, then those of `weights`."""
        first = "minimum-variance"
        return [
            *(("factor", name) for name in factors),
            ("cap-weighted", "cap-weighted"),
            ("equally weighted", "equally weighted"),
            *(("random", f"random {i}") for i in range(len(self.long))),
            *(("long-short", f"long-short {i}") for i in range(len(self.long_short))),
            *((first, f"{first} {i}" if i else first) for i in range(len(self.subsets))),
            *(("optimised", f"optimised {i}") for i in range(len(self.alphas))),
        ]

    def weights(self, day: Snapshot) -> Float:
        """(B, n) weights on the names of a date, in any scale: by cap, equal, random, long-short, least
        variance, and least variance for an expected return.
        """
        listing = day.listing
        optimal = optimal_portfolios(self.alphas[:, listing], day.exposures, day.covariance, day.specific)
        return np.vstack(
            [
                day.cap,
                np.ones(len(listing)),
                self.long[:, listing],
                self.long_short[:, listing],
                _minimum_variance(self.subsets[:, listing] > 0, day),
                optimal,
            ]
        )


def _minimum_variance(subsets: NDArray[np.bool_], day: Snapshot) -> Float:
    """(B, n) fully invested portfolios of least variance, each of the names of a row of `subsets`;
    NaN without names.
    """
    out = np.zeros(subsets.shape)
    for b, inside in enumerate(subsets):
        if not inside.any():  # no portfolio
            out[b] = np.nan
            continue
        ones = np.ones((1, int(inside.sum())))
        weights = optimal_portfolios(ones, day.exposures[inside], day.covariance, day.specific[inside])
        with np.errstate(divide="ignore", invalid="ignore"):
            out[b, inside] = weights[0] / weights.sum()
    return out
