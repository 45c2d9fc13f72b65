"""Structural volatilities: predicted from exposures, for assets with a short history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.model.estimation.stage_regression import unshrunk_design
from openfactor.model.fitted import FittedModel
from openfactor.numerics.cross_section import RegressionBatch, fit_days
from openfactor.numerics.normal_equations import DesignBlocks, fitted_returns
from openfactor.numerics.weighting import regression_weights
from openfactor.settings.forecasts import StructuralVolSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def structural_volatilities(
    fitted: FittedModel,
    rows: slice,
    volatility: Float,
    history: NDArray[np.int32],
    settings: StructuralVolSettings,
) -> Float:
    """Structural volatilities of a day (n,), predicted from exposures; NaN where an exposure is missing, or
    where there are too few companies for the factors.

    ln sigma is regressed on the exposures of the companies with enough history, with weights sqrt(cap); the
    exponential of the fit is scaled so that their cap-weighted volatility is right.

    Source: Menchero, Orr and Wang, USE4 methodology notes (2011), section 5.2.

    Parameters
    ----------
    rows
        The panel's rows of the day.
    volatility
        (n,) of each listing's own history, per trading period; NaN where there is none.
    history
        (n,) returns that these rest on.
    """
    columns, panel = fitted.columns[0], fitted.dataset.panel
    dense, codes, loadings = columns.evaluate(rows)
    cap = panel.market_cap[rows]
    is_used = panel.is_main_listing[rows] & (history >= settings.min_history) & (volatility > 0)
    target = np.log(np.where(is_used, volatility, 1.0))
    weights = np.where(is_used, regression_weights("SqrtCap", cap, cap), 0.0)
    if columns.may_miss_products:
        weights[np.isnan(loadings).any(axis=0)] = 0.0
    codes = _without_small_categories(codes, weights > 0, settings.min_companies_per_factor)
    diagonal = columns.diagonal([block.slots_on(rows) for block in columns.blocks])
    design = unshrunk_design(columns, fitted.settings.stages[0].construction, diagonal)
    fit = fit_days(design, RegressionBatch.single_day(dense, codes, loadings, weights, target, cap))
    if not fit.n[0] or fit.n[0] < settings.min_companies_per_factor * fit.rank[0]:
        return np.full(len(volatility), np.nan)
    blocks = DesignBlocks(dense, codes, loadings)
    predicted = np.exp(fitted_returns(blocks, fit.factor_returns[0], 0, len(cap)))
    used = fit.weight > 0
    return np.asarray(predicted * (cap[used] @ volatility[used]) / (cap[used] @ predicted[used]))


def _without_small_categories(codes: NDArray[np.int32], counted: Mask, min_names: int) -> NDArray[np.int32]:
    """(slots, n) columns that names load on, -1 for those that fewer of the counted names load on."""
    if not codes.size:
        return codes
    is_held = (codes >= 0) & counted
    is_small = np.bincount(codes[is_held], minlength=int(codes.max(initial=0)) + 1) < min_names
    return np.asarray(np.where((codes >= 0) & is_small[codes], -1, codes), np.int32)


def blend(own: Float, structural: Float, history: NDArray[np.int32], n0: float) -> Float:
    """(n,) history / (history + n0) of the own volatility and the rest of the structural one; where one is
    missing, the other.
    """
    share = history / (history + n0)
    blended = share * np.nan_to_num(own) + (1.0 - share) * structural
    return np.asarray(np.where(np.isfinite(structural), blended, own))
