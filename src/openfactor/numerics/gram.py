"""Normal equations of one day from the blocks of its design: dense factors and coded categories."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openfactor.numerics.cholesky import FAST

Float = NDArray[np.float64]
TILE = 256  # rows whose dense block stays in the first-level cache


@njit(cache=True, nogil=True)
def estimation_rows(dense: Float, weights: Float, returns: Float) -> NDArray[np.int64]:
    """Rows that can be estimated on: positive weight, a return, and every dense exposure there."""
    n_dense, n = dense.shape
    complete = np.zeros(n)
    for k in range(n_dense):
        for i in range(n):
            complete[i] += dense[k, i] * 0.0  # NaN and infinity leave NaN
    rows = np.empty(n, np.int64)
    m = 0
    for i in range(n):
        if weights[i] > 0.0 and np.isfinite(returns[i]) and complete[i] == 0.0:
            rows[m] = i
            m += 1
    return rows[:m]


@njit(cache=True, nogil=True, fastmath=FAST)
def _dense_products(block: Float, weighted: Float, products: Float) -> None:
    """products += block @ weighted.T, lower triangle and last row only; tiled over the names."""
    k_all, m = block.shape
    for start in range(0, m, TILE):
        stop = min(start + TILE, m)
        for a in range(k_all):
            for b in range(a + 1):
                s = 0.0
                for j in range(start, stop):
                    s += weighted[a, j] * block[b, j]
                products[a, b] += s


@njit(cache=True, nogil=True)
def normal_equations(
    dense: Float,
    codes: NDArray[np.int32],
    loads: Float,
    rows: NDArray[np.int64],
    omega: Float,
    returns: Float,
    caps: Float,
    n_factors: int,
) -> tuple[Float, Float, Float, Float, Float]:
    """Weighted cross products over the estimation rows.

    Parameters
    ----------
    dense : (n_dense, n) exposures of the dense factors, which are the first columns of the design
    codes, loads : (m, n) column of the design and loading of each name's categories; column -1: none
    rows : (e,) the names to use, omega (e,) their weights
    returns, caps : (n,)
    n_factors : K, dense and categorical columns together

    Returns
    -------
    gram (K, K) = X' W X; right (K,) = X' W r; and per column sum w x, sum (w x)**2, sum cap x
    (the last three for categorical columns only).
    """
    n_dense = dense.shape[0]
    e = len(rows)
    block = np.empty((n_dense + 1, e))
    for k in range(n_dense):
        for j in range(e):
            block[k, j] = dense[k, rows[j]]
    for j in range(e):
        block[n_dense, j] = returns[rows[j]]
    weighted = block * omega
    products = np.zeros((n_dense + 1, n_dense + 1))
    _dense_products(block, weighted, products)

    gram = np.zeros((n_factors, n_factors))
    right = np.zeros(n_factors)
    load_sum, load_squares, cap_sum = np.zeros(n_factors), np.zeros(n_factors), np.zeros(n_factors)
    for a in range(n_dense):
        right[a] = products[n_dense, a]
        for b in range(a + 1):
            gram[a, b] = products[a, b]
            gram[b, a] = products[a, b]
    for slot in range(codes.shape[0]):
        for j in range(e):
            c = codes[slot, rows[j]]
            if c < 0:
                continue
            load = loads[slot, rows[j]]
            wx = omega[j] * load
            load_sum[c] += wx
            load_squares[c] += wx * wx
            cap_sum[c] += caps[rows[j]] * load
            right[c] += load * weighted[n_dense, j]
            for other in range(codes.shape[0]):
                d = codes[other, rows[j]]
                if d >= 0:
                    gram[c, d] += wx * loads[other, rows[j]]
        for k in range(n_dense):
            for j in range(e):
                c = codes[slot, rows[j]]
                if c >= 0:
                    gram[c, k] += loads[slot, rows[j]] * weighted[k, j]
    for c in range(n_dense, n_factors):
        for k in range(n_dense):
            gram[k, c] = gram[c, k]
    return gram, right, load_sum, load_squares, cap_sum


@njit(cache=True, nogil=True, fastmath=FAST)
def unexplained(
    dense: Float, codes: NDArray[np.int32], loads: Float, returns: Float, factor_returns: Float
) -> Float:
    """returns - X f for every name (n,). NaN where a return or a dense exposure is missing; a missing
    category counts as zero."""
    n_dense, n = dense.shape
    explained = np.zeros(n)
    for k in range(n_dense):
        f = factor_returns[k]
        for i in range(n):
            explained[i] += dense[k, i] * f
    for slot in range(codes.shape[0]):
        for i in range(n):
            c = codes[slot, i]
            if c >= 0:
                explained[i] += loads[slot, i] * factor_returns[c]
    return returns - explained
