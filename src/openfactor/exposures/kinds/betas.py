"""Betas to series of an upload."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.betas import Slopes, factor_names, rolling_betas
from openfactor.exposures.columns import DenseColumns
from openfactor.exposures.kinds.sources import Sources
from openfactor.numerics.huber import rolling_huber
from openfactor.numerics.rolling import rolling_ols
from openfactor.numerics.student_t import critical_values
from openfactor.settings.exposures import (
    RollingBetaSettings,
    RollingHuberBetaSettings,
    TimeSeriesBetaExposureGroupSettings,
)

Float = NDArray[np.float64]


def beta_columns(group: TimeSeriesBetaExposureGroupSettings, sources: Sources) -> DenseColumns:
    """The betas of all assets to the series of an upload.

    Raises
    ------
    SettingsError
        Factors that the upload does not have.
    """
    series = sources.read("tsfactors", group.tsfactors_source).collect()
    names = factor_names(series, group.include, group.exclude, f"group {group.factor_group!r}")
    betas = rolling_betas(
        sources.data, series, names, _slopes(group.rolling_regression, group.window),
        calendar=sources.universe.calendar, currency=group.currency, clip=group.return_clip_bounds,
        context=sources.context,
    )  # fmt: skip
    return DenseColumns(
        group.factor_group,
        tuple(names),
        tuple((betas[name],) for name in names),
        winsorize=group.winsorize,
        gaussianize=group.gaussianize,
        keep_zeros=group.gaussianize_maintain_zeros,
        net_of=tuple(group.net_of),
    )


def _slopes(regression: RollingBetaSettings | RollingHuberBetaSettings, window: int) -> Slopes:
    """Gives the slopes of each window of returns on a factor; half of the days need a return."""
    min_days = max(2, window // 2)
    if isinstance(regression, RollingBetaSettings):
        overlap = regression.overlap
        return lambda returns, factor: rolling_ols(returns, factor, window, overlap, min_days)
    huber, critical = regression, critical_values(regression.level, window)
    return lambda returns, factor: rolling_huber(
        returns, factor, window, min_days, huber.epsilon, huber.alpha, huber.alpha, huber.max_iter, critical
    )
