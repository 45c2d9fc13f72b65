"""The cross-sectional regression of one day.

Minimise  sum_i w_i (r_i - x_i'f)^2 + sum_k lambda_k f_k^2  subject to  C f = 0,  where the weights w sum
to one, C holds one zero-sum row for each constrained categorical group, and lambda shrinks thin
categories. The fast path solves the normal equations with the constraints (`normal_equations`); where their
condition number is too large, an orthogonal path (SVD of the scaled design in the null space of C) gives
the minimum-norm solution. Robust fits repeat this with weights that large residuals lower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics import normal_equations as kernels
from openfactor.numerics.robust import huber_scale

Float = NDArray[np.float64]

MAX_CONDITION = 1e10
"""Largest condition number (1-norm, unit diagonal) of the normal equations that the fast path takes."""

MAX_STEPS, TOLERANCE = 100, 1e-10
"""Of reweighting: most steps, and the change of factor returns, in units of the scale, that ends it."""

NONE, EQUAL, CAP_WEIGHTED = 0, 1, 2
"""Kinds of zero-sum constraint."""


@dataclass(frozen=True)
class Design:
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
    overrides: Float
    """(K,) lambda of a category as a multiple of its diagonal; NaN: from `min_names`."""
    clip: tuple[float, float] = (-np.inf, np.inf)
    """Bounds on the returns that are estimated on."""
    diagonal: tuple[int, int] = (0, 0)
    """First and one past the last column of a group in which no name has two categories; the wider it
    is, the less there is to solve. (0, 0): no such group."""

    @property
    def n_factors(self) -> int:
        return len(self.min_names)


@dataclass(frozen=True)
class Sample:
    """The names of B days, one day after another."""

    dense: Float
    """(n_dense, n) NaN where an exposure is missing."""
    codes: NDArray[np.int32]
    """(m, n) column of the design that a name loads on, -1 for none."""
    loads: Float
    """(m, n) the loadings."""
    weights: Float
    """(n,) unscaled regression weights; 0 outside of the estimation set."""
    returns: Float
    """(n,) simple returns as fractions, NaN where there is none."""
    caps: Float
    """(n,) market caps, for cap-weighted constraints."""
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    """(B,) the names of day b are starts[b]:stops[b]."""

    @classmethod
    def of_day(
        cls,
        dense: Float,
        codes: NDArray[np.int32],
        loads: Float,
        weights: Float,
        returns: Float,
        caps: Float,
    ) -> Sample:
        """The names of a single day."""
        start, stop = np.zeros(1, np.int64), np.array([len(weights)], np.int64)
        return cls(dense, codes, loads, weights, returns, caps, start, stop)


@dataclass(frozen=True)
class Fits:
    """The regressions of B days, whose n names lie one after another."""

    factor_returns: Float
    """(B, K); 0.0 for factors without exposure."""
    standard_errors: Float
    """(B, K); NaN for factors without exposure, and where there are no degrees of freedom."""
    vif: Float
    """(B, K) variance inflation factors; NaN where factors could not be told apart."""
    effective_names: Float
    """(B, K) of categories."""
    active: NDArray[np.bool_]
    """(B, K) the factor has an exposure."""
    n: NDArray[np.int64]
    """(B,) names in the estimation set; 0: there was nothing to regress."""
    rank: NDArray[np.int64]
    """(B,) rank of the constrained design."""
    r2: Float
    condition: Float
    orthogonal: NDArray[np.bool_]
    """(B,) solved by the orthogonal path."""
    rank_deficient: NDArray[np.bool_]
    specific: Float
    """(n,) return - exposures . factor returns."""
    omega: Float
    """(n,) weights; those of a day sum to one."""


def dense_design(dense: Float, codes: NDArray[np.int32], loads: Float, n_factors: int) -> Float:
    """The whole design matrix (n, K) with categories spelled out, for where blocks will not do."""
    x = np.zeros((n_factors, dense.shape[1]))  # by column, as the exposures come
    x[: dense.shape[0]] = dense
    for code, load in zip(codes, loads, strict=True):
        held = np.flatnonzero(code >= 0)
        np.add.at(x, (code[held], held), load[held])
    return x.T


def _solve_orthogonal(
    x: Float, omega: Float, y: Float, penalty: Float, constraints: Float, active: NDArray[np.bool_]
) -> tuple[Float, Float, int, float, bool]:
    """Minimum-norm solution by SVD: (factor returns, diagonal of the inverse, rank, condition, deficient).

    The condition number is that of the scaled design, squared, to compare with the fast path's.
    """
    k = len(active)
    c = constraints[np.any(constraints != 0, axis=1)]
    basis = np.eye(k)[:, active]
    if len(c):
        _, s, vt = np.linalg.svd(c @ basis)
        basis = basis @ vt[int(np.sum(s > 0)) :].T
    a = np.vstack([np.sqrt(omega)[:, None] * x, np.diag(np.sqrt(penalty))]) @ basis
    b = np.concatenate([np.sqrt(omega) * y, np.zeros(k)])
    if a.shape[1] == 0:
        return np.zeros(k), np.zeros(k), 0, 1.0, False
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    keep = s > s[0] * max(a.shape) * np.finfo(np.float64).eps
    rank = int(keep.sum())
    v = basis @ vt[keep].T / s[keep]
    condition = float((s[0] / s[-1]) ** 2) if s[-1] > 0 else np.inf
    return v @ (u[:, keep].T @ b), np.sum(v**2, axis=1), rank, condition, rank < a.shape[1]


def fit_days(design: Design, sample: Sample) -> Fits:
    """Regress each day's returns on the exposures known before it.

    R^2 = 1 - sum w e^2 / sum w (r - mean_w r)^2 on clipped returns. Standard errors are
    sqrt(s^2 * diag(inverse)), s^2 = sum w~ e^2 / (n - rank), w~ = weights scaled to mean one.
    """
    dense, codes, loads, returns, caps = (
        sample.dense, sample.codes, sample.loads, sample.returns, sample.caps
    )  # fmt: skip
    starts, stops = sample.starts, sample.stops
    lower, upper = design.clip
    solved, f, variance, vif, effective, active, counts, sizes, specific, omega = kernels.fit_days(
        dense, codes, loads, sample.weights, returns, caps, starts, stops, design.min_names, design.overrides,
        design.group_first, design.group_last, design.zero_sum, *design.diagonal, lower, upper,
    )  # fmt: skip
    orthogonal = (counts[:, 0] > 0) & ~(solved & (sizes[:, 0] <= MAX_CONDITION))
    deficient = np.zeros(len(starts), np.bool_)
    for d in np.flatnonzero(orthogonal):
        rows = slice(starts[d], stops[d])
        r, w = returns[rows], omega[rows]
        gram, _, penalty, constraints, _, _ = kernels.assemble(
            dense, codes, loads, w, np.clip(returns, lower, upper), caps, design.min_names, design.overrides,
            design.group_first, design.group_last, design.zero_sum, starts[d], stops[d],
        )  # fmt: skip
        design_matrix = dense_design(dense[:, rows], codes[:, rows], loads[:, rows], design.n_factors)
        used = np.flatnonzero(w)
        f[d], variance[d], counts[d, 1], sizes[d, 0], deficient[d] = _solve_orthogonal(
            design_matrix[used], w[used], np.clip(r[used], lower, upper), penalty, constraints, active[d]
        )
        vif[d] = np.nan if deficient[d] else kernels.inflation(gram, constraints, active[d], variance[d])
        specific[rows] = r - design_matrix @ f[d]
        sizes[d, 1:] = kernels.sums_of_squares(specific[rows], r, w, lower, upper)
    n, rank = counts.T
    squares, spread = sizes[:, 1], sizes[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        # mean-one weights are n * omega: s^2 gains a factor n, the inverse loses it
        errors = np.sqrt(
            np.maximum(variance, 0.0) * (squares / np.where(n > rank, n - rank, np.nan))[:, None]
        )
        r2 = np.where(spread > 0, 1.0 - squares / spread, np.nan)
    return Fits(
        factor_returns=f,
        standard_errors=np.where(active, errors, np.nan),
        vif=vif,
        effective_names=effective,
        active=active,
        n=n,
        rank=rank,
        r2=r2,
        condition=sizes[:, 0],
        orthogonal=orthogonal,
        rank_deficient=deficient,
        specific=specific,
        omega=omega,
    )


def fit_robustly(design: Design, epsilon: float, day: Sample) -> Fits:
    """The regression of one day with Huber's loss: B = 1.

    Minimises  sum_i w_i (s + H(e_i / s) s)  over factor returns and scale s, where H(z) is z^2 up to
    `epsilon` and 2 epsilon |z| - epsilon^2 beyond, by reweighted least squares: a residual beyond epsilon s
    has its weight multiplied by epsilon s / |e|. What is given is the regression with the last weights.

    Source: Owen, A robust hybrid of lasso and ridge regression (2007), section 5; Huber and Ronchetti,
    Robust Statistics (2009), section 7.8.
    """
    fit = fit_days(design, day)
    if not fit.n[0]:
        return fit
    used, omega = fit.omega > 0, fit.omega
    clipped = np.clip(day.returns, *design.clip)
    for _ in range(MAX_STEPS):
        residual = np.abs(fit.specific - day.returns + clipped)
        scale = huber_scale(residual[used], omega[used], epsilon)
        if not scale > 0:  # most residuals are zero: there is nothing to weigh down
            break
        lowered = np.where(residual > epsilon * scale, epsilon * scale / np.maximum(residual, 1e-300), 1.0)
        last = fit
        fit = fit_days(design, replace(day, weights=np.where(used, omega * lowered, 0.0)))
        change = np.abs(fit.factor_returns - last.factor_returns).max(initial=0.0)
        if change <= TOLERANCE * scale:
            break
    return fit
