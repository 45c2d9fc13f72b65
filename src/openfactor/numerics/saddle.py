"""Constrained least squares from its normal equations, by elimination of the diagonal block.

The minimum of  f'Gf - 2 b'f  subject to  C f = 0  solves the saddle-point system

    [G  C'] [f]   [b]
    [C  0 ] [m] = [0]

In a cross-section most columns are categories. Where every name is in one category of a group, that
group's block of G is diagonal; eliminating it leaves a system as small as the other columns and the
constraints. Source: Benzi, Golub and Liesen, Numerical solution of saddle point problems, Acta Numerica
14 (2005), sections 3 and 5.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]

FAST = {"reassoc", "contract"}  # lets sums be vectorised; NaN and infinity keep their meaning


@njit(cache=True, nogil=True)
def invert(matrix: Float) -> bool:
    """Replace `matrix` (n, n) by its inverse; False when a pivot vanishes.

    Gauss-Jordan elimination with partial pivoting. LAPACK raises on a singular matrix; here that is an
    answer, and one day's answer must not disturb another's.
    """
    n = matrix.shape[0]
    swapped = np.empty(n, np.int64)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[p, k]):
                p = i
        swapped[k] = p
        if not abs(matrix[p, k]) > 1e-300:
            return False
        if p != k:
            for j in range(n):
                matrix[k, j], matrix[p, j] = matrix[p, j], matrix[k, j]
        scale = 1.0 / matrix[k, k]
        matrix[k, k] = 1.0
        for j in range(n):
            matrix[k, j] *= scale
        for i in range(n):
            if i != k:
                factor = matrix[i, k]
                if factor != 0.0:
                    matrix[i, k] = 0.0
                    for j in range(n):
                        matrix[i, j] -= factor * matrix[k, j]
    for k in range(n - 1, -1, -1):
        p = swapped[k]
        if p != k:
            for i in range(n):
                matrix[i, k], matrix[i, p] = matrix[i, p], matrix[i, k]
    return True


@njit(cache=True, nogil=True)
def _column_norm(matrix: Float) -> float:
    """1-norm of a symmetric matrix."""
    largest = 0.0
    for i in range(matrix.shape[0]):
        total = 0.0
        for j in range(matrix.shape[1]):
            total += abs(matrix[i, j])
        largest = max(largest, total)
    return largest


@njit(cache=True, nogil=True, fastmath=FAST)
def _constrained_inverse(
    gram: Float, constraints: Float, eliminated: NDArray[np.int64], kept: NDArray[np.int64]
) -> tuple[bool, Float]:
    """The (K, K) upper left block of the inverse of the saddle matrix, for a gram with unit diagonal.

    The block `eliminated` of `gram` is the identity. With E eliminated and R the kept columns and the
    constraints, M = inverse of (saddle_RR - saddle_RE saddle_ER):
    P_RR = M, P_ER = -saddle_ER M, P_EE = I + saddle_ER M saddle_RE.
    """
    n_kept, n_out = len(kept), len(eliminated)
    size = n_kept + constraints.shape[0]
    coupling = np.empty((n_out, size))
    for e in range(n_out):
        for r in range(n_kept):
            coupling[e, r] = gram[eliminated[e], kept[r]]
        for g in range(constraints.shape[0]):
            coupling[e, n_kept + g] = constraints[g, eliminated[e]]
    reduced = np.zeros((size, size))
    for r in range(n_kept):
        for s in range(n_kept):
            reduced[r, s] = gram[kept[r], kept[s]]
        for g in range(constraints.shape[0]):
            reduced[r, n_kept + g] = constraints[g, kept[r]]
            reduced[n_kept + g, r] = constraints[g, kept[r]]
    for e in range(n_out):
        for r in range(size):
            for s in range(size):
                reduced[r, s] -= coupling[e, r] * coupling[e, s]
    inverse = np.zeros(gram.shape)
    if not invert(reduced):
        return False, inverse
    for r in range(n_kept):
        for s in range(n_kept):
            inverse[kept[r], kept[s]] = reduced[r, s]
    carried = np.zeros((n_out, size))
    for e in range(n_out):
        for r in range(size):
            for s in range(size):
                carried[e, s] += coupling[e, r] * reduced[r, s]
        for r in range(n_kept):
            inverse[eliminated[e], kept[r]] = -carried[e, r]
            inverse[kept[r], eliminated[e]] = -carried[e, r]
    for e in range(n_out):
        for d in range(e + 1):
            total = 1.0 if e == d else 0.0
            for r in range(size):
                total += carried[e, r] * coupling[d, r]
            inverse[eliminated[e], eliminated[d]] = total
            inverse[eliminated[d], eliminated[e]] = total
    return True, inverse


@njit(cache=True, nogil=True)
def solve_constrained(
    gram: Float,
    right: Float,
    constraints: Float,
    active: NDArray[np.bool_],
    diagonal_first: int,
    diagonal_last: int,
) -> tuple[bool, Float, Float, int, float]:
    """Minimise f'Gf - 2 b'f subject to C f = 0 over the active columns.

    Parameters
    ----------
    gram : (K, K) symmetric, positive on the diagonal of active columns; right : (K,)
    constraints : (G, K); a row of zeros constrains nothing
    diagonal_first, diagonal_last : columns among which `gram` is diagonal; none when equal

    Returns
    -------
    solved; f (K,), zero for inactive columns; the diagonal (K,) of the constrained inverse P, for which
    f = P b; the number of free directions; the 1-norm condition number of the system scaled to a unit
    diagonal, infinite where it was not solved.
    """
    k_all = len(right)
    rank = 0
    scale = np.zeros(k_all)
    for k in range(k_all):
        if active[k]:
            scale[k] = 1.0 / np.sqrt(gram[k, k])
            rank += 1
    scaled = np.empty((k_all, k_all))
    for i in range(k_all):
        for j in range(k_all):
            scaled[i, j] = gram[i, j] * scale[i] * scale[j]
    rows = np.zeros(constraints.shape)
    n_rows = 0
    for g in range(constraints.shape[0]):
        norm = np.sqrt(np.sum((constraints[g] * scale) ** 2))
        if norm > 0.0:
            rows[n_rows] = constraints[g] * scale / norm
            n_rows += 1
    rank -= n_rows
    inside = np.zeros(k_all, np.bool_)
    inside[diagonal_first:diagonal_last] = True
    eliminated = np.flatnonzero(active & inside)
    kept = np.flatnonzero(active & ~inside)
    solved, inverse = _constrained_inverse(scaled, rows[:n_rows], eliminated, kept)
    solution, variance = np.zeros(k_all), np.zeros(k_all)
    if not solved:
        return False, solution, variance, rank, np.inf
    condition = max(_column_norm(scaled), 1.0) * max(_column_norm(inverse), 1.0)
    for i in range(k_all):
        variance[i] = inverse[i, i] * scale[i] * scale[i]
        total = 0.0
        for j in range(k_all):
            total += inverse[i, j] * scale[j] * right[j]
        solution[i] = total * scale[i]
    return True, solution, variance, rank, condition
