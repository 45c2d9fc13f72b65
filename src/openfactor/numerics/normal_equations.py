"""The compiled part of a day's regression: normal equations, their solution, residuals.

One file on purpose: numba's on-disk cache is invalidated by changes of a kernel's own file only, so a kernel
that called one in another file would go on running that file's old code.

An observation is a listing on a day. The normal equations come from the blocks of the design matrix X, dense
factors and coded categories, in one pass over the observations. The minimum of  f'Gf - 2 b'f  subject to
C f = 0  solves the saddle-point system

    [G  C'] [f]   [b]
    [C  0 ] [m] = [0]

Where every observation is in at most one category of a group, that group's block of G is diagonal;
eliminating it leaves a system as small as the other columns and the constraints.

References
----------
Benzi, Golub and Liesen, Numerical solution of saddle point problems, Acta Numerica 14 (2005), sections 3
and 5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]

FAST = {"reassoc", "contract"}  # lets sums be vectorised; NaN and infinity keep their meaning
TILE = 256  # observations whose dense exposures stay in the caches of one core
LANES = 8  # doubles of the widest vectors
PINNED = 1e-13  # share of a direction below which a column is not free, but held by constraints
NO_CONSTANT = 1e-10  # share of a constant that the columns leave, where they hold one but for rounding
NO_PART = 1e-5  # part of a column in that constant, likewise


class DesignBlocks(NamedTuple):
    """The design matrix X (N, K) in blocks, whose first columns are the dense factors."""

    dense: Float
    """(n_dense, N) exposures to the dense factors; NaN where one is missing."""
    codes: Codes
    """(m, N) columns of X that an observation loads on, -1 for none: a row per category that one can have."""
    loadings: Float
    """(m, N) the loadings on these columns."""


class ColumnRules(NamedTuple):
    """The rules of the K columns and the G categorical groups, as of `cross_section.RegressionDesign`."""

    min_names: Float
    shrinkage_overrides: Float
    group_first: Int
    group_last: Int
    zero_sum: Int
    diagonal_first: int
    diagonal_last: int


class NormalEquations(NamedTuple):
    """The equations of one day, in weights that sum to one."""

    gram: Float
    """(K, K) X'WX + diag(penalty)."""
    right: Float
    """(K,) X'Wr."""
    means: Float
    """(K,) weighted means of the columns."""
    penalty: Float
    """(K,) lambda, 0 for columns that are not shrunk."""
    constraints: Float
    """(G, K) rows C; a row of zeros constrains nothing."""
    has_exposure: Mask
    """(K,)"""
    effective_names: Float
    """(K,) (sum w x)^2 / sum (w x)^2 of categories, NaN for other columns and empty categories."""


class DaySolutions(NamedTuple):
    """The regressions of B days, whose N observations lie one after another."""

    solved: Mask
    """(B,) False where the elimination broke down, or there was nothing to solve."""
    n: Int
    """(B,) observations estimated on."""
    rank: Int
    """(B,) free directions: columns with an exposure, less constraints."""
    condition_number: Float
    """(B,) 1-norm, of the system scaled to a unit diagonal."""
    squared_residuals: Float
    """(B,) weighted sums of squares of residuals, ..."""
    squared_deviations: Float
    """... of returns about their weighted mean, ..."""
    squared_returns: Float
    """... and of returns."""
    factor_returns: Float
    """(B, K)"""
    variance: Float
    """(B, K) of the factor returns, for returns with the variances 1 / weight."""
    vif: Float
    """(B, K)"""
    effective_names: Float
    """(B, K)"""
    has_exposure: Mask
    """(B, K)"""
    residuals: Float
    """(N,) also of observations without a weight; NaN where an exposure or the return is missing."""
    weight: Float
    """(N,) weights that sum to one per day."""


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_multiple(values: Float, factor: float, out: Float) -> None:
    """out += values * factor"""
    for j in range(len(out)):
        out[j] += values[j] * factor


@njit(cache=True, nogil=True)
def estimation_weights(
    dense: Float, weights: Float, returns: Float, begin: int, end: int
) -> tuple[Float, int]:
    """Weights (n,) of the observations begin:end, scaled to sum to one, and how many are above zero.

    An observation is estimated on when it has a positive weight, a return, and every dense exposure; all
    others get 0.
    """
    n = end - begin
    scaled, complete = np.zeros(n), np.zeros(n)
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        for k in range(dense.shape[0]):  # NaN and infinity leave NaN
            _add_multiple(dense[k][begin + start : begin + stop], 0.0, complete[start:stop])
    total, count = 0.0, 0
    for i in range(n):
        if weights[begin + i] > 0.0 and np.isfinite(returns[begin + i]) and complete[i] == 0.0:
            scaled[i] = weights[begin + i]
            total += scaled[i]
            count += 1
    if count > 0:
        scaled /= total
    return scaled, count


@njit(cache=True, nogil=True, fastmath=FAST)
def _weigh(values: Float, root: Float, block: Float) -> float:
    """Write the values times the roots of their weights to `block`, 0 where there is no weight, since those
    values may be NaN; returns the sum of weight times value.
    """
    total = 0.0
    for j in range(len(root)):
        value = values[j] * root[j] if root[j] > 0.0 else 0.0
        block[j] = value
        total += value * root[j]
    return total


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_dense(block: Float, m: int, products: Float) -> None:
    """products += block @ block.T over the first m observations, lower triangle, two rows by two at a time,
    which share what is loaded. The number of rows is even.
    """
    for a in range(0, products.shape[0], 2):
        for b in range(0, a + 1, 2):
            s, t, u, v = 0.0, 0.0, 0.0, 0.0
            for j in range(m):
                s += block[a, j] * block[b, j]
                t += block[a, j] * block[b + 1, j]
                u += block[a + 1, j] * block[b, j]
                v += block[a + 1, j] * block[b + 1, j]
            products[a, b] += s
            products[a, b + 1] += t
            products[a + 1, b] += u
            products[a + 1, b + 1] += v


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_to_categories(code: Codes, loading: Float, root: Float, by_row: Float, sums: Float) -> None:
    """sums[c] += loading * root * by_row[j], for the category c of each observation j of a tile."""
    for j in range(len(code)):
        c = code[j]
        if c >= 0 and root[j] > 0.0:
            scale = loading[j] * root[j]
            for k in range(sums.shape[1]):
                sums[c, k] += scale * by_row[j, k]


@njit(cache=True, nogil=True, fastmath=FAST)
def _fill_slot(root: Float, loading: Float, weight: Float, cap: Float, width: int, by_row: Float) -> None:
    """The four columns of a slot: times loading * root they are w x, w x x, (w x)**2 and cap x."""
    for j in range(len(root)):
        by_row[j, width] = root[j]
        by_row[j, width + 1] = root[j] * loading[j]
        by_row[j, width + 2] = root[j] * weight[j] * loading[j]
        by_row[j, width + 3] = cap[j] / root[j] if root[j] > 0.0 else 0.0


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_pairs(
    code: Codes, loading: Float, other_code: Codes, other_loading: Float, weight: Float, gram: Float
) -> None:
    """Add the products of the categories of two slots, over the observations of a tile."""
    for j in range(len(weight)):
        c, d = code[j], other_code[j]
        if c >= 0 and d >= 0 and weight[j] > 0.0:
            gram[c, d] += weight[j] * loading[j] * other_loading[j]


@njit(cache=True, nogil=True)
def _join_blocks(products: Float, sums: Float, n_dense: int, gram: Float) -> Float:
    """Fill `gram`, which has the products between slots, with the other blocks; returns the right side."""
    right = np.zeros(len(gram))
    for a in range(n_dense):
        right[a] = products[n_dense, a]
        for b in range(a + 1):
            gram[a, b] = products[a, b]
            gram[b, a] = products[a, b]
    for c in range(n_dense, len(gram)):
        right[c] = sums[c, n_dense]
        gram[c, c] += sums[c, n_dense + 2]
        for k in range(n_dense):
            gram[c, k] = sums[c, k]
            gram[k, c] = sums[c, k]
    return right


@njit(cache=True, nogil=True, fastmath=FAST)
def weighted_cross_products(
    blocks: DesignBlocks,
    weight: Float,
    returns: Float,
    market_cap: Float,
    n_factors: int,
    begin: int,
    end: int,
) -> tuple[Float, Float, Float, Float, Float]:
    """Sums over the observations begin:end that have a positive weight; the others may be NaN.

    Parameters
    ----------
    weight : (end - begin,)
    returns, market_cap : (N,)
    n_factors : K, dense and categorical columns together

    Returns
    -------
    gram (K, K) = X'WX; right (K,) = X'Wr; and per column sum w x, sum (w x)**2, sum cap x, (K,) each, the
    last two for categorical columns only.
    """
    dense, codes, loadings = blocks
    n_dense, n_slots, n = dense.shape[0], codes.shape[0], end - begin
    width = n_dense + 1  # the return rides along as a last dense column
    even = width + width % 2
    wide = -(-(width + 4) // LANES) * LANES  # with four columns of the slot; a vector has no remainder
    root = np.sqrt(weight)
    block, by_row = np.zeros((even, TILE + LANES)), np.zeros((TILE, wide))
    products = np.zeros((even, even))
    sums = np.zeros((n_factors, wide))  # by category, of the weighted dense columns and those of the slot
    gram = np.zeros((n_factors, n_factors))
    for start in range(0, n, TILE):
        m = min(TILE, n - start)
        first = begin + start
        tile, rows = slice(start, start + m), slice(first, first + m)
        roots = root[tile]
        for k in range(n_dense):
            sums[k, width] += _weigh(dense[k][rows], roots, block[k])
        _weigh(returns[rows], roots, block[n_dense])
        for j in range(m):
            for k in range(width):
                by_row[j, k] = block[k, j]
        _add_dense(block, m, products)
        for slot in range(n_slots):
            code, loading = codes[slot][rows], loadings[slot][rows]
            _fill_slot(roots, loading, weight[tile], market_cap[rows], width, by_row)
            _add_to_categories(code, loading, roots, by_row, sums)
            for other in range(n_slots):
                if other != slot:
                    _add_pairs(code, loading, codes[other][rows], loadings[other][rows], weight[tile], gram)
    right = _join_blocks(products, sums, n_dense, gram)
    return gram, right, sums[:, width].copy(), sums[:, width + 2].copy(), sums[:, width + 3].copy()


@njit(cache=True, nogil=True, fastmath=FAST)
def fitted_returns(blocks: DesignBlocks, factor_returns: Float, begin: int, end: int) -> Float:
    """X f (end - begin,) of the observations begin:end, with the factor returns f (K,).

    NaN where a dense exposure is missing; a missing category counts as no exposure.
    """
    n = end - begin
    out = np.zeros(n)
    for start in range(0, n, TILE):
        m = min(TILE, n - start)
        tile, rows = out[start : start + m], slice(begin + start, begin + start + m)
        for k in range(blocks.dense.shape[0]):
            _add_multiple(blocks.dense[k][rows], factor_returns[k], tile)
        for slot in range(blocks.codes.shape[0]):
            code, loading = blocks.codes[slot][rows], blocks.loadings[slot][rows]
            for j in range(m):
                if code[j] >= 0:
                    tile[j] += loading[j] * factor_returns[code[j]]
    return out


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


@njit(cache=True, nogil=True, fastmath=FAST)
def _column_norm(matrix: Float) -> float:
    """1-norm of a symmetric matrix."""
    largest = 0.0
    for i in range(matrix.shape[0]):
        total = 0.0
        for j in range(matrix.shape[1]):
            total += abs(matrix[i, j])
        if np.isnan(total):
            return total
        largest = max(largest, total)
    return largest


@njit(cache=True, nogil=True, fastmath=FAST)
def _product(matrix: Float, vector: Float) -> Float:
    """matrix @ vector"""
    out = np.empty(matrix.shape[0])
    for i in range(matrix.shape[0]):
        total = 0.0
        for j in range(matrix.shape[1]):
            total += matrix[i, j] * vector[j]
        out[i] = total
    return out


@njit(cache=True, nogil=True, fastmath=FAST)
def _reduce(gram: Float, constraints: Float, eliminated: Int, kept: Int) -> tuple[Float, Float]:
    """saddle_RR - saddle_RE saddle_ER and saddle_ER, in the letters of `_scaled_inverse`."""
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
    return reduced, coupling


@njit(cache=True, nogil=True, fastmath=FAST)
def _scaled_inverse(gram: Float, constraints: Float, eliminated: Int, kept: Int) -> tuple[bool, Float]:
    """The (K, K) upper left block of the inverse of the saddle matrix, for a gram with unit diagonal.

    The block `eliminated` of `gram` is the identity. With E eliminated and R the kept columns and the
    constraints, M = inverse of (saddle_RR - saddle_RE saddle_ER):
    P_RR = M, P_ER = -saddle_ER M, P_EE = I + saddle_ER M saddle_RE.
    """
    n_kept, n_out = len(kept), len(eliminated)
    size = n_kept + constraints.shape[0]
    reduced, coupling = _reduce(gram, constraints, eliminated, kept)
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
    across = coupling.T.copy()
    row = np.empty(n_out)
    for e in range(n_out):
        row[:] = 0.0
        row[e] = 1.0
        for r in range(size):
            for d in range(n_out):
                row[d] += carried[e, r] * across[r, d]
        for d in range(e + 1):  # one half for both, so that the inverse is symmetric to the last bit
            inverse[eliminated[e], eliminated[d]] = row[d]
            inverse[eliminated[d], eliminated[e]] = row[d]
    return True, inverse


@njit(cache=True, nogil=True)
def constrained_inverse(
    gram: Float, constraints: Float, active: Mask, diagonal_first: int, diagonal_last: int
) -> tuple[bool, Float, int, float]:
    """The P for which f = P b minimises f'Gf - 2 b'f subject to C f = 0 over the active columns.

    Parameters
    ----------
    gram : (K, K) symmetric, positive on the diagonal of active columns
    constraints : (G, K); a row of zeros constrains nothing
    active : (K,) columns to solve for
    diagonal_first, diagonal_last : columns among which `gram` is diagonal; none when equal

    Returns
    -------
    solved; P (K, K), zero for inactive columns and where not solved; the number of free directions; the
    1-norm condition number of the system scaled to a unit diagonal, infinite where it was not solved.
    """
    k_all = len(active)
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
    solved, inverse = _scaled_inverse(scaled, rows[:n_rows], eliminated, kept)
    if not solved:
        return False, np.zeros(gram.shape), rank, np.inf
    condition = max(_column_norm(scaled), 1.0) * max(_column_norm(inverse), 1.0)
    for i in range(k_all):
        for j in range(k_all):
            inverse[i, j] *= scale[i] * scale[j]
    return True, inverse, rank, condition


@njit(cache=True, nogil=True)
def _constraints(cap_sum: Float, active: Mask, rules: ColumnRules) -> Float:
    """(G, K) zero-sum rows: ones or the caps of the categories that have an exposure."""
    rows = np.zeros((len(rules.group_first), len(active)))
    for g in range(len(rules.group_first)):
        for k in range(rules.group_first[g], rules.group_last[g]):
            if active[k] and rules.zero_sum[g] != 0:
                rows[g, k] = 1.0 if rules.zero_sum[g] == 1 else cap_sum[k]
    return rows


@njit(cache=True, nogil=True, fastmath=FAST)
def restore_clipped(
    specific: Float, returns: Float, clipped: Float, weight: Float, starts: Int, stops: Int
) -> Int:
    """Add what clipping took from the returns back to the specific returns (N,), in place.

    Returns
    -------
    (B,) observations per day that have a weight and whose return was clipped.
    """
    counts = np.zeros(len(starts), np.int64)
    for d in range(len(starts)):
        count = 0
        for i in range(starts[d], stops[d]):
            if clipped[i] != returns[i]:  # or is missing, and leaves NaN, as it is
                specific[i] += returns[i] - clipped[i]
                count += 1 if weight[i] > 0.0 else 0
        counts[d] = count
    return counts


@njit(cache=True, nogil=True, fastmath=FAST)
def sums_of_squares(residuals: Float, returns: Float, weight: Float) -> tuple[float, float, float]:
    """Weighted sums of squares: of residuals, of returns about their weighted mean, of returns."""
    mean, squares, spread, total = 0.0, 0.0, 0.0, 0.0
    for i in range(len(weight)):
        mean += weight[i] * returns[i] if weight[i] > 0.0 else 0.0
    for i in range(len(weight)):
        residual, distance = residuals[i], returns[i] - mean
        squares += weight[i] * residual * residual if weight[i] > 0.0 else 0.0
        spread += weight[i] * distance * distance if weight[i] > 0.0 else 0.0
        total += weight[i] * returns[i] * returns[i] if weight[i] > 0.0 else 0.0
    return squares, spread, total


@njit(cache=True, nogil=True)
def assemble(
    blocks: DesignBlocks,
    weight: Float,
    returns: Float,
    market_cap: Float,
    rules: ColumnRules,
    begin: int,
    end: int,
) -> NormalEquations:
    """The penalised normal equations of the observations begin:end.

    Parameters
    ----------
    weight : (end - begin,) summing to one
    returns, market_cap : (N,)
    """
    k_all = len(rules.min_names)
    gram, right, means, squared_loadings, cap_sum = weighted_cross_products(
        blocks, weight, returns, market_cap, k_all, begin, end
    )
    active = np.zeros(k_all, np.bool_)
    penalty = np.zeros(k_all)
    effective = np.full(k_all, np.nan)
    for k in range(k_all):
        active[k] = gram[k, k] > 0.0
        if squared_loadings[k] > 0.0:
            effective[k] = means[k] ** 2 / squared_loadings[k]
            if rules.shrinkage_overrides[k] >= 0.0:
                penalty[k] = gram[k, k] * rules.shrinkage_overrides[k]
            elif effective[k] > 0.0:
                penalty[k] = gram[k, k] * max(rules.min_names[k] / effective[k] - 1.0, 0.0)
        gram[k, k] += penalty[k]
    constraints = _constraints(cap_sum, active, rules)
    return NormalEquations(gram, right, means, penalty, constraints, active, effective)


@njit(cache=True, nogil=True)
def freedom(constraints: Float, active: Mask) -> Float:
    """Diagonal (K,) of ZZ', Z an orthonormal basis of the directions that the constraints leave: 1 for a
    free column, 0 for one that they pin, as the only category of its group. No column is in two
    constraints.
    """
    out = np.empty(len(active))
    for k in range(len(out)):
        out[k] = 1.0 if active[k] else 0.0
    for g in range(constraints.shape[0]):
        row, total = constraints[g], 0.0
        for k in range(len(out)):
            total += row[k] * row[k]
        if total == 0.0:
            continue
        for k in range(len(out)):
            square = row[k] * row[k]
            if square > 0.5 * total:  # the difference would cancel
                out[k] = (np.sum(row[:k] ** 2) + np.sum(row[k + 1 :] ** 2)) / total
            elif square > 0.0:
                out[k] = (total - square) / total
    return out


@njit(cache=True, nogil=True, fastmath=FAST)
def _weighted_squares(values: Float, weights: Float) -> float:
    total = 0.0
    for j in range(len(values)):
        total += weights[j] * values[j] * values[j]
    return total


@njit(cache=True, nogil=True)
def sampling_variance(inverse: Float, gram: Float, penalty: Float, free: Float) -> Float:
    """Diagonal (K,) of P G0 P, G0 the Gram matrix without the penalties that `gram` has: the variances of
    the factor returns where those of the returns are 1 / weight. NaN for columns that are not free.

    P G P = P, hence P G0 P = P - P diag(penalty) P.
    """
    out = np.full(len(free), np.nan)
    penalised = np.any(penalty > 0.0)
    for k in range(len(free)):
        p, row = inverse[k, k], inverse[k]
        if not (free[k] > PINNED and p * gram[k, k] > PINNED):
            continue
        out[k] = p
        if penalised:
            out[k] -= _weighted_squares(row, penalty)
            if out[k] < 1e-6 * p:  # little is left of the difference: the product itself
                plain = gram.copy()
                for j in range(len(free)):
                    plain[j, j] -= penalty[j]
                out[k] = max(np.sum(row * _product(plain, row)), 0.0)
    return out


@njit(cache=True, nogil=True)
def variance_inflation(gram: Float, inverse: Float, means: Float, constraints: Float, free: Float) -> Float:
    """Variance inflation factors (K,), at least 1; NaN for columns that are not free.

    (Z Z'GZ Z')_kk P_kk / (ZZ')_kk^2, P the constrained inverse, Z an orthonormal basis of the directions
    that the constraints leave. Where the other columns hold a constant, G is about the weighted means: then
    this is 1 / (1 - R^2) of a column on the others, as of an ordinary regression with an intercept, and 1 for
    a column that is constant itself.

    With u a constraint of unit length the first factor is  G_kk - 2 u_k (Gu)_k + u_k^2 u'Gu.

    Parameters
    ----------
    gram, inverse : (K, K) G and P
    means : (K,) of the columns, with weights that sum to one
    constraints : (G, K)
    free : (K,) as of `freedom`

    References
    ----------
    Marquardt, Generalized inverses, ridge regression, biased linear estimation, and nonlinear estimation,
    Technometrics 12 (1970), for the unconstrained case.
    """
    one = _product(inverse, means)  # the regression of a constant on the columns
    curved = _product(gram, one)
    holds_constant = abs(1.0 - 2.0 * np.sum(means * one) + np.sum(one * curved)) < NO_CONSTANT
    out, centre = np.full(len(means), np.nan), np.zeros(len(means))
    for k in range(len(means)):
        if free[k] > PINNED:
            out[k], centre[k] = gram[k, k], means[k]
    for g in range(constraints.shape[0]):
        length = np.sqrt(np.sum(constraints[g] ** 2))
        if length == 0.0:
            continue
        unit = constraints[g] / length
        product = _product(gram, unit)
        out += unit * (unit * np.sum(product * unit) - 2.0 * product)
        centre -= unit * np.sum(unit * means)
    for k in range(len(means)):
        if holds_constant and out[k] - centre[k] ** 2 < NO_CONSTANT * out[k]:
            out[k] = 1.0
            continue
        if holds_constant and abs(one[k]) * np.sqrt(gram[k, k]) < NO_PART:
            out[k] -= centre[k] ** 2
        out[k] *= inverse[k, k] / max(free[k], PINNED) ** 2
    return out


def no_solutions(n_days: int, n_factors: int, n_observations: int) -> DaySolutions:
    """What `solve_days` fills in: the solutions of days without anything to regress."""
    by_factor = (n_days, n_factors)
    return DaySolutions(
        solved=np.zeros(n_days, np.bool_),
        n=np.zeros(n_days, np.int64),
        rank=np.zeros(n_days, np.int64),
        condition_number=np.full(n_days, np.nan),
        squared_residuals=np.full(n_days, np.nan),
        squared_deviations=np.full(n_days, np.nan),
        squared_returns=np.full(n_days, np.nan),
        factor_returns=np.zeros(by_factor),
        variance=np.full(by_factor, np.nan),
        vif=np.full(by_factor, np.nan),
        effective_names=np.full(by_factor, np.nan),
        has_exposure=np.zeros(by_factor, np.bool_),
        residuals=np.full(n_observations, np.nan),
        weight=np.zeros(n_observations),
    )


@njit(cache=True, nogil=True)
def solve_days(
    blocks: DesignBlocks,
    weights: Float,
    returns: Float,
    market_cap: Float,
    starts: Int,
    stops: Int,
    rules: ColumnRules,
    out: DaySolutions,
) -> None:
    """The regressions of days, in one call that does not hold the interpreter lock.

    Parameters
    ----------
    weights, returns, market_cap : (N,) as of `cross_section.RegressionBatch`
    starts, stops : (B,) the observations of day d are starts[d]:stops[d]
    out : as of `no_solutions`; receives the solutions
    """
    for d in range(len(starts)):
        begin, end = starts[d], stops[d]
        rows = slice(begin, end)
        weight, n = estimation_weights(blocks.dense, weights, returns, begin, end)
        out.n[d] = n
        if n == 0:
            continue
        day = assemble(blocks, weight, returns, market_cap, rules, begin, end)
        out.has_exposure[d] = day.has_exposure
        out.effective_names[d] = day.effective_names
        solved, inverse, rank, condition = constrained_inverse(
            day.gram, day.constraints, day.has_exposure, rules.diagonal_first, rules.diagonal_last
        )
        out.solved[d], out.rank[d], out.condition_number[d] = solved, rank, condition
        if solved:
            out.factor_returns[d] = _product(inverse, day.right)
            free = freedom(day.constraints, day.has_exposure)
            out.variance[d] = sampling_variance(inverse, day.gram, day.penalty, free)
            out.vif[d] = variance_inflation(day.gram, inverse, day.means, day.constraints, free)
        residuals = returns[rows] - fitted_returns(blocks, out.factor_returns[d], begin, end)
        squares, spread, total = sums_of_squares(residuals, returns[rows], weight)
        out.squared_residuals[d], out.squared_deviations[d], out.squared_returns[d] = squares, spread, total
        out.residuals[rows], out.weight[rows] = residuals, weight
