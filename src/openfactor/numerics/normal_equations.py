"""The compiled part of a day's regression: normal equations, their solution, residuals.

One file on purpose: numba's cache on disk looks at the file of a kernel only, so that a kernel which
called one of another file would go on running that file's old code.

The normal equations come from the blocks of the design, dense factors and coded categories, in one pass
over the names. The minimum of  f'Gf - 2 b'f  subject to  C f = 0  solves the saddle-point system

    [G  C'] [f]   [b]
    [C  0 ] [m] = [0]

Where every name is in one category of a group, that group's block of G is diagonal; eliminating it leaves
a system as small as the other columns and the constraints. Source: Benzi, Golub and Liesen, Numerical
solution of saddle point problems, Acta Numerica 14 (2005), sections 3 and 5.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]

FAST = {"reassoc", "contract"}  # lets sums be vectorised; NaN and infinity keep their meaning
TILE = 256  # names whose dense exposures stay in the caches of one core
LANES = 8  # doubles of the widest vectors
PINNED = 1e-13  # share of a direction below which a column is not free, but held by constraints
NO_CONSTANT = 1e-10  # share of a constant that the columns leave, where they hold one but for rounding
NO_PART = 1e-5  # part of a column in that constant, likewise


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_multiple(values: Float, factor: float, out: Float) -> None:
    """out += values * factor"""
    for j in range(len(out)):
        out[j] += values[j] * factor


@njit(cache=True, nogil=True)
def estimation_weights(
    dense: Float, weights: Float, returns: Float, begin: int, end: int
) -> tuple[Float, int]:
    """Weights of the names begin:end scaled to sum one, 0 for those that cannot be estimated on, and the
    number of others.

    A name is estimated on when it has a positive weight, a return, and every dense exposure.
    """
    n = end - begin
    omega, complete = np.zeros(n), np.zeros(n)
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        for k in range(dense.shape[0]):  # NaN and infinity leave NaN
            _add_multiple(dense[k][begin + start : begin + stop], 0.0, complete[start:stop])
    total, count = 0.0, 0
    for i in range(n):
        if weights[begin + i] > 0.0 and np.isfinite(returns[begin + i]) and complete[i] == 0.0:
            omega[i] = weights[begin + i]
            total += omega[i]
            count += 1
    if count > 0:
        omega /= total
    return omega, count


@njit(cache=True, nogil=True, fastmath=FAST)
def _weigh(values: Float, root: Float, block: Float) -> float:
    """The values times the roots of their weights; 0 for names without a weight, which may hold NaN. Gives
    the sum of weight times value."""
    total = 0.0
    for j in range(len(root)):
        value = values[j] * root[j] if root[j] > 0.0 else 0.0
        block[j] = value
        total += value * root[j]
    return total


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_dense(block: Float, m: int, products: Float) -> None:
    """products += block @ block.T over the first m names, lower triangle, two rows by two at a time, which
    share what is loaded. The number of rows is even."""
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
def _add_to_categories(
    code: NDArray[np.int32], load: Float, root: Float, by_name: Float, sums: Float
) -> None:
    """sums[c] += load * root * (what `by_name` has of the name), for the category c of each name of a
    tile."""
    for j in range(len(code)):
        c = code[j]
        if c >= 0 and root[j] > 0.0:
            scale = load[j] * root[j]
            for k in range(sums.shape[1]):
                sums[c, k] += scale * by_name[j, k]


@njit(cache=True, nogil=True, fastmath=FAST)
def normal_equations(
    dense: Float,
    codes: NDArray[np.int32],
    loads: Float,
    omega: Float,
    returns: Float,
    caps: Float,
    n_factors: int,
    begin: int,
    end: int,
) -> tuple[Float, Float, Float, Float, Float]:
    """Weighted cross products over the names begin:end with a positive weight; the others may hold NaN.

    Parameters
    ----------
    dense : (n_dense, N) exposures of the dense factors, which are the first columns of the design
    codes, loads : (m, N) column of the design and loading of each name's categories; column -1: none
    omega : (end - begin,); returns, caps : (N,)
    n_factors : K, dense and categorical columns together

    Returns
    -------
    gram (K, K) = X' W X; right (K,) = X' W r; and per column sum w x, sum (w x)**2, sum cap x
    (the last two for categorical columns only).
    """
    n_dense, n = dense.shape[0], end - begin
    width = n_dense + 1  # the return rides along as a last dense column
    even = width + width % 2
    wide = -(-(width + 4) // LANES) * LANES  # with four columns of the slot; a vector has no remainder
    root = np.sqrt(omega)
    block, by_name = np.zeros((even, TILE + LANES)), np.zeros((TILE, wide))
    products = np.zeros((even, even))
    sums = np.zeros((n_factors, wide))  # by category, of the weighted dense columns and those of the slot
    gram = np.zeros((n_factors, n_factors))
    for start in range(0, n, TILE):
        m = min(TILE, n - start)
        here, there = slice(start, start + m), slice(begin + start, begin + start + m)
        roots = root[here]
        for k in range(n_dense):
            sums[k, width] += _weigh(dense[k][there], roots, block[k])
        _weigh(returns[there], roots, block[n_dense])
        for j in range(m):
            for k in range(width):
                by_name[j, k] = block[k, j]
        _add_dense(block, m, products)
        for slot in range(codes.shape[0]):
            code, load, weight, cap = codes[slot][there], loads[slot][there], omega[here], caps[there]
            for j in range(m):  # times load * root these are w x, w x x, (w x)**2 and cap x
                by_name[j, width] = roots[j]
                by_name[j, width + 1] = roots[j] * load[j]
                by_name[j, width + 2] = roots[j] * weight[j] * load[j]
                by_name[j, width + 3] = cap[j] / roots[j] if roots[j] > 0.0 else 0.0
            _add_to_categories(code, load, roots, by_name, sums)
            for other in range(codes.shape[0]):
                if other != slot:
                    for j in range(m):
                        c, d = code[j], codes[other, begin + start + j]
                        if c >= 0 and d >= 0 and weight[j] > 0.0:
                            gram[c, d] += weight[j] * load[j] * loads[other, begin + start + j]
    right = np.zeros(n_factors)
    for a in range(n_dense):
        right[a] = products[n_dense, a]
        for b in range(a + 1):
            gram[a, b] = products[a, b]
            gram[b, a] = products[a, b]
    for c in range(n_dense, n_factors):
        right[c] = sums[c, n_dense]
        gram[c, c] += sums[c, width + 1]
        for k in range(n_dense):
            gram[c, k] = sums[c, k]
            gram[k, c] = sums[c, k]
    return gram, right, sums[:, width].copy(), sums[:, width + 2].copy(), sums[:, width + 3].copy()


@njit(cache=True, nogil=True, fastmath=FAST)
def fitted_returns(
    dense: Float, codes: NDArray[np.int32], loads: Float, factor_returns: Float, begin: int, end: int
) -> Float:
    """X f of the names begin:end. NaN where a dense exposure is missing; a missing category counts as
    zero."""
    n = end - begin
    out = np.zeros(n)
    for start in range(0, n, TILE):
        m = min(TILE, n - start)
        here, there = out[start : start + m], slice(begin + start, begin + start + m)
        for k in range(dense.shape[0]):
            _add_multiple(dense[k][there], factor_returns[k], here)
        for slot in range(codes.shape[0]):
            code, load = codes[slot][there], loads[slot][there]
            for j in range(m):
                if code[j] >= 0:
                    here[j] += load[j] * factor_returns[code[j]]
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
def _scaled_inverse(
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
    gram: Float,
    constraints: Float,
    active: NDArray[np.bool_],
    diagonal_first: int,
    diagonal_last: int,
) -> tuple[bool, Float, int, float]:
    """The P for which f = P b minimises f'Gf - 2 b'f subject to C f = 0 over the active columns.

    Parameters
    ----------
    gram : (K, K) symmetric, positive on the diagonal of active columns
    constraints : (G, K); a row of zeros constrains nothing
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
def _constraints(
    cap_sum: Float,
    active: NDArray[np.bool_],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    kinds: NDArray[np.int64],
) -> Float:
    rows = np.zeros((len(first), len(active)))
    for g in range(len(first)):
        for k in range(first[g], last[g]):
            if active[k] and kinds[g] != 0:
                rows[g, k] = 1.0 if kinds[g] == 1 else cap_sum[k]
    return rows


@njit(cache=True, nogil=True, fastmath=FAST)
def restore_clipped(
    specific: Float,
    returns: Float,
    clipped: Float,
    omega: Float,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Adds what clipping took from the returns to the specific returns (n,), in place; (B,) the number of
    names with a weight whose return was clipped."""
    counts = np.zeros(len(starts), np.int64)
    for d in range(len(starts)):
        count = 0
        for i in range(starts[d], stops[d]):
            if clipped[i] != returns[i]:  # or is missing, and leaves NaN, as it is
                specific[i] += returns[i] - clipped[i]
                count += 1 if omega[i] > 0.0 else 0
        counts[d] = count
    return counts


@njit(cache=True, nogil=True, fastmath=FAST)
def sums_of_squares(specific: Float, returns: Float, omega: Float) -> tuple[float, float, float]:
    """Weighted sums of squares: of residuals, of distances of the returns to their mean, of the returns."""
    mean, squares, spread, total = 0.0, 0.0, 0.0, 0.0
    for i in range(len(omega)):
        mean += omega[i] * returns[i] if omega[i] > 0.0 else 0.0
    for i in range(len(omega)):
        residual, distance = specific[i], returns[i] - mean
        squares += omega[i] * residual * residual if omega[i] > 0.0 else 0.0
        spread += omega[i] * distance * distance if omega[i] > 0.0 else 0.0
        total += omega[i] * returns[i] * returns[i] if omega[i] > 0.0 else 0.0
    return squares, spread, total


@njit(cache=True, nogil=True)
def assemble(
    dense: Float,
    codes: NDArray[np.int32],
    loads: Float,
    omega: Float,
    returns: Float,
    caps: Float,
    min_names: Float,
    overrides: Float,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    kinds: NDArray[np.int64],
    begin: int,
    end: int,
) -> tuple[Float, Float, Float, Float, Float, NDArray[np.bool_], Float]:
    """Of the names begin:end: penalised Gram matrix, right side, weighted means (K,) of the columns,
    penalties (K,), constraint rows (G, K), active columns, effective names. Parameters as `fit_days`."""
    k_all = len(min_names)
    gram, right, means, load_squares, cap_sum = normal_equations(
        dense, codes, loads, omega, returns, caps, k_all, begin, end
    )
    active = np.zeros(k_all, np.bool_)
    penalty = np.zeros(k_all)
    effective = np.full(k_all, np.nan)
    for k in range(k_all):
        active[k] = gram[k, k] > 0.0
        if load_squares[k] > 0.0:
            effective[k] = means[k] ** 2 / load_squares[k]
            if overrides[k] >= 0.0:
                penalty[k] = gram[k, k] * overrides[k]
            elif effective[k] > 0.0:
                penalty[k] = gram[k, k] * max(min_names[k] / effective[k] - 1.0, 0.0)
        gram[k, k] += penalty[k]
    return gram, right, means, penalty, _constraints(cap_sum, active, first, last, kinds), active, effective


@njit(cache=True, nogil=True)
def freedom(constraints: Float, active: NDArray[np.bool_]) -> Float:
    """Diagonal (K,) of ZZ', Z an orthonormal basis of the directions that the constraints leave: 1 for a
    free column, 0 for one that they pin, as the only category of its group. No column is in two
    constraints."""
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
    """Variance inflation factors (K,); NaN for columns that are not free.

    (Z Z'GZ Z')_kk P_kk / (ZZ')_kk^2, P the constrained inverse, Z an orthonormal basis of the directions
    that the constraints leave: at least 1. Where the other columns hold a constant, G is about the weighted
    means: then this is 1 / (1 - R^2) of a column on the others, as of an ordinary regression with an
    intercept, and 1 for a column that is constant itself.

    means : (K,) of the columns, with weights that sum to one; free : (K,) as of `freedom`

    With u a constraint of unit length the first factor is  G_kk - 2 u_k (Gu)_k + u_k^2 u'Gu.
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


@njit(cache=True, nogil=True)
def fit_days(
    dense: Float,
    codes: NDArray[np.int32],
    loads: Float,
    weights: Float,
    returns: Float,
    caps: Float,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    min_names: Float,
    overrides: Float,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    kinds: NDArray[np.int64],
    diagonal_first: int,
    diagonal_last: int,
) -> tuple[
    NDArray[np.bool_], Float, Float, Float, Float, NDArray[np.bool_], NDArray[np.int64], Float, Float, Float
]:
    """The regressions of days whose names lie one after another, in one call without the interpreter lock.

    Parameters
    ----------
    starts, stops : (B,) names of each day; the others as of `cross_section.RegressionBatch`
        and `RegressionDesign`

    Returns
    -------
    solved (B,); factor returns, their variances for returns with the variance 1 / weight, inflation,
    effective names and active columns, each (B, K); names and rank (B, 2); condition, sum of squared
    residuals, of squared distances and of squared returns (B, 4); residuals (n,) and scaled weights (n,).
    """
    n_days, k_all = len(starts), len(min_names)
    solved = np.zeros(n_days, np.bool_)
    f, variance = np.zeros((n_days, k_all)), np.full((n_days, k_all), np.nan)
    vif, effective = np.full((n_days, k_all), np.nan), np.full((n_days, k_all), np.nan)
    active = np.zeros((n_days, k_all), np.bool_)
    counts, sizes = np.zeros((n_days, 2), np.int64), np.full((n_days, 4), np.nan)
    residuals, omega = np.full(len(weights), np.nan), np.zeros(len(weights))
    for d in range(n_days):
        begin, end = starts[d], stops[d]
        rows = slice(begin, end)
        w, n = estimation_weights(dense, weights, returns, begin, end)
        counts[d, 0] = n
        if n == 0:
            continue
        gram, right, means, penalty, constraints, active[d], effective[d] = assemble(
            dense, codes, loads, w, returns, caps, min_names, overrides, first, last, kinds, begin, end
        )
        solved[d], inverse, counts[d, 1], sizes[d, 0] = constrained_inverse(
            gram, constraints, active[d], diagonal_first, diagonal_last
        )
        if solved[d]:
            f[d] = _product(inverse, right)
            free = freedom(constraints, active[d])
            variance[d] = sampling_variance(inverse, gram, penalty, free)
            vif[d] = variance_inflation(gram, inverse, means, constraints, free)
        e = returns[rows] - fitted_returns(dense, codes, loads, f[d], begin, end)
        sizes[d, 1], sizes[d, 2], sizes[d, 3] = sums_of_squares(e, returns[rows], w)
        residuals[rows], omega[rows] = e, w
    return solved, f, variance, vif, effective, active, counts, sizes, residuals, omega
