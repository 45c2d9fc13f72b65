"""Random days for the regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openfactor.numerics.cross_section import (
    RegressionBatch,
    RegressionDesign,
    RegressionResults,
    design_matrix,
    fit_days,
)
from openfactor.numerics.robust import fit_robustly


@dataclass
class Fit:
    """A day of `RegressionResults`, without the dimension of days."""

    factor_returns: np.ndarray
    standard_errors: np.ndarray
    vif: np.ndarray
    effective_names: np.ndarray
    has_exposure: np.ndarray
    n: int
    rank: int
    r2: float
    condition_number: float
    solved_by_svd: bool
    is_rank_deficient: bool
    has_spread: bool
    is_exact_fit: bool
    has_converged: bool
    n_clipped: int
    specific_return: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, fits: RegressionResults) -> Fit:
        values = {name: getattr(fits, name) for name in cls.__dataclass_fields__}
        return cls(**{n: v if n in ("specific_return", "weight") else v[0] for n, v in values.items()})


@dataclass
class Day:
    design: RegressionDesign
    dense: np.ndarray
    codes: np.ndarray
    loadings: np.ndarray
    weights: np.ndarray
    returns: np.ndarray
    market_cap: np.ndarray

    def fit(self) -> Fit:
        """The regression as the product makes it."""
        return Fit.of(fit_days(self.design, self.batch))

    def fit_robustly(self, epsilon: float) -> Fit:
        return Fit.of(fit_robustly(self.design, epsilon, self.batch))

    @property
    def batch(self) -> RegressionBatch:
        return RegressionBatch.single_day(
            self.dense, self.codes, self.loadings, self.weights, self.returns, self.market_cap
        )  # fmt: skip

    @property
    def x(self) -> np.ndarray:
        return design_matrix(self.dense, self.codes, self.loadings, self.design.n_factors)


def _memberships(
    rng: np.random.Generator, n: int, starts: np.ndarray, sizes: tuple[int, ...], spread: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and loadings (m, n) of one category per group; spread : at times of two, which share the
    loading."""
    codes, loadings = [], []
    for start, size in zip(starts, sizes, strict=False):
        first = rng.integers(0, size, n)
        codes.append(start + first)
        loadings.append(np.ones(n))
        if spread:  # a second category with the rest of the membership
            share = rng.uniform(0.2, 0.8, n)
            loadings[-1] = share
            codes.append(np.where(rng.random(n) < 0.3, -1, start + (first + 1) % size))
            loadings.append(1 - share)
    return np.array(codes, np.int32).reshape(-1, n), np.array(loadings).reshape(-1, n)


def random_day(
    seed: int,
    n: int = 40,
    n_dense: int = 3,
    sizes: tuple[int, ...] = (4,),
    zero_sum: tuple[int, ...] = (2,),
    min_names: float = 0.0,
    spread: bool = False,
    clip_bounds: tuple[float, float] = (-np.inf, np.inf),
    eliminate: bool = True,
) -> Day:
    """Dense factors of which the first is one everywhere, and a categorical group for each size."""
    rng = np.random.default_rng(seed)
    dense = rng.standard_normal((n_dense, n))
    if n_dense:
        dense[0] = 1.0
    starts = n_dense + np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    codes, loadings = _memberships(rng, n, starts, sizes, spread)
    market_cap = rng.lognormal(10, 1.5, n)
    return Day(
        design=RegressionDesign(
            n_dense=n_dense,
            group_first=starts[:-1],
            group_last=starts[1:],
            zero_sum=np.array(zero_sum, np.int64),
            min_names=np.concatenate([np.zeros(n_dense), np.full(sum(sizes), min_names)]),
            shrinkage_overrides=np.full(n_dense + sum(sizes), np.nan),
            clip_bounds=clip_bounds,
            diagonal_group=(int(starts[0]), int(starts[1])) if eliminate and sizes and not spread else (0, 0),
        ),
        dense=dense,
        codes=codes,
        loadings=loadings,
        weights=np.sqrt(market_cap),
        returns=rng.normal(0, 0.02, n),
        market_cap=market_cap,
    )
