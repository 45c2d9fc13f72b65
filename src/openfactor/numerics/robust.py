"""The cross-sectional regression of one day with Huber's loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
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
)
from openfactor.numerics.huber import consistency, huber_scale
from openfactor.numerics.minimum_norm import minimum_norm_solution

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_STEPS, TOLERANCE = 500, 1e-11
"""Most steps of reweighting, and the change of fitted returns, in units of the scale, that ends it."""

EXTRAPOLATIONS = 8
"""Lengths that are tried when two steps are extrapolated."""


@dataclass(frozen=True)
class _Point:
    """Factor returns, and the scale that is best for them."""

    factor_returns: Float
    """(K,)"""
    residuals: Float
    """(n,) NaN where an exposure is missing."""
    scale: float
    bound: float
    """epsilon times the scale."""
    loss: float


@dataclass(frozen=True)
class _Problem:
    """Huber's regression of one day, with the penalties of the unlowered weights."""

    design: RegressionDesign
    day: RegressionBatch
    epsilon: float
    weight: Float
    """(n,) summing to one."""
    used: Mask
    """(n,) estimated on."""
    y: Float
    """(n,) what is regressed."""
    clipped_off: Float
    """(n,) what clipping took from the returns."""
    penalty: Float
    """(K,)"""
    constraints: Float
    """(G, K)"""
    active: Mask
    """(K,) columns with an exposure."""

    @classmethod
    def of(cls, design: RegressionDesign, day: RegressionBatch, epsilon: float, weight: Float) -> _Problem:
        clipped = clipped_returns(design, day)
        y = clipped if day.known_returns is None else clipped - day.known_returns
        equations = kernels.assemble(day.blocks, weight, y, day.market_cap, design.rules, 0, len(y))
        return cls(
            design, day, epsilon, weight, weight > 0, y, day.returns - clipped,
            equations.penalty, equations.constraints, equations.has_exposure,
        )  # fmt: skip

    @property
    def smallest_scale(self) -> float:
        """A scale below this is rounding: most observations are fitted exactly, and there is nothing to weigh
        by.
        """
        return max(EXACT * math.sqrt(self.weight[self.used] @ self.y[self.used] ** 2), ROUNDING)

    def at(self, factor_returns: Float) -> _Point:
        """The point of factor returns (K,)."""
        used = self.used
        e = self.y - kernels.fitted_returns(self.day.blocks, factor_returns, 0, len(self.y))
        size, c = np.abs(e[used]), consistency(self.epsilon)
        penalty = float(self.penalty @ factor_returns**2)
        scale = huber_scale(size, self.weight[used], self.epsilon, c, penalty)
        bound = self.epsilon * scale
        # s H(e / s), which has a limit where s is 0
        losses = np.where(size > bound, 2.0 * self.epsilon * size - self.epsilon * bound, 0.0)
        if scale > 0:
            losses = np.where(size > bound, losses, size**2 / scale)
            losses += c * scale + penalty / scale
        return _Point(factor_returns, e, scale, bound, float(self.weight[used] @ losses))

    def step(self, point: _Point) -> _Point:
        """Reweighted least squares: never further from the minimum."""
        return self.at(self.solve(self.lowered_weight(point))[0])

    def lowered_weight(self, point: _Point) -> Float:
        """(n,) the weights, those of residuals beyond the bound times bound / residual."""
        out, used = np.zeros(len(self.weight)), self.used
        sizes = np.abs(point.residuals[used])
        # both may be 0 where most observations return the same: such a residual is not beyond the bound
        share = np.divide(point.bound, sizes, out=np.ones_like(sizes), where=sizes > point.bound)
        out[used] = self.weight[used] * share
        return out

    def distance(self, first: _Point, second: _Point) -> float:
        """Root mean square difference of the fitted returns."""
        used = self.used
        return math.sqrt(self.weight[used] @ (second.residuals - first.residuals)[used] ** 2)

    def extrapolated(self, start: _Point, first: _Point, second: _Point) -> _Point:
        """Two steps carried on in their direction, where that has less loss than the second.

        References
        ----------
        Varadhan and Roland, Simple and globally convergent methods for accelerating the convergence of any EM
        algorithm, Scandinavian Journal of Statistics 35 (2008), scheme S3.
        """
        f, used = start.factor_returns, self.used
        r = first.factor_returns - f
        v = (second.factor_returns - first.factor_returns) - r
        turn = (second.residuals - 2.0 * first.residuals + start.residuals)[used]
        length = self.distance(start, first) / max(math.sqrt(self.weight[used] @ turn**2), 1e-300)
        for _ in range(EXTRAPOLATIONS):
            if not 1.0 < length < 1e12:
                break
            ahead = self.at(f + 2.0 * length * r + length**2 * v)
            if ahead.loss < second.loss:
                return ahead
            length = (length + 1.0) / 2.0
        return second

    def solve(self, weight: Float, share: float = 1.0) -> tuple[Float, Float]:
        """Factor returns, and their variances for returns with the variance 1 / weight, each (K,).

        weight : (n,) positive where the first weights are; share : of the squares, with penalties as they are
        """
        day, penalty, k = self.day, self.penalty / share, len(self.active)
        gram, right, *_ = kernels.weighted_cross_products(
            day.blocks, weight, self.y, day.market_cap, k, 0, len(self.y)
        )
        gram[np.diag_indices(k)] += penalty
        free = kernels.freedom(self.constraints, self.active)
        solved, inverse, _, condition = kernels.constrained_inverse(
            gram, self.constraints, self.active, *self.design.diagonal_group
        )
        if solved and condition <= MAX_CONDITION:
            return inverse @ right, kernels.sampling_variance(inverse, gram, penalty, free)
        used = np.flatnonzero(weight)
        x = design_matrix(*day.blocks, k)[used]
        solution = minimum_norm_solution(
            x, weight[used], self.y[used], penalty, self.constraints, self.active
        )
        return solution.factor_returns, solution.sampling_variance(gram, free)


def fit_robustly(design: RegressionDesign, epsilon: float, day: RegressionBatch) -> RegressionResults:
    """The regression of one day with Huber's loss.

    Minimises, over factor returns f and scale s, subject to C f = 0,

        sum_i w_i (c s + H(e_i / s) s) + sum_k lambda_k f_k^2 / s,   c = E min(z^2, epsilon^2), z normal,

    where H(z) is z^2 up to `epsilon` and 2 epsilon |z| - epsilon^2 beyond (see `huber` for c). This is convex
    in both. By reweighted least squares: a residual beyond epsilon s has its weight multiplied by epsilon s /
    |e|, which gives `weight` of the results; then s is the best one for the residuals.

    Standard errors: kappa^2 sum (w~ psi)^2 / (n - rank) / m^2 takes the place of s^2, psi the residuals cut
    at epsilon s, m the share of weight that is not cut, kappa = 1 + rank / n (1 - m) / m. The weights are
    squared because w~ psi x is what an observation adds to the equations: a cut residual does not have the
    variance 1 / w~. The observations pull with the share m only, the penalties with all they have: in P they
    are divided by m.

    Parameters
    ----------
    design : rules of the regression
    epsilon : bound of the quadratic part, in standard deviations of normal residuals; above 0
    day : observations of a single day, B = 1

    Returns
    -------
    Results with B = 1. R^2, variance inflation and effective names are those of the weights before they are
    lowered; so are all values on a day without spread, which has the least-squares solution.

    References
    ----------
    Huber, Robust Statistics (1981), chapter 7, equation (6.5). Huber and Ronchetti, Robust Statistics, 2nd
    ed. (2009), sections 7.7 and 7.8. Owen, A robust hybrid of lasso and ridge regression, Contemporary
    Mathematics 443 (2007).
    """
    plain = fit_days(design, day)
    if not plain.n[0] or not plain.has_spread[0]:
        return plain
    problem = _Problem.of(design, day, epsilon, plain.weight)
    smallest, start, old = problem.smallest_scale, problem.at(plain.factor_returns[0]), None
    new, converged, lowered = start, start.scale <= smallest, plain.weight
    for number in range(MAX_STEPS):
        if converged:
            break
        if old is not None and number % 2 == 0:
            start = new = problem.extrapolated(start, old, new)
        lowered = problem.lowered_weight(new)
        old, new = new, problem.step(new)
        converged = new.scale <= smallest or problem.distance(old, new) <= TOLERANCE * new.scale
    return _robust_results(plain, problem, new, lowered, converged)


def _robust_results(
    plain: RegressionResults, problem: _Problem, point: _Point, lowered: Float, converged: bool
) -> RegressionResults:
    """The results of `fit_robustly`, from those of least squares, the last point and its weights."""
    used = plain.weight > 0
    weight, e = plain.weight[used], point.residuals[used]
    before = float(weight @ problem.at(plain.factor_returns[0]).residuals[used] ** 2)
    is_exact_fit = bool(plain.is_exact_fit[0]) or point.scale <= problem.smallest_scale
    errors = np.full_like(plain.standard_errors, np.nan)
    if not is_exact_fit:
        share = float(weight.sum(where=np.abs(e) <= point.bound))
        kappa = 1.0 + plain.rank[0] / plain.n[0] * (1.0 - share) / share
        psi = float(plain.n[0] * weight**2 @ np.minimum(np.abs(e), point.bound) ** 2)
        _, variance = problem.solve(plain.weight, share)
        freedom = plain.n[0] - plain.rank[0]
        errors = np.where(plain.has_exposure, np.sqrt(variance * psi / freedom) * kappa / share, np.nan)
    return replace(
        plain,
        factor_returns=point.factor_returns[None],
        standard_errors=errors,
        r2=1.0 - (1.0 - plain.r2) * (float(weight @ e**2) / before if before > 0 else 1.0),
        is_exact_fit=np.array([is_exact_fit]),
        has_converged=np.array([converged]),
        specific_return=point.residuals + problem.clipped_off,
        weight=lowered / lowered.sum(),
    )
