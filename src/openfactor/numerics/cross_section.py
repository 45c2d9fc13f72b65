"""The cross-sectional regression of a day.

Minimise  sum_i w_i (r_i - x_i'f)^2 + sum_k lambda_k f_k^2  subject to  C f = 0,  where the weights w sum
to one, C holds one zero-sum row for each constrained categorical group, and lambda shrinks thin
categories. The fast path solves the normal equations with the constraints (`normal_equations`); where their
condition number is too large, an orthogonal path gives the minimum-norm solution (`minimum_norm`).
`robust` repeats the solution with lower weights for large residuals.

An observation is a listing on a day. Returns are simple returns as fractions, of one day or as many as they
cover; factor returns, specific returns and standard errors are fractions too, never annualised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics import normal_equations as kernels
from openfactor.numerics.minimum_norm import minimum_norm_solution
from openfactor.numerics.normal_equations import ColumnRules, DaySolutions, DesignBlocks
from openfactor.numerics.scores import robust_bounds

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]

MAX_CONDITION = 1e10
"""Largest condition number (1-norm, unit diagonal) of the normal equations that the fast path takes."""

SPREAD, ROUNDING = 1e-9, 1e-14
"""Returns whose spread is below the first, as a share of their size, or below the second are equal but for
rounding. Returns are differences from one, whence the second."""

EXACT = 1e-12
"""Residuals below this share of the returns, or below ROUNDING, are rounding."""

NONE, EQUAL, CAP_WEIGHTED = 0, 1, 2
"""Kinds of zero-sum constraint."""


@dataclass(frozen=True)
class RegressionDesign:
    """What does not change from day to day: the K columns and the rules of the regression.

    Columns are the dense factors, then the G categorical groups one after another.
    """

    n_dense: int
    """Columns of dense factors."""
    group_first: Int
    """(G,) first column of each categorical group."""
    group_last: Int
    """(G,) one past its last column."""
    zero_sum: Int
    """(G,) kind of constraint: NONE, EQUAL or CAP_WEIGHTED."""
    min_names: Float
    """(K,) effective number of names below which a column is shrunk; 0: never."""
    shrinkage_overrides: Float
    """(K,) lambda of a category as a multiple of its diagonal; NaN: from `min_names`."""
    clip_bounds: tuple[float, float] = (-np.inf, np.inf)
    """Bounds on the returns that are estimated on, as fractions."""
    clip_deviations: float | None = None
    """If given, returns are clipped at this many robust standard deviations from the day's median instead."""
    diagonal_group: tuple[int, int] = (0, 0)
    """First and one past the last column of a group in which no observation has two categories; the wider it
    is, the less there is to solve. (0, 0): no such group."""

    @property
    def n_factors(self) -> int:
        """K."""
        return len(self.min_names)

    @property
    def rules(self) -> ColumnRules:
        """What the kernels need of it."""
        return ColumnRules(
            self.min_names, self.shrinkage_overrides, self.group_first, self.group_last, self.zero_sum,
            *self.diagonal_group,
        )  # fmt: skip


@dataclass(frozen=True)
class RegressionBatch:
    """The N observations of B days, one day after another."""

    dense: Float
    """(n_dense, N) NaN where an exposure is missing: such an observation is not estimated on."""
    codes: Codes
    """(m, N) column of the design that an observation loads on, -1 for none."""
    loadings: Float
    """(m, N) the loadings."""
    weights: Float
    """(N,) unscaled regression weights; 0 outside of the estimation set."""
    returns: Float
    """(N,) simple returns as fractions, NaN where there is none."""
    market_cap: Float
    """(N,) in one currency, for cap-weighted constraints; not NaN where there is a weight."""
    starts: Int
    """(B,) first observation of each day."""
    stops: Int
    """(B,) one past its last observation."""
    known_returns: Float | None = None
    """(N,) part of the clipped returns that known factors explain; the regression is on the rest."""

    @classmethod
    def single_day(
        cls,
        dense: Float,
        codes: Codes,
        loadings: Float,
        weights: Float,
        returns: Float,
        market_cap: Float,
        known_returns: Float | None = None,
    ) -> RegressionBatch:
        """The observations of one day."""
        start, stop = np.zeros(1, np.int64), np.array([len(weights)], np.int64)
        return cls(dense, codes, loadings, weights, returns, market_cap, start, stop, known_returns)

    @property
    def blocks(self) -> DesignBlocks:
        """The design matrix, as kernels take it."""
        return DesignBlocks(self.dense, self.codes, self.loadings)


@dataclass(frozen=True)
class RegressionResults:
    """The regressions of B days, whose N observations lie one after another."""

    factor_returns: Float
    """(B, K) as fractions; 0.0 for factors without exposure."""
    standard_errors: Float
    """(B, K) of the factor returns. NaN for factors without exposure or without freedom, as the only category
    of a group with a zero sum, for factors that cannot be told apart, and on days without spread or degrees
    of freedom."""
    vif: Float
    """(B, K) variance inflation factors, at least 1; NaN for factors without exposure or freedom, and where
    factors could not be told apart."""
    effective_names: Float
    """(B, K) (sum w x)^2 / sum (w x)^2 of categories; NaN for other columns and empty categories."""
    has_exposure: Mask
    """(B, K) an observation that is estimated on has an exposure other than 0 to the factor."""
    n: Int
    """(B,) observations in the estimation set; 0: there was nothing to regress."""
    rank: Int
    """(B,) rank of the constrained design: factor returns that are free to move."""
    r2: Float
    """(B,) share of the weighted variance that is explained, 1 - sum w e^2 / sum w (r - mean_w r)^2 on
    clipped returns r with the residuals e; at most 1, below 0 where the mean alone fits better. NaN without
    spread or degrees of freedom."""
    condition_number: Float
    """(B,) how much the solution can magnify relative errors of the normal equations, once these are scaled
    to a unit diagonal: the product of the 1-norms of matrix and constrained inverse, or, by SVD, the squared
    ratio of the extreme singular values of the scaled design; at least 1, infinite where columns cannot be
    told apart, NaN without a regression."""
    solved_by_svd: Mask
    """(B,) solved by the orthogonal path, since the condition number exceeded MAX_CONDITION or the
    elimination broke down."""
    is_rank_deficient: Mask
    """(B,) some columns cannot be told apart, for they are linear combinations of others: the fit is unique,
    the factor returns are those of minimum norm. False where columns are merely pinned by constraints."""
    has_spread: Mask
    """(B,) the returns differ by more than rounding."""
    is_exact_fit: Mask
    """(B,) no residual is left to judge the fit by: without degrees of freedom, or all are rounding."""
    has_converged: Mask
    """(B,) False for a robust fit that was still moving at the last step."""
    n_clipped: Int
    """(B,) observations in the estimation set whose return was clipped."""
    specific_return: Float
    """(N,) unclipped return - known part - exposures . factor returns, also outside of the estimation set;
    NaN where the return or a dense exposure is missing."""
    weight: Float
    """(N,) regression weights; those of a day sum to one, 0 outside of the estimation set."""


def design_matrix(dense: Float, codes: Codes, loadings: Float, n_factors: int) -> Float:
    """The design matrix (n, K) with categories spelled out, for where blocks will not do.

    Parameters
    ----------
    dense : (n_dense, n) exposures to the first columns; NaN is kept
    codes, loadings : (m, n) column and loading of the categories, column -1 for none
    n_factors : K
    """
    x = np.zeros((n_factors, dense.shape[1]))  # by column, as the exposures come
    x[: dense.shape[0]] = dense
    for code, loading in zip(codes, loadings, strict=True):
        members = np.flatnonzero(code >= 0)
        np.add.at(x, (code[members], members), loading[members])
    return x.T


def clipped_returns(design: RegressionDesign, batch: RegressionBatch) -> Float:
    """(N,) the returns that are estimated on; NaN stays NaN.

    Bounds in robust deviations are those of the day's estimation set.
    """
    returns = batch.returns
    if design.clip_deviations is None:
        unbounded = design.clip_bounds == (-np.inf, np.inf)
        return returns if unbounded else np.clip(returns, *design.clip_bounds)
    out = returns.copy()
    complete = np.isfinite(batch.dense).all(axis=0) & np.isfinite(returns) & (batch.weights > 0)
    for start, stop in zip(batch.starts, batch.stops, strict=True):
        day = out[start:stop]
        np.clip(day, *robust_bounds(day[complete[start:stop]], design.clip_deviations), out=day)
    return out


def fit_days(design: RegressionDesign, batch: RegressionBatch) -> RegressionResults:
    """Regress each day's returns on the exposures known before it.

    Standard errors are sqrt(s^2 diag(P G0 P)): s^2 = sum w~ e^2 / (n - rank), w~ = weights scaled to mean
    one, P the constrained inverse and G0 the Gram matrix without penalties, both in the weights w~.

    References
    ----------
    Greene, Econometric Analysis, 7th ed. (2012), chapters 5 (restricted least squares) and 9 (weights).
    """
    clipped = clipped_returns(design, batch)
    target = clipped if batch.known_returns is None else clipped - batch.known_returns
    days = kernels.no_solutions(len(batch.starts), design.n_factors, len(target))
    kernels.solve_days(
        batch.blocks, batch.weights, target, batch.market_cap, batch.starts, batch.stops, design.rules, days
    )
    solved_by_svd = (days.n > 0) & ~(days.solved & (days.condition_number <= MAX_CONDITION))
    is_rank_deficient = np.zeros(len(days.n), np.bool_)
    for d in np.flatnonzero(solved_by_svd).tolist():
        is_rank_deficient[d] = _solve_by_svd(design, batch, target, days, d)
    if batch.known_returns is not None:  # the spread is that of all that is explained
        for d, rows in enumerate(map(slice, batch.starts, batch.stops)):
            residuals, weight = days.residuals[rows], days.weight[rows]
            squares = kernels.sums_of_squares(residuals, clipped[rows], weight)
            _, days.squared_deviations[d], days.squared_returns[d] = squares
    n_clipped = np.zeros(len(days.n), np.int64)
    if clipped is not batch.returns:
        n_clipped = kernels.restore_clipped(
            days.residuals, batch.returns, clipped, days.weight, batch.starts, batch.stops
        )
    return _results(days, solved_by_svd, is_rank_deficient, n_clipped)


def _solve_by_svd(
    design: RegressionDesign, batch: RegressionBatch, target: Float, days: DaySolutions, d: int
) -> bool:
    """Replace the solution of day d by that of minimum norm; whether columns cannot be told apart."""
    begin, end = int(batch.starts[d]), int(batch.stops[d])
    rows = slice(begin, end)
    weight, y, active = days.weight[rows], target[rows], days.has_exposure[d]
    day = kernels.assemble(batch.blocks, weight, target, batch.market_cap, design.rules, begin, end)
    x = design_matrix(batch.dense[:, rows], batch.codes[:, rows], batch.loadings[:, rows], design.n_factors)
    used = np.flatnonzero(weight)
    solution = minimum_norm_solution(x[used], weight[used], y[used], day.penalty, day.constraints, active)
    days.factor_returns[d], days.rank[d] = solution.factor_returns, solution.rank
    days.condition_number[d] = solution.condition_number
    free = kernels.freedom(day.constraints, active)
    days.variance[d] = solution.sampling_variance(day.gram, free)
    is_rank_deficient = bool(solution.aliased.any())
    if not is_rank_deficient:
        days.vif[d] = kernels.variance_inflation(day.gram, solution.inverse, day.means, day.constraints, free)
    days.residuals[rows] = y - x @ days.factor_returns[d]
    squares = kernels.sums_of_squares(days.residuals[rows], y, weight)
    days.squared_residuals[d], days.squared_deviations[d], days.squared_returns[d] = squares
    return is_rank_deficient


def _results(
    days: DaySolutions, solved_by_svd: Mask, is_rank_deficient: Mask, n_clipped: Int
) -> RegressionResults:
    """The statistics of the solutions, whose residuals are those of unclipped returns."""
    n, rank, squares = days.n, days.rank, days.squared_residuals
    size, spread = days.squared_returns, days.squared_deviations
    has_spread = spread > np.maximum(SPREAD**2 * size, ROUNDING**2)
    is_exact_fit = (n > 0) & ((n <= rank) | ~(squares > np.maximum(EXACT**2 * size, ROUNDING**2)))
    # mean-one weights are n * weight: s^2 gains a factor n, the inverse loses it
    s2 = np.where(has_spread & ~is_exact_fit, squares / np.maximum(n - rank, 1), np.nan)
    return RegressionResults(
        factor_returns=days.factor_returns,
        standard_errors=np.where(days.has_exposure, np.sqrt(days.variance * s2[:, None]), np.nan),
        vif=days.vif,
        effective_names=days.effective_names,
        has_exposure=days.has_exposure,
        n=n,
        rank=rank,
        r2=1.0 - squares / np.where(has_spread & (n > rank), spread, np.nan),
        condition_number=days.condition_number,
        solved_by_svd=solved_by_svd,
        is_rank_deficient=is_rank_deficient,
        has_spread=has_spread,
        is_exact_fit=is_exact_fit,
        has_converged=np.ones(len(n), np.bool_),
        n_clipped=n_clipped,
        specific_return=days.residuals,
        weight=days.weight,
    )
