"""Inverse of a small symmetric positive definite matrix, callable without the interpreter lock.

LAPACK does the same, but from compiled code it raises on a matrix that is not positive definite;
here such a matrix is an answer, and one day's answer must not disturb another's.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FAST = {"reassoc", "contract"}  # lets sums be vectorised; NaN and infinity keep their meaning


@njit(cache=True, nogil=True, fastmath=FAST)
def invert_spd(matrix: NDArray[np.float64], inverse: NDArray[np.float64]) -> bool:
    """Write the inverse of `matrix` (n, n) into `inverse`; False when it is not positive definite.

    A = L L', A^-1 = L^-T L^-1. `matrix` is overwritten by its factor. The test for definiteness is
    a pivot above n * 2.2e-16 of its diagonal entry.
    """
    n = matrix.shape[0]
    for i in range(n):
        for j in range(i):
            s = 0.0
            for k in range(j):
                s += matrix[i, k] * matrix[j, k]
            matrix[i, j] = (matrix[i, j] - s) / matrix[j, j]
        s = 0.0
        for k in range(i):
            s += matrix[i, k] * matrix[i, k]
        pivot = matrix[i, i] - s
        if not pivot > matrix[i, i] * n * 2.2e-16:
            return False
        matrix[i, i] = np.sqrt(pivot)
    upper = np.zeros((n, n))  # upper[j, i] = (L^-1)[i, j], so that every inner loop is contiguous
    for j in range(n):
        upper[j, j] = 1.0 / matrix[j, j]
        for i in range(j + 1, n):
            s = 0.0
            for k in range(j, i):
                s += matrix[i, k] * upper[j, k]
            upper[j, i] = -s / matrix[i, i]
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(i, n):
                s += upper[i, k] * upper[j, k]
            inverse[i, j] = s
            inverse[j, i] = s
    return True
