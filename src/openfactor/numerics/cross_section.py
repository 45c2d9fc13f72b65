"""The cross-sectional regression of one day.

Minimise  sum_i w_i (r_i - x_i'f)^2 + sum_k lambda_k f_k^2  subject to  C f = 0,  where the weights w sum
to one, C holds one zero-sum row for each constrained categorical group, and lambda shrinks thin
categories. The fast path solves the normal equations with the constraints (`normal_equations`); where their
condition number is too large, an orthogonal path (SVD of the scaled design in the null space of C) gives
the minimum-norm solution. `robust` repeats the solution with weights that large residuals lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics import normal_equations as kernels
from openfactor.numerics.scores import robust_bounds

Float = NDArray[np.float64]

MAX_CONDITION = 1e10
"""Largest condition number (1-norm, unit diagonal) of the normal equations that the fast path takes."""

SPREAD, ROUNDING = 1e-9, 1e-14
"""Returns whose spread is below this share of their size, or below the second, do not differ but for
rounding. Returns are differences from one, whence the second."""

EXACT = 1e-12
"""Residuals below this share of the returns, or below ROUNDING, are rounding."""

ALIASED = 1e-6
"""Part of a factor in the directions in which nothing changes, above which it is not rounding."""

NONE, EQUAL, CAP_WEIGHTED = 0, 1, 2
"""Kinds of zero-sum constraint."""


@dataclass(frozen=True)
class RegressionDesign:
    """What does not change from day to day: the columns and the rules of the regression.

    Columns are the dense factors, then the categorical groups one after another.
    """

    n_dense: int
    group_first: NDArray[np.int64]
    """(G,) first column of each categorical group."""
    group_last: NDArray[np.int64]
    """(G,) one past its last column."""
    zero_sum: NDArray[np.int64]
    """(G,) kind of constraint: NONE, EQUAL or CAP_WEIGHTED."""
    min_names: Float
    """(K,) effective number of names below which a column is shrunk; 0: never."""
    shrinkage_overrides: Float
    """(K,) lambda of a category as a multiple of its diagonal; NaN: from `min_names`."""
    clip_bounds: tuple[float, float] = (-np.inf, np.inf)
    """Bounds on the returns that are estimated on."""
    clip_deviations: float | None = None
    """Instead: the bounds of a day are so many robust standard deviations from the median of its names."""
    diagonal_group: tuple[int, int] = (0, 0)
    """First and one past the last column of a group in which no name has two categories; the wider it
    is, the less there is to solve. (0, 0): no such group."""

    @property
    def n_factors(self) -> int:
        return len(self.min_names)


@dataclass(frozen=True)
class RegressionBatch:
    """The names of B days, one day after another."""

    dense: Float
    """(n_dense, n) NaN where an exposure is missing."""
    codes: NDArray[np.int32]
    """(m, n) column of the design that a name loads on, -1 for none."""
    loadings: Float
    """(m, n) the loadings."""
    weights: Float
    """(n,) unscaled regression weights; 0 outside of the estimation set."""
    returns: Float
    """(n,) simple returns as fractions, NaN where there is none."""
    market_cap: Float
    """(n,) market caps, for cap-weighted constraints."""
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    """(B,) the names of day b are starts[b]:stops[b]."""
    known_returns: Float | None = None
    """(n,) part of the clipped returns that known factors explain; the regression is on the rest."""

    @classmethod
    def single_day(
        cls,
        dense: Float,
        codes: NDArray[np.int32],
        loadings: Float,
        weights: Float,
        returns: Float,
        market_cap: Float,
        known_returns: Float | None = None,
    ) -> RegressionBatch:
        """The names of a single day."""
        start, stop = np.zeros(1, np.int64), np.array([len(weights)], np.int64)
        return cls(dense, codes, loadings, weights, returns, market_cap, start, stop, known_returns)


@dataclass(frozen=True)
class RegressionResults:
    """The regressions of B days, whose n names lie one after another."""

    factor_returns: Float
    """(B, K); 0.0 for factors without exposure."""
    standard_errors: Float
    """(B, K); NaN for factors without exposure or without freedom, as the only category of a group with a
    zero sum, for factors that cannot be told apart, and on days without spread or degrees of freedom."""
    vif: Float
    """(B, K) variance inflation factors; NaN for factors without exposure or freedom, and where factors could
    not be told apart."""
    effective_names: Float
    """(B, K) of categories."""
    has_exposure: NDArray[np.bool_]
    """(B, K) the factor has an exposure."""
    n: NDArray[np.int64]
    """(B,) names in the estimation set; 0: there was nothing to regress."""
    rank: NDArray[np.int64]
    """(B,) rank of the constrained design."""
    r2: Float
    """(B,) 1 - sum w e^2 / sum w (r - mean_w r)^2 on clipped returns; NaN without spread or degrees of
    freedom."""
    condition_number: Float
    """(B,) condition number of the normal equations, 1-norm, scaled to a unit diagonal."""
    solved_by_svd: NDArray[np.bool_]
    """(B,) solved by the orthogonal path."""
    is_rank_deficient: NDArray[np.bool_]
    """(B,) there are columns that cannot be told apart: the minimum-norm solution."""
    has_spread: NDArray[np.bool_]
    """(B,) the returns differ by more than rounding."""
    is_exact_fit: NDArray[np.bool_]
    """(B,) no residual is left to judge the fit by: without degrees of freedom, or all are rounding."""
    has_converged: NDArray[np.bool_]
    """(B,) False for a robust fit that was still moving at the last step."""
    n_clipped: NDArray[np.int64]
    """(B,) names in the estimation set whose return was clipped."""
    specific_return: Float
    """(n,) return - what is given - exposures . factor returns."""
    weight: Float
    """(n,) weights; those of a day sum to one."""


def design_matrix(dense: Float, codes: NDArray[np.int32], loads: Float, n_factors: int) -> Float:
    """The whole design matrix (n, K) with categories spelled out, for where blocks will not do."""
    x = np.zeros((n_factors, dense.shape[1]))  # by column, as the exposures come
    x[: dense.shape[0]] = dense
    for code, load in zip(codes, loads, strict=True):
        held = np.flatnonzero(code >= 0)
        np.add.at(x, (code[held], held), load[held])
    return x.T


@dataclass(frozen=True)
class Orthogonal:
    """A minimum-norm solution by SVD."""

    factor_returns: Float
    """(K,)"""
    inverse: Float
    """(K, K) the constrained inverse P, of minimum norm."""
    sandwich: Float
    """(K, K) P G0 P, with the Gram matrix G0 without penalties."""
    rank: int
    condition: float
    """Of the scaled design, squared, to compare with the fast path's."""
    aliased: NDArray[np.bool_]
    """(K,) other values of the factor would fit as well: another column, or a sum of some, says the same."""

    def variance(self, gram: Float, free: Float) -> Float:
        """The diagonal (K,) of P G0 P, NaN for columns that are aliased or not free, as of
        `kernels.sampling_variance`."""
        held = np.minimum(free, np.diag(self.inverse) * np.diag(gram)) <= kernels.PINNED
        return np.where(held | self.aliased, np.nan, np.diag(self.sandwich))


def solve_orthogonal(
    x: Float, omega: Float, y: Float, penalty: Float, constraints: Float, active: NDArray[np.bool_]
) -> Orthogonal:
    """The minimum-norm solution, whose rank does not depend on the units of the columns."""
    k = len(active)
    weighted = np.sqrt(omega)[:, None] * x
    rows = np.vstack([weighted, np.diag(np.sqrt(penalty))])
    largest = np.abs(x).max(axis=0, initial=0.0)
    scale = np.where(active, 1.0 / np.where(active, largest, 1.0), 0.0)
    c = constraints * scale
    c = c[np.any(c != 0, axis=1)]
    basis = np.eye(k)[:, active]
    if len(c):
        c /= np.linalg.norm(c, axis=1)[:, None]
        _, s, vt = np.linalg.svd(c @ basis)
        basis = basis @ vt[int(np.sum(s > 0)) :].T
    if basis.shape[1] == 0:
        nothing = np.zeros((k, k))
        return Orthogonal(np.zeros(k), nothing, nothing, 0, 1.0, np.zeros(k, np.bool_))
    u, s, vt = np.linalg.svd((rows * scale) @ basis, full_matrices=False)
    keep = s > s[0] * max(rows.shape) * np.finfo(np.float64).eps
    same = basis @ vt[~keep].T  # directions in which nothing changes
    v = scale[:, None] * (basis @ vt[keep].T) / s[keep]
    if same.shape[1]:
        nothing, _ = np.linalg.qr(scale[:, None] * same)
        v -= nothing @ (nothing.T @ v)
    b = np.concatenate([np.sqrt(omega) * y, np.zeros(k)])
    w = weighted @ v
    return Orthogonal(
        factor_returns=v @ (u[:, keep].T @ b),
        inverse=v @ v.T,
        sandwich=v @ (w.T @ w) @ v.T,
        rank=int(keep.sum()),
        condition=float((s[0] / s[-1]) ** 2) if s[-1] > 0 else np.inf,
        aliased=np.linalg.norm(same, axis=1) > ALIASED,
    )


def clipped_returns(design: RegressionDesign, batch: RegressionBatch) -> Float:
    """(n,) the returns that are estimated on."""
    returns = batch.returns
    if design.clip_deviations is None:
        return returns if design.clip_bounds == (-np.inf, np.inf) else np.clip(returns, *design.clip_bounds)
    out = returns.copy()
    whole = np.isfinite(batch.dense).all(axis=0) & np.isfinite(returns) & (batch.weights > 0)
    for start, stop in zip(batch.starts, batch.stops, strict=True):
        day = out[start:stop]
        np.clip(day, *robust_bounds(day[whole[start:stop]], design.clip_deviations), out=day)
    return out


def fit_days(design: RegressionDesign, batch: RegressionBatch) -> RegressionResults:
    """Regress each day's returns on the exposures known before it.

    Standard errors are sqrt(s^2 diag(P G0 P)): s^2 = sum w~ e^2 / (n - rank), w~ = weights scaled to mean
    one, P the constrained inverse and G0 the Gram matrix without penalties, both in the weights w~.
    """
    dense, codes, loads, caps = batch.dense, batch.codes, batch.loadings, batch.market_cap
    starts, stops = batch.starts, batch.stops
    clipped = clipped_returns(design, batch)
    y = clipped if batch.known_returns is None else clipped - batch.known_returns
    solved, f, variance, vif, effective, active, counts, sizes, specific, omega = kernels.fit_days(
        dense, codes, loads, batch.weights, y, caps, starts, stops, design.min_names,
        design.shrinkage_overrides, design.group_first, design.group_last, design.zero_sum,
        *design.diagonal_group,
    )  # fmt: skip
    orthogonal = (counts[:, 0] > 0) & ~(solved & (sizes[:, 0] <= MAX_CONDITION))
    deficient = np.zeros(len(starts), np.bool_)
    for d in np.flatnonzero(orthogonal).tolist():
        rows = slice(starts[d], stops[d])
        w = omega[rows]
        gram, _, means, penalty, constraints, _, _ = kernels.assemble(
            dense, codes, loads, w, y, caps, design.min_names, design.shrinkage_overrides,
            design.group_first, design.group_last, design.zero_sum, starts[d], stops[d],
        )  # fmt: skip
        x = design_matrix(dense[:, rows], codes[:, rows], loads[:, rows], design.n_factors)
        used = np.flatnonzero(w)
        found = solve_orthogonal(x[used], w[used], y[rows][used], penalty, constraints, active[d])
        f[d], counts[d, 1], sizes[d, 0] = found.factor_returns, found.rank, found.condition
        deficient[d] = found.aliased.any()
        free = kernels.freedom(constraints, active[d])
        variance[d] = found.variance(gram, free)
        if not deficient[d]:
            vif[d] = kernels.variance_inflation(gram, found.inverse, means, constraints, free)
        specific[rows] = y[rows] - x @ f[d]
        sizes[d, 1:] = kernels.sums_of_squares(specific[rows], y[rows], w)
    if batch.known_returns is not None:  # the spread is that of all that is explained
        for d in range(len(starts)):
            rows = slice(starts[d], stops[d])
            sizes[d, 2:] = kernels.sums_of_squares(specific[rows], clipped[rows], omega[rows])[1:]
    n_clipped = np.zeros(len(starts), np.int64)
    if clipped is not batch.returns:
        n_clipped = kernels.restore_clipped(specific, batch.returns, clipped, omega, starts, stops)
    n, rank = counts.T
    squares, spread, size = sizes[:, 1:].T
    differ = spread > np.maximum(SPREAD**2 * size, ROUNDING**2)
    exact = (n > 0) & ((n <= rank) | ~(squares > np.maximum(EXACT**2 * size, ROUNDING**2)))
    judged = differ & ~exact
    # mean-one weights are n * omega: s^2 gains a factor n, the inverse loses it
    error = np.where(judged, squares / np.maximum(n - rank, 1), np.nan)
    return RegressionResults(
        factor_returns=f,
        standard_errors=np.where(active, np.sqrt(variance * error[:, None]), np.nan),
        vif=vif,
        effective_names=effective,
        has_exposure=active,
        n=n,
        rank=rank,
        r2=1.0 - squares / np.where(differ & (n > rank), spread, np.nan),
        condition_number=sizes[:, 0],
        solved_by_svd=orthogonal,
        is_rank_deficient=deficient,
        has_spread=differ,
        is_exact_fit=exact,
        has_converged=np.ones(len(n), np.bool_),
        n_clipped=n_clipped,
        specific_return=specific,
        weight=omega,
    )
