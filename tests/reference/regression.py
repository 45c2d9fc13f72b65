"""The regression of one day, written as the formulas are: loops, and Lagrange multipliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space

from openfactor.numerics.cross_section import CAP_WEIGHTED, EQUAL, RegressionDesign


@dataclass
class SlowFit:
    factor_returns: np.ndarray
    standard_errors: np.ndarray
    specific_return: np.ndarray
    r2: float
    rank: int
    vif: np.ndarray


@dataclass
class _Equations:
    """The observations that are estimated on, and their penalised normal equations."""

    rows: list[int]
    omega: dict[int, float]
    y: dict[int, float]
    gram: np.ndarray
    right: np.ndarray
    penalties: np.ndarray
    active: list[int]


def _equations(design: RegressionDesign, x: np.ndarray, weights, returns) -> _Equations:
    n_all, k_all = x.shape
    lower, upper = design.clip_bounds
    rows = [
        i
        for i in range(n_all)
        if weights[i] > 0 and np.isfinite(returns[i]) and np.isfinite(x[i, : design.n_dense]).all()
    ]
    total = sum(weights[i] for i in rows)
    omega = {i: weights[i] / total for i in rows}
    y = {i: min(max(returns[i], lower), upper) for i in rows}
    gram, right, penalties = np.zeros((k_all, k_all)), np.zeros(k_all), np.zeros(k_all)
    for i in rows:
        for a in range(k_all):
            right[a] += omega[i] * x[i, a] * y[i]
            for b in range(k_all):
                gram[a, b] += omega[i] * x[i, a] * x[i, b]
    for k in range(design.n_dense, k_all):
        loadings = np.array([omega[i] * x[i, k] for i in rows])
        if not (loadings != 0).any():
            continue
        effective = loadings.sum() ** 2 / (loadings**2).sum()
        share, override = max(design.min_names[k] / effective - 1, 0), design.shrinkage_overrides[k]
        penalties[k] = gram[k, k] * (share if np.isnan(override) else override)
        gram[k, k] += penalties[k]
    active = [k for k in range(k_all) if any(x[i, k] != 0 for i in rows)]
    return _Equations(rows, omega, y, gram, right, penalties, active)


def _constraints(design: RegressionDesign, x: np.ndarray, caps, equations: _Equations) -> np.ndarray:
    """A row per group with a zero sum, on the active columns."""
    constraints = []
    for first, last, kind in zip(design.group_first, design.group_last, design.zero_sum, strict=True):
        row = np.zeros(x.shape[1])
        for k in range(first, last):
            if k in equations.active and kind == EQUAL:
                row[k] = 1
            if k in equations.active and kind == CAP_WEIGHTED:
                row[k] = sum(caps[i] * x[i, k] for i in equations.rows)
        if row.any():
            constraints.append(row / np.abs(row).max())
    return np.array(constraints).reshape(len(constraints), x.shape[1])[:, equations.active]


def fit_day_slowly(design: RegressionDesign, x: np.ndarray, weights, returns, caps) -> SlowFit:
    """`x` (n, K) is the whole design; NaN marks a missing dense exposure."""
    n_all, k_all = x.shape
    equations = _equations(design, x, weights, returns)
    rows, omega, y, active = equations.rows, equations.omega, equations.y, equations.active
    c = _constraints(design, x, caps, equations)
    m, a = c.shape
    system = np.block([[equations.gram[np.ix_(active, active)], c.T], [c, np.zeros((m, m))]])
    # the upper left block of the inverse of this matrix is the constrained inverse
    inverse = np.linalg.pinv(system, rcond=1e-14)
    free = null_space(c) if m else np.eye(a)
    f = np.zeros(k_all)
    f[active] = (inverse @ np.concatenate([equations.right[active], np.zeros(m)]))[:a]
    specific = np.full(n_all, np.nan)
    for i in range(n_all):
        specific[i] = returns[i] - sum(x[i, k] * f[k] for k in range(k_all))
    residual = {i: y[i] - x[i] @ f for i in rows}
    mean = sum(omega[i] * y[i] for i in rows)
    rank = a - m
    root = np.sqrt([omega[i] for i in rows])
    used = x[np.ix_(rows, active)]
    errors, r2 = np.full(k_all, np.nan), np.nan
    if len(rows) > rank:
        squares = sum(omega[i] * residual[i] ** 2 for i in rows)
        r2 = 1 - squares / sum(omega[i] * (y[i] - mean) ** 2 for i in rows)
        s2 = len(rows) * squares / (len(rows) - rank)  # in weights with the mean one
        # independent returns of variance s2 / w, and what each of them adds to the factor returns
        spread = inverse[:a, :a] @ used.T * root
        errors[active] = np.sqrt(s2 * (spread**2).sum(axis=1) / len(rows))
        errors[active] = np.where(np.abs(free).max(axis=1, initial=0) > 1e-12, errors[active], np.nan)
    vif = np.full(k_all, np.nan)
    vif[active] = [_inflation(used, root, equations.penalties[active], free, j) for j in range(a)]
    return SlowFit(f, errors, specific, r2, rank, vif)


def _inflation(x: np.ndarray, root: np.ndarray, penalty: np.ndarray, free: np.ndarray, j: int) -> float:
    """1 / (1 - R^2) of the part of column j that the constraints leave, on all that does not move factor j.

    A penalty is one more row, on which the column has its root. R^2 is about the weighted mean where the
    other columns hold a constant.
    """
    own = free @ free[j]  # the direction of factor j
    if np.abs(own).max(initial=0) < 1e-12:
        return np.nan
    rows = np.vstack([x * root[:, None], np.diag(np.sqrt(penalty))])
    target = rows @ own
    others = rows @ free @ null_space(own[None] @ free)
    one = np.concatenate([root, np.zeros(len(penalty))])

    def left(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return values - columns @ np.linalg.lstsq(columns, values, rcond=1e-13)[0]

    if np.linalg.norm(left(target, one[:, None])) < 1e-6 * np.linalg.norm(target):
        return 1.0  # constant itself: no spread that the others could explain
    holds_constant = np.linalg.norm(left(one, others)) < 1e-8
    total = left(target, one[:, None]) if holds_constant else target
    return float((total @ total) / (left(target, others) @ left(target, others)))
