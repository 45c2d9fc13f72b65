"""The cross-sectional regression of one day.

Minimise  sum_i w_i (r_i - x_i'f)^2 + sum_k lambda_k f_k^2  subject to  C f = 0,  where the weights w sum
to one, C holds one zero-sum row for each constrained categorical group, and lambda shrinks thin
categories. The fast path solves the normal equations with the constraints (`normal_equations`); where their
condition number is too large, an orthogonal path (SVD of the scaled design in the null space of C) gives
the minimum-norm solution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics.normal_equations import fit_normal_equations, sums_of_squares

Float = NDArray[np.float64]

MAX_CONDITION = 1e10
"""Largest condition number (1-norm, unit diagonal) of the normal equations that the fast path takes."""

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
    clip: tuple[float, float] = (-np.inf, np.inf)
    """Bounds on the returns that are estimated on."""

    diagonal: tuple[int, int] = (0, 0)
    """First and one past the last column of a group in which no name has two categories; the wider it
    is, the less there is to solve. (0, 0): no such group."""

    @property
    def n_factors(self) -> int:
        return len(self.min_names)


@dataclass(frozen=True)
class Fit:
    """The regression of one day. `factor_returns` and `standard_errors` are (K,), `specific` and
    `omega` (n,); `rank` is that of the constrained design, `n` counts the estimation set."""

    factor_returns: Float
    standard_errors: Float
    specific: Float
    omega: Float
    n: int
    rank: int
    r2: float
    condition: float
    orthogonal: bool
    rank_deficient: bool
    active: NDArray[np.bool_]
    effective_names: Float


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


def fit_day(
    design: Design,
    dense: Float,
    codes: NDArray[np.int32],
    loads: Float,
    weights: Float,
    returns: Float,
    caps: Float,
) -> Fit | None:
    """Regress one day's returns on the exposures known before it.

    Parameters
    ----------
    dense : (n_dense, n) float64, NaN where an exposure is missing
    codes : (m, n) int32, column of the design that a name loads on, -1 for none
    loads : (m, n) float64, the loadings
    weights : (n,) unscaled regression weights; 0 outside of the estimation set
    returns : (n,) simple returns as fractions, NaN where there is none
    caps : (n,) market caps, for cap-weighted constraints

    Returns
    -------
    Fit; factors without exposure have return 0.0 and a standard error of NaN. None where no asset has a
    positive weight, a return and all dense exposures.

    Notes
    -----
    R^2 = 1 - sum w e^2 / sum w (r - mean_w r)^2 on clipped returns. Standard errors are
    sqrt(s^2 * diag(inverse)), s^2 = sum w~ e^2 / (n - rank), w~ = weights scaled to mean one.
    """
    lower, upper = design.clip
    (
        solved, f, variance, rank, condition, specific, omega, n, penalty, constraints, active, effective
    ) = fit_normal_equations(
        dense, codes, loads, weights, returns, caps, design.min_names, design.group_first,
        design.group_last, design.zero_sum, *design.diagonal, lower, upper,
    )  # fmt: skip
    if n == 0:
        return None
    orthogonal = not (solved and condition <= MAX_CONDITION)
    deficient = False
    if orthogonal:
        rows = np.flatnonzero(omega)
        clipped = np.clip(returns[rows], lower, upper)
        x = dense_design(dense[:, rows], codes[:, rows], loads[:, rows], design.n_factors)
        f, variance, rank, condition, deficient = _solve_orthogonal(
            x, omega[rows], clipped, penalty, constraints, active
        )
        # not `unexplained`: called from here, numba 0.68 loses the type of what a cached kernel returns
        specific = returns - dense_design(dense, codes, loads, design.n_factors) @ f
    squares, spread = sums_of_squares(specific, returns, omega, lower, upper)
    errors = np.full(design.n_factors, np.nan)
    if n > rank:
        # mean-one weights are n * omega: s^2 gains a factor n, the inverse loses it
        errors[active] = np.sqrt(np.maximum(variance[active], 0.0) * squares / (n - rank))
    return Fit(
        factor_returns=f,
        standard_errors=errors,
        specific=specific,
        omega=omega,
        n=n,
        rank=rank,
        r2=1.0 - squares / spread if spread > 0 else np.nan,
        condition=condition,
        orthogonal=orthogonal,
        rank_deficient=deficient,
        active=active,
        effective_names=effective,
    )
