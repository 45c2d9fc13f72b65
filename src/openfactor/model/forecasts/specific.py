"""Specific variances, as they were known on each day."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Step
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.covariance import regime_multiplier
from openfactor.model.forecasts.factor_history import ENOUGH_DAYS
from openfactor.model.forecasts.own_variances import OwnVariances
from openfactor.model.forecasts.structural import blend, structural_volatilities
from openfactor.numerics.specific_variance import Smoothing, SpecificReturns, trimmed
from openfactor.numerics.volatility_shrinkage import shrink_to_deciles
from openfactor.settings.forecasts import RiskForecastSettings

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SpecificRisk:
    """Specific variances per trading period of the rows of some trading days in a row, and their components.

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
    """(T,) what volatilities were multiplied by; 1 after the last of the days."""

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

    Parameters
    ----------
    halflife_vra
        Of the regime adjustment, in trading periods; None: no adjustment.
    own_history
        Of the same model and settings; measures the regime where variances are not blended.

    Raises
    ------
    CancelledError
        The request was cancelled.
    """
    with fitted.context.step("specific risk", last_day + 1 - first_day) as advance:
        first_row, own, history = own_history.as_known(first_day, last_day, fitted.context)
        is_blended = settings.structural is not None or settings.bayesian is not None
        risk = SpecificRisk(
            first_row=first_row,
            variance=own.copy() if is_blended else own,
            own=own,
            history=history,
            structural=np.full(len(own), np.nan) if settings.structural is not None else None,
            shrunk=np.zeros(len(own)) if settings.bayesian is not None else None,
            regime=np.ones(len(fitted.days)),
        )
        if is_blended:
            _blend_days(risk, fitted, settings, range(first_day, last_day + 1), advance)
        if halflife_vra is None:
            return risk
        # blended variances are standardised by themselves, which needs those of all days before
        if is_blended:
            bias = _bias(risk, own_history.rows, own_history.smoothing)
        else:
            bias = own_history.bias(last_day, fitted.context)
        risk.regime[: last_day + 1] = regime_multiplier(bias[: last_day + 1], halflife_vra)
        scaled = risk.variance if is_blended else risk.variance.copy()
        for t in range(first_day, last_day + 1):
            scaled[risk.at(fitted.rows_on(t))] *= risk.regime[t] ** 2
        return replace(risk, variance=scaled)


def _blend_days(
    risk: SpecificRisk, fitted: FittedModel, settings: RiskForecastSettings, days: range, advance: Step
) -> None:
    """Write the variances of some trading days: the own ones, blended with structural ones and shrunk."""
    for t in days:
        rows = fitted.rows_on(t)
        place = risk.at(rows)
        volatility, history = np.sqrt(risk.own[place]), risk.history[place]
        if settings.structural is not None and risk.structural is not None:
            structural = structural_volatilities(fitted, rows, volatility, history, settings.structural)
            volatility = blend(volatility, structural, history, settings.structural.n0)
            risk.structural[place] = structural**2
        if settings.bayesian is not None and risk.shrunk is not None:
            volatility, risk.shrunk[place] = shrink_to_deciles(
                volatility, fitted.dataset.panel.market_cap[rows], settings.bayesian.q
            )
        risk.variance[place] = volatility**2
        advance()


def _bias(risk: SpecificRisk, all_rows: SpecificReturns, smoothing: Smoothing) -> Float:
    """(T,) squared bias B_t^2 of each trading day: the cap-weighted mean of squared returns over the
    variances known before; NaN where there is none.
    """
    bias = np.full(len(all_rows.trading_days), np.nan)
    for t in range(1, len(bias)):
        day = all_rows.trading_days[t - 1]
        rows = slice(int(all_rows.offsets[day]), int(all_rows.offsets[day + 1]))
        variance, cap = risk.variance[risk.at(rows)], all_rows.market_cap[rows]
        returns = all_rows.returns[rows]
        daily = trimmed(
            returns / np.sqrt(np.maximum(all_rows.covered[rows], 1)),
            smoothing.void_bounds,
            smoothing.clip_bounds,
        )
        used = np.where(np.abs(returns) > all_rows.rounding[t], daily, np.nan)
        counted = all_rows.is_main_listing[rows] & (risk.history[risk.at(rows)] >= ENOUGH_DAYS)
        counted &= np.isfinite(used) & (variance > 0) & (cap > 0)
        if counted.any():
            bias[t] = np.average(used[counted] ** 2 / variance[counted], weights=cap[counted])
    return bias
