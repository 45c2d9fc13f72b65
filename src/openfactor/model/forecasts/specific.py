"""Specific variances, as they were known on each day."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Step
from openfactor.model.estimation.stage_regression import unshrunk_design
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.correlation import ENOUGH_DAYS
from openfactor.model.forecasts.covariance import regime_multiplier
from openfactor.model.forecasts.history import OwnVariances
from openfactor.numerics.cross_section import RegressionBatch, fit_days
from openfactor.numerics.normal_equations import DesignBlocks, fitted_returns
from openfactor.numerics.specific_variance import Smoothing, SpecificReturns, trimmed
from openfactor.numerics.volatility_shrinkage import shrink_to_deciles
from openfactor.numerics.weighting import regression_weights
from openfactor.settings.forecasts import RiskForecastSettings, StructuralVolSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SpecificRisk:
    """Daily specific variances of the rows of some trading days in a row, and how they came about.

    The row of day t has what was known on t; rows between trading days hold NaN.
    """

    first_row: int
    """Row of the panel at which the arrays begin."""
    variance: Float
    """(n,) the forecast."""
    own: Float
    """(n,) of the listing's own history."""
    history: NDArray[np.int32]
    """(n,) returns that `own` rests on."""
    structural: Float | None
    """(n,) predicted from exposures."""
    shrunk: Float | None
    """(n,) share of the mean of its cap decile."""
    regime: Float
    """(T,) what volatilities were multiplied by; 1 after the days asked for."""

    def at(self, rows: slice) -> slice:
        """Rows of the panel as places in the arrays."""
        return slice(rows.start - self.first_row, rows.stop - self.first_row)


def specific_risk(
    fitted: FittedModel,
    settings: RiskForecastSettings,
    halflife_vra: float | None,
    own_history: OwnVariances,
    first_day: int,
    last_day: int,
) -> SpecificRisk:
    """Forecasts of the trading days from `first_day` to `last_day`, from the specific returns up to each.

    halflife_vra : of the regime adjustment; None: none
    own_history : of these settings; measures the regime where there is one

    Raises
    ------
    CancelledError: the request was cancelled.
    """
    with fitted.context.step("specific risk", last_day + 1 - first_day) as advance:
        return _specific_risk(fitted, settings, halflife_vra, own_history, first_day, last_day, advance)


def _specific_risk(
    fitted: FittedModel,
    settings: RiskForecastSettings,
    halflife_vra: float | None,
    own_history: OwnVariances,
    first_day: int,
    last_day: int,
    advance: Step,
) -> SpecificRisk:
    panel = fitted.dataset.panel
    first_row, own, history = own_history.between(first_day, last_day, fitted.context)
    variance, of_others, shares = own, None, None
    blended = settings.structural is not None or settings.bayesian is not None
    if blended:
        variance = own.copy()
        of_others = np.full(len(own), np.nan) if settings.structural is not None else None
        shares = np.zeros(len(own)) if settings.bayesian is not None else None
    out = SpecificRisk(first_row, variance, own, history, of_others, shares, np.ones(len(fitted.days)))
    for t in range(first_day, last_day + 1) if blended else ():
        rows = fitted.rows_on(t)
        here, volatility = out.at(rows), np.sqrt(own[out.at(rows)])
        if settings.structural is not None and of_others is not None:
            like = structural_volatilities(fitted, rows, volatility, history[here], settings.structural)
            volatility = _blend(volatility, like, history[here], settings.structural.n0)
            of_others[here] = like**2
        if settings.bayesian is not None and shares is not None:
            volatility, shares[here] = shrink_to_deciles(
                volatility, panel.market_cap[rows], settings.bayesian.q
            )
        variance[here] = volatility**2
        advance()
    if halflife_vra is None:
        return out
    # blended variances are standardised by themselves, for which the days before must be there
    if blended:
        bias = _bias(out, own_history.rows, own_history.how)
    else:
        bias = own_history.bias(last_day, fitted.context)
    out.regime[: last_day + 1] = regime_multiplier(bias[: last_day + 1], halflife_vra)
    scaled = variance if blended else variance.copy()
    for t in range(first_day, last_day + 1):
        scaled[out.at(fitted.rows_on(t))] *= out.regime[t] ** 2
    return replace(out, variance=scaled)


def structural_volatilities(
    fitted: FittedModel,
    rows: slice,
    volatility: Float,
    history: NDArray[np.int32],
    settings: StructuralVolSettings,
) -> Float:
    """What the exposures of a day say about volatilities (n,); NaN where an exposure is missing, or where
    there are too few companies for the factors.

    ln sigma is regressed on the exposures of the companies with enough history, with weights sqrt(cap); the
    exponential of the fit is scaled so that their cap-weighted volatility is right.

    Source: Menchero, Orr and Wang, USE4 methodology notes (2011), section 5.2.
    """
    columns, panel = fitted.columns[0], fitted.dataset.panel
    dense, codes, loads = columns.evaluate(rows)
    cap = panel.market_cap[rows]
    enough = panel.is_main_listing[rows] & (history >= settings.min_history) & (volatility > 0)
    target = np.log(np.where(enough, volatility, 1.0))
    weights = np.where(enough, regression_weights("SqrtCap", cap, cap), 0.0)
    if columns.may_miss_products:
        weights[np.isnan(loads).any(axis=0)] = 0.0
    codes = _without_small_categories(codes, weights > 0, settings.min_companies_per_factor)
    design = unshrunk_design(columns, fitted.settings.stages[0].construction)
    fit = fit_days(design, RegressionBatch.single_day(dense, codes, loads, weights, target, cap))
    if not fit.n[0] or fit.n[0] < settings.min_companies_per_factor * fit.rank[0]:
        return np.full(len(volatility), np.nan)
    blocks = DesignBlocks(dense, codes, loads)
    predicted = np.exp(fitted_returns(blocks, fit.factor_returns[0], 0, len(cap)))
    on = fit.weight > 0
    return np.asarray(predicted * (cap[on] @ volatility[on]) / (cap[on] @ predicted[on]))


def _without_small_categories(codes: NDArray[np.int32], counted: Mask, smallest: int) -> NDArray[np.int32]:
    """Columns that names load on (slots, n), -1 in place of those that fewer of the counted names have."""
    if not codes.size:
        return codes
    held = (codes >= 0) & counted
    small = np.bincount(codes[held], minlength=int(codes.max(initial=0)) + 1) < smallest
    return np.asarray(np.where((codes >= 0) & small[codes], -1, codes), np.int32)


def _blend(own: Float, structural: Float, history: NDArray[np.int32], n0: float) -> Float:
    """n / (n + n0) of the own volatility, the rest of the structural one; where one is missing, the other."""
    share = history / (history + n0)
    blended = share * np.nan_to_num(own) + (1.0 - share) * structural
    return np.asarray(np.where(np.isfinite(structural), blended, own))


def _bias(risk: SpecificRisk, all_rows: SpecificReturns, how: Smoothing) -> Float:
    """(T,) B_t^2: the cap-weighted mean of squared returns a day over the variances known before."""
    bias = np.full(len(all_rows.trading_days), np.nan)
    for t in range(1, len(bias)):
        day = all_rows.trading_days[t - 1]
        rows = slice(int(all_rows.offsets[day]), int(all_rows.offsets[day + 1]))
        variance, cap = risk.variance[risk.at(rows)], all_rows.market_cap[rows]
        returns = all_rows.returns[rows]
        daily = trimmed(
            returns / np.sqrt(np.maximum(all_rows.covered[rows], 1)), how.void_bounds, how.clip_bounds
        )
        used = np.where(np.abs(returns) > all_rows.rounding[t], daily, np.nan)
        counted = all_rows.is_main_listing[rows] & (risk.history[risk.at(rows)] >= ENOUGH_DAYS)
        counted &= np.isfinite(used) & (variance > 0) & (cap > 0)
        if counted.any():
            bias[t] = np.average(used[counted] ** 2 / variance[counted], weights=cap[counted])
    return bias
