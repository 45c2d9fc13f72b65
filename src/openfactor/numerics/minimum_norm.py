"""The orthogonal path of a day's regression: minimum-norm least squares by singular value decomposition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.numerics.normal_equations import PINNED

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

ALIASED = 1e-6
"""Part of a factor in the directions that leave the fit unchanged, above which it is not rounding."""


@dataclass(frozen=True)
class MinimumNormSolution:
    """The constrained, penalised least-squares solution of minimum norm, for K columns."""

    factor_returns: Float
    """(K,)"""
    inverse: Float
    """(K, K) the constrained inverse P, of minimum norm."""
    sandwich: Float
    """(K, K) P G0 P, with the Gram matrix G0 without penalties."""
    rank: int
    """Directions that the data determine."""
    condition_number: float
    """2-norm of the scaled design, squared, to compare with that of the normal equations."""
    aliased: Mask
    """(K,) other values of the factor would fit as well: another column, or a sum of several, equals it."""

    def sampling_variance(self, gram: Float, free: Float) -> Float:
        """The diagonal (K,) of P G0 P; NaN for columns that are aliased, or held by constraints as in
        `normal_equations.sampling_variance`.
        """
        pinned = np.minimum(free, np.diag(self.inverse) * np.diag(gram)) <= PINNED
        return np.where(pinned | self.aliased, np.nan, np.diag(self.sandwich))


def minimum_norm_solution(
    x: Float, weight: Float, y: Float, penalty: Float, constraints: Float, active: Mask
) -> MinimumNormSolution:
    """Minimise  sum_i w_i (y_i - x_i'f)^2 + sum_k lambda_k f_k^2  subject to  C f = 0  by an SVD of the
    design in the null space of C. Where several f do, the shortest one is taken.

    Columns are scaled to a largest exposure of one first, so that the rank does not depend on their units;
    the norm that is minimised is that of the unscaled f.

    Parameters
    ----------
    x : (n, K) design matrix without NaN
    weight : (n,) w, summing to one
    y : (n,) what is regressed
    penalty : (K,) lambda
    constraints : (G, K) C; a row of zeros constrains nothing
    active : (K,) columns with an exposure; the others get 0.0

    References
    ----------
    Golub and Van Loan, Matrix Computations, 4th ed. (2013), sections 5.5 and 6.2.
    """
    root = np.sqrt(weight)
    largest = np.abs(x).max(axis=0, initial=0.0)
    scale = np.where(active, 1.0 / np.where(active, largest, 1.0), 0.0)
    basis = _feasible_basis(constraints * scale, active)
    if basis.shape[1] == 0:
        zero, zeros = np.zeros(len(active)), np.zeros((len(active), len(active)))
        return MinimumNormSolution(zero, zeros, zeros, 0, 1.0, np.zeros(len(active), np.bool_))
    weighted = root[:, None] * x
    rows = np.vstack([weighted, np.diag(np.sqrt(penalty))])
    u, s, vt = np.linalg.svd((rows * scale) @ basis, full_matrices=False)
    keep = s > s[0] * max(rows.shape) * np.finfo(np.float64).eps
    unseen = basis @ vt[~keep].T  # directions that leave the fit unchanged
    v = scale[:, None] * (basis @ vt[keep].T) / s[keep]
    if unseen.shape[1]:
        redundant, _ = np.linalg.qr(scale[:, None] * unseen)
        v -= redundant @ (redundant.T @ v)
    w = weighted @ v
    return MinimumNormSolution(
        factor_returns=v @ (u[:, keep].T @ np.concatenate([root * y, np.zeros(len(active))])),
        inverse=v @ v.T,
        sandwich=v @ (w.T @ w) @ v.T,
        rank=int(keep.sum()),
        condition_number=float((s[0] / s[-1]) ** 2) if s[-1] > 0 else np.inf,
        aliased=np.linalg.norm(unseen, axis=1) > ALIASED,
    )


def _feasible_basis(constraints: Float, active: Mask) -> Float:
    """(K, p) orthonormal basis of the active directions that meet the constraints."""
    basis = np.eye(len(active))[:, active]
    c = constraints[np.any(constraints != 0, axis=1)]
    if not len(c):
        return basis
    c = c / np.linalg.norm(c, axis=1)[:, None]
    _, s, vt = np.linalg.svd(c @ basis)
    return np.asarray(basis @ vt[int(np.sum(s > 0)) :].T)
