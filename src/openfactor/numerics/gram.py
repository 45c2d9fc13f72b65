"""Normal equations of one day from the blocks of its design: dense factors and coded categories."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openfactor.numerics.saddle import FAST

Float = NDArray[np.float64]
TILE = 256  # names whose dense exposures stay in the caches of one core


@njit(cache=True, nogil=True)
def estimation_weights(dense: Float, weights: Float, returns: Float) -> tuple[Float, int]:
    """Weights (n,) scaled to sum one, 0 for names that cannot be estimated on, and the number of others.

    A name is estimated on when it has a positive weight, a return, and every dense exposure.
    """
    n_dense, n = dense.shape
    complete = np.zeros(n)
    for k in range(n_dense):
        for i in range(n):
            complete[i] += dense[k, i] * 0.0  # NaN and infinity leave NaN
    omega = np.zeros(n)
    total, count = 0.0, 0
    for i in range(n):
        if weights[i] > 0.0 and np.isfinite(returns[i]) and complete[i] == 0.0:
            omega[i] = weights[i]
            total += weights[i]
            count += 1
    if count > 0:
        omega /= total
    return omega, count


@njit(cache=True, nogil=True)
def _weigh(values: Float, root: Float, block: Float) -> None:
    """The values times the roots of their weights; 0 for names without a weight, which may hold NaN."""
    for j in range(len(root)):
        block[j] = values[j] * root[j] if root[j] > 0.0 else 0.0


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_dense(block: Float, m: int, products: Float) -> None:
    """products += block @ block.T over the first m names, lower triangle."""
    for a in range(products.shape[0]):
        for b in range(a + 1):
            s = 0.0
            for j in range(m):
                s += block[a, j] * block[b, j]
            products[a, b] += s


@njit(cache=True, nogil=True, fastmath=FAST)
def normal_equations(
    dense: Float,
    codes: NDArray[np.int32],
    loads: Float,
    omega: Float,
    returns: Float,
    caps: Float,
    n_factors: int,
) -> tuple[Float, Float, Float, Float, Float]:
    """Weighted cross products over the names with a positive weight; the others may hold NaN.

    Parameters
    ----------
    dense : (n_dense, n) exposures of the dense factors, which are the first columns of the design
    codes, loads : (m, n) column of the design and loading of each name's categories; column -1: none
    omega, returns, caps : (n,)
    n_factors : K, dense and categorical columns together

    Returns
    -------
    gram (K, K) = X' W X; right (K,) = X' W r; and per column sum w x, sum (w x)**2, sum cap x
    (the last three for categorical columns only).
    """
    n_dense, n = dense.shape
    width = n_dense + 1  # the return rides along as a last dense column
    root = np.sqrt(omega)
    block, by_name = np.empty((width, TILE)), np.empty((TILE, width))
    products = np.zeros((width, width))
    sums = np.zeros((n_factors, width))  # by category, of the weighted dense columns
    gram = np.zeros((n_factors, n_factors))
    right = np.zeros(n_factors)
    load_sum, load_squares, cap_sum = np.zeros(n_factors), np.zeros(n_factors), np.zeros(n_factors)
    for start in range(0, n, TILE):
        m = min(TILE, n - start)
        tile = slice(start, start + m)
        for k in range(n_dense):
            _weigh(dense[k, tile], root[tile], block[k])
        _weigh(returns[tile], root[tile], block[n_dense])
        for k in range(width):
            for j in range(m):
                by_name[j, k] = block[k, j]
        _add_dense(block, m, products)
        for slot in range(codes.shape[0]):
            for j in range(m):
                row = start + j
                c = codes[slot, row]
                if c < 0 or not omega[row] > 0.0:
                    continue
                load = loads[slot, row]
                wx = omega[row] * load
                load_sum[c] += wx
                load_squares[c] += wx * wx
                cap_sum[c] += caps[row] * load
                scale = load * root[row]
                for k in range(width):
                    sums[c, k] += scale * by_name[j, k]
                for other in range(codes.shape[0]):
                    d = codes[other, row]
                    if d >= 0:
                        gram[c, d] += wx * loads[other, row]
    for a in range(n_dense):
        right[a] = products[n_dense, a]
        for b in range(a + 1):
            gram[a, b] = products[a, b]
            gram[b, a] = products[a, b]
    for c in range(n_dense, n_factors):
        right[c] = sums[c, n_dense]
        for k in range(n_dense):
            gram[c, k] = sums[c, k]
            gram[k, c] = sums[c, k]
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
