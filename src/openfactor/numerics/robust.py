"""The cross-sectional regression of one day with Huber's loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openfactor.numerics import normal_equations as kernels
from openfactor.numerics.cross_section import (
    EXACT,
    MAX_CONDITION,
    ROUNDING,
    RegressionBatch,
    RegressionDesign,
    RegressionResults,
    clipped_returns,
    design_matrix,
    fit_days,
    solve_orthogonal,
)

Float = NDArray[np.float64]

MAX_STEPS, TOLERANCE = 500, 1e-11
"""Of reweighting: most steps, and the change of what factors explain, in units of the scale, that ends it."""

EXTRAPOLATIONS = 8
"""Lengths that are tried when two steps are extrapolated."""


def consistency(epsilon: float) -> float:
    """E min(z^2, epsilon^2) of a standard normal z: with it the scale of normal residuals is their standard
    deviation. Source: Huber and Ronchetti, Robust Statistics (2009), section 6.4 (Proposal 2)."""
    density = math.exp(-0.5 * epsilon**2) / math.sqrt(2.0 * math.pi)
    inside, beyond = math.erf(epsilon / math.sqrt(2.0)), math.erfc(epsilon / math.sqrt(2.0))
    return inside - 2.0 * epsilon * density + epsilon**2 * beyond


@njit(cache=True, nogil=True)
def huber_scale(
    residuals: Float, weights: Float, epsilon: float, consistent: float, penalty: float = 0.0
) -> float:
    """The s for which  sum_i w_i min(e_i^2, epsilon^2 s^2) + penalty = consistent s^2; 0 where so much of the
    weight has no residual that there is none.

    residuals (n,); weights (n,) that sum to one; `consistent` as of `consistency`. It minimises Huber's loss
    with a concomitant scale for given residuals. Sorted by size, the left side is piecewise quadratic.
    """
    squares = residuals**2
    order = np.argsort(squares)
    inside, within = penalty, 0.0
    for i in order:
        beyond = epsilon * epsilon * (1.0 - within)
        # the left side over s^2, at the s that has this residual on the bound: it falls as s grows
        if squares[i] > 0.0 and inside * epsilon**2 / squares[i] + beyond <= consistent:
            break
        inside += weights[i] * squares[i]
        within += weights[i]
    left = consistent - epsilon * epsilon * max(1.0 - within, 0.0)
    return math.sqrt(inside / left) if left > 0.0 else 0.0


@dataclass(frozen=True)
class _Problem:
    """Huber's regression of one day, with the penalties of the unlowered weights."""

    design: RegressionDesign
    day: RegressionBatch
    epsilon: float
    omega: Float
    """(n,) weights, which sum to one."""
    y: Float
    """(n,) what is regressed."""
    cut: Float
    """(n,) what clipping took away from the returns."""
    penalty: Float
    """(K,)"""
    constraints: Float
    """(G, K)"""
    active: NDArray[np.bool_]
    """(K,)"""

    @classmethod
    def of(cls, design: RegressionDesign, day: RegressionBatch, epsilon: float, omega: Float) -> _Problem:
        clipped = clipped_returns(design, day)
        y = clipped if day.known_returns is None else clipped - day.known_returns
        _, _, _, penalty, constraints, active, _ = kernels.assemble(
            day.dense, day.codes, day.loadings, omega, y, day.market_cap, design.min_names,
            design.shrinkage_overrides, design.group_first, design.group_last, design.zero_sum, 0, len(y),
        )  # fmt: skip
        return cls(design, day, epsilon, omega, y, day.returns - clipped, penalty, constraints, active)

    @property
    def smallest(self) -> float:
        """A scale below this is rounding: most names are fitted exactly, and there is nothing to weigh by."""
        used = self.omega > 0
        return max(EXACT * math.sqrt(self.omega[used] @ self.y[used] ** 2), ROUNDING)

    def at(self, f: Float) -> _Point:
        """The point of factor returns f (K,)."""
        day, used = self.day, self.omega > 0
        e = self.y - kernels.fitted_returns(day.dense, day.codes, day.loadings, f, 0, len(self.y))
        size, c, penalty = np.abs(e[used]), consistency(self.epsilon), float(self.penalty @ f**2)
        scale = huber_scale(size, self.omega[used], self.epsilon, c, penalty)
        bound = self.epsilon * scale
        # s H(e / s), which has a limit where s is 0
        losses = np.where(size > bound, 2.0 * self.epsilon * size - self.epsilon * bound, 0.0)
        if scale > 0:
            losses = np.where(size > bound, losses, size**2 / scale)
            losses += c * scale + penalty / scale
        return _Point(f, e, scale, bound, float(self.omega[used] @ losses))

    def step(self, point: _Point) -> _Point:
        """Reweighted least squares: never further from the minimum."""
        return self.at(self.solve(self.lowered(point))[0])

    def lowered(self, point: _Point) -> Float:
        """(n,) the weights, those of residuals beyond the bound times bound / residual."""
        out = np.zeros(len(self.omega))
        used = self.omega > 0
        out[used] = self.omega[used] * (point.bound / np.maximum(np.abs(point.e[used]), point.bound))
        return out

    def moved(self, old: _Point, new: _Point) -> float:
        """Root mean square change of what factors explain."""
        used = self.omega > 0
        return math.sqrt(self.omega[used] @ (new.e - old.e)[used] ** 2)

    def extrapolated(self, start: _Point, first: _Point, second: _Point) -> _Point:
        """Two steps carried on in their direction, where that has less loss than the second.

        Source: Varadhan and Roland, Simple and globally convergent methods for accelerating the convergence
        of any EM algorithm, Scandinavian Journal of Statistics 35 (2008), scheme S3.
        """
        r, v = first.f - start.f, (second.f - first.f) - (first.f - start.f)
        used = self.omega > 0
        turn = (second.e - 2.0 * first.e + start.e)[used]
        length = self.moved(start, first) / max(math.sqrt(self.omega[used] @ turn**2), 1e-300)
        for _ in range(EXTRAPOLATIONS):
            if not 1.0 < length < 1e12:
                break
            ahead = self.at(start.f + 2.0 * length * r + length**2 * v)
            if ahead.loss < second.loss:
                return ahead
            length = (length + 1.0) / 2.0
        return second

    def solve(self, omega: Float, share: float = 1.0) -> tuple[Float, Float]:
        """Factor returns and their variances for returns with the variance 1 / weight, each (K,).

        omega : (n,) positive where the first weights are; share : of the squares, with penalties as they are
        """
        day, penalty = self.day, self.penalty / share
        gram, right, *_ = kernels.normal_equations(
            day.dense,
            day.codes,
            day.loadings,
            omega,
            self.y,
            day.market_cap,
            len(self.active),
            0,
            len(self.y),
        )
        gram[np.diag_indices(len(gram))] += penalty
        free = kernels.freedom(self.constraints, self.active)
        solved, inverse, _, condition = kernels.constrained_inverse(
            gram, self.constraints, self.active, *self.design.diagonal_group
        )
        if solved and condition <= MAX_CONDITION:
            return inverse @ right, kernels.sampling_variance(inverse, gram, penalty, free)
        used = np.flatnonzero(omega)
        x = design_matrix(day.dense, day.codes, day.loadings, len(self.active))[used]
        found = solve_orthogonal(x, omega[used], self.y[used], penalty, self.constraints, self.active)
        return found.factor_returns, found.variance(gram, free)


@dataclass(frozen=True)
class _Point:
    """Factor returns and the scale that is best for them."""

    f: Float
    """(K,)"""
    e: Float
    """(n,) residuals; NaN where an exposure is missing."""
    scale: float
    bound: float
    """epsilon times the scale."""
    loss: float


def fit_robustly(design: RegressionDesign, epsilon: float, day: RegressionBatch) -> RegressionResults:
    """The regression of one day with Huber's loss: B = 1.

    Minimises, over factor returns f and scale s, subject to C f = 0,

        sum_i w_i (c s + H(e_i / s) s) + sum_k lambda_k f_k^2 / s,   c = E min(z^2, epsilon^2), z normal,

    where H(z) is z^2 up to `epsilon` and 2 epsilon |z| - epsilon^2 beyond. This is convex in both. By
    reweighted least squares: a residual beyond epsilon s has its weight multiplied by epsilon s / |e|, which
    is `omega` of the result; then s is the best one for the residuals. With c, s is the standard deviation
    of normal residuals.

    Standard errors: kappa^2 sum (w~ psi)^2 / (n - rank) / m^2 takes the place of s^2, psi the residuals cut
    at epsilon s, m the share of weight that is not cut, kappa = 1 + rank / n (1 - m) / m. The weights are
    squared because w~ psi x is what a name adds to the equations: a cut residual does not have the variance
    1 / w~. The names pull with the share m only, the penalties with all they have: in P they are divided by
    m.
    R^2, inflation and effective names are those of the weights before they are lowered.

    Source: Huber, Robust Statistics (1981), chapter 7, equation (6.5); Huber and Ronchetti, 2nd ed. (2009),
    sections 7.7 and 7.8; Owen, A robust hybrid of lasso and ridge regression (2007).
    """
    plain = fit_days(design, day)
    if not plain.n[0] or not plain.has_spread[0]:
        return plain
    problem = _Problem.of(design, day, epsilon, plain.weight)
    smallest, start, old = problem.smallest, problem.at(plain.factor_returns[0]), None
    new, converged, lowered = start, start.scale <= smallest, plain.weight
    for number in range(MAX_STEPS):
        if converged:
            break
        if old is not None and number % 2 == 0:
            start = new = problem.extrapolated(start, old, new)
        lowered = problem.lowered(new)
        old, new = new, problem.step(new)
        converged = new.scale <= smallest or problem.moved(old, new) <= TOLERANCE * new.scale
    return _robust_fit(plain, problem, new, lowered, converged)


def _robust_fit(
    plain: RegressionResults, problem: _Problem, point: _Point, lowered: Float, converged: bool
) -> RegressionResults:
    """The result of `fit_robustly`, from that of least squares, the last point and its weights."""
    used = plain.weight > 0
    omega, e = plain.weight[used], point.e[used]
    before = float(omega @ problem.at(plain.factor_returns[0]).e[used] ** 2)
    exact = bool(plain.is_exact_fit[0]) or point.scale <= problem.smallest
    errors = np.full_like(plain.standard_errors, np.nan)
    if not exact:
        share = float(omega.sum(where=np.abs(e) <= point.bound))
        kappa = 1.0 + plain.rank[0] / plain.n[0] * (1.0 - share) / share
        psi = float(plain.n[0] * omega**2 @ np.minimum(np.abs(e), point.bound) ** 2)
        _, variance = problem.solve(plain.weight, share)
        freedom = plain.n[0] - plain.rank[0]
        errors = np.where(plain.has_exposure, np.sqrt(variance * psi / freedom) * kappa / share, np.nan)
    return replace(
        plain,
        factor_returns=point.f[None],
        standard_errors=errors,
        r2=1.0 - (1.0 - plain.r2) * (float(omega @ e**2) / before if before > 0 else 1.0),
        is_exact_fit=np.array([exact]),
        has_converged=np.array([converged]),
        specific_return=point.e + problem.cut,
        weight=lowered / lowered.sum(),
    )
