"""Zero-sum constraints by Householder reflections.

A constraint c'f = 0 on the columns of one group is removed by the reflection H that takes c to a
multiple of a unit vector e_j: with f = H g the constraint reads g_j = 0, and the other columns of H
are an orthonormal basis of the null space. Groups have disjoint columns, so their reflections commute
and each costs O(K^2), where a dense null-space basis would cost O(K^3).
Source: Golub and Van Loan, Matrix Computations, 4th ed., 5.1 and 6.2.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]


@njit(cache=True, nogil=True)
def reflectors(
    constraints: Float, first: NDArray[np.int64], last: NDArray[np.int64]
) -> tuple[Float, NDArray[np.int64]]:
    """Unit vectors v (G, K) of H = I - 2 v v', and the pivots j (G,).

    constraints : (G, K), row g zero outside of columns first[g]:last[g]. A row of zeros constrains
    nothing: its pivot is -1 and its v is zero.
    """
    n_groups, n_factors = constraints.shape
    vectors = np.zeros((n_groups, n_factors))
    pivots = np.full(n_groups, -1, np.int64)
    for g in range(n_groups):
        norm = np.sqrt(np.sum(constraints[g] ** 2))
        if norm == 0.0:
            continue
        pivot = first[g]
        for k in range(first[g], last[g]):
            vectors[g, k] = constraints[g, k] / norm
            if abs(vectors[g, k]) > abs(vectors[g, pivot]):
                pivot = k
        vectors[g, pivot] += 1.0 if vectors[g, pivot] >= 0.0 else -1.0
        vectors[g] /= np.sqrt(np.sum(vectors[g] ** 2))
        pivots[g] = pivot
    return vectors, pivots


@njit(cache=True, nogil=True)
def reflect(vectors: Float, x: Float) -> None:
    """x (K,) becomes H x, in place."""
    for g in range(vectors.shape[0]):
        x -= 2.0 * vectors[g] * np.sum(vectors[g] * x)


@njit(cache=True, nogil=True)
def reflect_both_sides(vectors: Float, matrix: Float) -> None:
    """Symmetric matrix (K, K) becomes H M H, in place."""
    k = matrix.shape[0]
    for g in range(vectors.shape[0]):
        v = vectors[g]
        mv = np.zeros(k)
        for i in range(k):
            mv[i] = np.sum(matrix[i] * v)
        vmv = np.sum(v * mv)
        for i in range(k):
            for j in range(k):
                matrix[i, j] += 4.0 * vmv * v[i] * v[j] - 2.0 * (v[i] * mv[j] + mv[i] * v[j])
