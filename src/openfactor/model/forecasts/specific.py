"""Specific variances, as they were known on each day."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.panel import Panel
from openfactor.model.estimation.design import unshrunk_design
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.covariance import FIRST_REGIME_DAY, regime_multiplier
from openfactor.numerics.cross_section import Sample, fit_days
from openfactor.numerics.ewma import decay
from openfactor.numerics.normal_equations import explained
from openfactor.numerics.specific import shrink_to_deciles, specific_variances, trimmed
from openfactor.numerics.weighting import regression_weights
from openfactor.settings.forecasts import IdioVolSettings, RiskForecastSettings, StructuralVolSettings

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SpecificRisk:
    """Daily specific variances beside the rows of the panel, and how they came about.

    The row of day t has what was known on t; rows of days that were not asked for hold NaN.
    """

    variance: Float
    """(rows,) the forecast."""
    own: Float
    """(rows,) of the listing's own history."""
    history: NDArray[np.int32]
    """(rows,) returns that `own` rests on."""
    structural: Float | None
    """(rows,) that of its like."""
    shrunk: Float | None
    """(rows,) share of the mean of its cap decile."""
    regime: Float
    """(T,) what volatilities were multiplied by."""


def specific_risk(
    fitted: FittedModel,
    settings: RiskForecastSettings,
    first_day: int = 0,
    progress: Callable[[int], None] = lambda days: None,
) -> SpecificRisk:
    """Forecasts of the trading days from `first_day` on, from the specific returns up to each of them."""
    panel, days = fitted.dataset.panel, fitted.days
    halflife_vra = fitted.settings.halflife_idio_vra
    start = 0 if halflife_vra is not None else first_day  # the regime looks at the forecasts of all days
    returns, n_listings = fitted.estimates.specific_return, fitted.dataset.identifiers.n_listings
    own, history = own_variances(panel, days, returns, n_listings, settings.idio_vol, start, fitted.threads)
    variance, of_others, shares = own, None, None
    if settings.structural is not None or settings.bayesian is not None:
        variance = own.copy()
        of_others = np.full(len(own), np.nan) if settings.structural is not None else None
        shares = np.zeros(len(own)) if settings.bayesian is not None else None
        for t in range(start, len(days)):
            rows = fitted.rows_on(t)
            volatility = np.sqrt(own[rows])
            if settings.structural is not None and of_others is not None:
                like = structural_volatilities(fitted, rows, volatility, history[rows], settings.structural)
                volatility = _blend(volatility, like, history[rows], settings.structural.n0)
                of_others[rows] = like**2
            if settings.bayesian is not None and shares is not None:
                volatility, shares[rows] = shrink_to_deciles(volatility, panel.cap[rows], settings.bayesian.q)
            variance[rows] = volatility**2
            progress(1)
    regime = np.ones(len(days))
    if halflife_vra is not None:
        regime = _regime(panel, days, returns, settings.idio_vol, variance, history, halflife_vra)
        variance = variance.copy() if variance is own else variance
        for t in range(start, len(days)):
            variance[fitted.rows_on(t)] *= regime[t] ** 2
    return SpecificRisk(variance, own, history, of_others, shares, regime)


def own_variances(
    panel: Panel,
    days: NDArray[np.int64],
    returns: Float,
    n_listings: int,
    settings: IdioVolSettings,
    first_day: int,
    threads: int | None,
) -> tuple[Float, NDArray[np.int32]]:
    """(rows,) of each listing's own history, and the number of returns that it rests on; see
    `numerics.specific_variances`."""
    variance, history = np.full(panel.n_rows, np.nan), np.zeros(panel.n_rows, np.int32)
    workers = threads or os.cpu_count() or 1
    parts = np.linspace(0, n_listings, workers + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        list(
            pool.map(
                lambda first, last: specific_variances(
                    panel.offsets, panel.listing, returns, days, first, last, *_bounds(settings),
                    decay(settings.halflife), settings.nw_lags,
                    decay(settings.nw_lags_halflife_override or settings.halflife),
                    first_day, variance, history,
                ),
                parts[:-1], parts[1:],
            )
        )  # fmt: skip
    return variance, history


def _bounds(settings: IdioVolSettings) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of returns that count at all, and of what they count as."""

    def between(lower: float | None, upper: float | None) -> tuple[float, float]:
        return (-np.inf if lower is None else lower, np.inf if upper is None else upper)

    return between(settings.void_lb, settings.void_ub), between(settings.clip_lb, settings.clip_ub)


def structural_volatilities(
    fitted: FittedModel,
    rows: slice,
    volatility: Float,
    history: NDArray[np.int32],
    settings: StructuralVolSettings,
) -> Float:
    """What the exposures of a day say about volatilities (n,); NaN where an exposure is missing.

    ln sigma is regressed on the exposures of the companies with enough history, with weights sqrt(cap); the
    exponential of the fit is scaled so that their cap-weighted volatility is right.

    Source: Menchero, Orr and Wang, USE4 methodology notes (2011), section 5.2.
    """
    columns, panel = fitted.columns[0], fitted.dataset.panel
    dense, codes, loads = columns.at(rows)
    cap = panel.cap[rows]
    enough = panel.main[rows] & (history >= settings.min_history) & (volatility > 0)
    target = np.log(np.where(enough, volatility, 1.0))
    weights = np.where(enough, regression_weights("SqrtCap", cap, cap), 0.0)
    if columns.may_miss_products:
        weights[np.isnan(loads).any(axis=0)] = 0.0
    design = unshrunk_design(columns, fitted.settings.stages[0].construction)
    fit = fit_days(design, Sample.of_day(dense, codes, loads, weights, target, cap))
    if not fit.n[0]:
        return np.full(len(volatility), np.nan)
    predicted = np.exp(explained(dense, codes, loads, fit.factor_returns[0], 0, len(cap)))
    on = fit.omega > 0
    return np.asarray(predicted * (cap[on] @ volatility[on]) / (cap[on] @ predicted[on]))


def _blend(own: Float, structural: Float, history: NDArray[np.int32], n0: float) -> Float:
    """n / (n + n0) of the own volatility, the rest of the structural one; where one is missing, the other."""
    share = history / (history + n0)
    blended = share * np.nan_to_num(own) + (1.0 - share) * structural
    return np.asarray(np.where(np.isfinite(structural), blended, own))


def _regime(
    panel: Panel,
    days: NDArray[np.int64],
    returns: Float,
    settings: IdioVolSettings,
    variance: Float,
    history: NDArray[np.int32],
    halflife: float,
) -> Float:
    """(T,) multipliers of B_t^2, the cap-weighted mean of e_t^2 / sigma_t-1^2 over companies."""
    bias = np.full(len(days), np.nan)
    bounds = _bounds(settings)
    for t in range(1, len(days)):
        rows = panel.rows_of(int(days[t - 1]))
        used = trimmed(returns[rows], *bounds)
        counted = panel.main[rows] & (history[rows] >= FIRST_REGIME_DAY) & np.isfinite(used)
        counted &= (variance[rows] > 0) & (panel.cap[rows] > 0)
        if counted.any():
            ratio = used[counted] ** 2 / variance[rows][counted]
            bias[t] = np.average(ratio, weights=panel.cap[rows][counted])
    return regime_multiplier(bias, halflife)
