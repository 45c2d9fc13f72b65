"""Forecasts of each date against the returns of the next trading day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.model.diagnostics import quality
from openfactor.model.diagnostics.portfolios import PortfolioDraws
from openfactor.model.diagnostics.snapshots import Snapshot
from openfactor.numerics.portfolio_risk import listing_variances, portfolio_variances

Float = NDArray[np.float64]
DECILES = 10


@dataclass(frozen=True)
class WalkForward:
    """z = r_(t+1) / sigma_t of B test portfolios on D dates, and of all single names by decile of their
    forecast; there with sqrt(m) sigma_t for a return over m days.
    """

    dates: tuple[dt.date, ...]
    """(D,) of the returns."""
    kinds: tuple[str, ...]
    """(B,) kind of each portfolio."""
    portfolios: tuple[str, ...]
    """(B,) its name."""
    z: Float
    """(D, B); NaN where there is none."""
    name_count: NDArray[np.int64]
    """(D, 10) single names with a return other than 0 in each decile of the forecast volatility."""
    name_sums: Float
    """(D, 10, 4) sums over them of z, z^2, |z| > 1.96, and the QLIKE loss."""


def walk_forward(
    snapshot: Callable[[int], Snapshot],
    dates: Sequence[dt.date],
    days: NDArray[np.int64],
    factors: Sequence[str],
    draws: PortfolioDraws,
    context: Context | None = None,
) -> WalkForward:
    """Hold test portfolios on some trading days for the next one.

    Parameters
    ----------
    snapshot
        Gives that of a trading day.
    dates
        (T,) trading days of the model.
    days
        (D,) indices of those to hold portfolios on, each with a next one.
    factors
        (K,) names; each is a test portfolio whose return is the factor's.

    Raises
    ------
    CancelledError
        The request was cancelled.
    """
    labels = draws.labels(factors)
    z = np.full((len(days), len(labels)), np.nan)
    count = np.zeros((len(days), DECILES), np.int64)
    sums = np.zeros((len(days), DECILES, 4))

    def hold(d: int) -> None:
        day = snapshot(int(days[d]))
        if len(day.listing):
            z[d] = _standardized(day, draws)
            count[d], sums[d] = _by_decile(day)

    context = context or Context()
    with ThreadPoolExecutor(context.threads) as pool, context.step("diagnostics", len(days)) as advance:
        for _ in pool.map(hold, range(len(days))):
            advance()
    return WalkForward(
        dates=tuple(dates[t + 1] for t in days.tolist()),
        kinds=tuple(kind for kind, _ in labels),
        portfolios=tuple(name for _, name in labels),
        z=z,
        name_count=count,
        name_sums=sums,
    )


def _standardized(day: Snapshot, draws: PortfolioDraws) -> Float:
    """(B,) z of the test portfolios, NaN where there is none."""
    weights = draws.weights(day)
    variance = portfolio_variances(weights, day.exposures, day.covariance, day.specific)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = day.factor_returns / np.sqrt(np.diag(day.covariance))
        z = np.concatenate([factors, weights @ day.returns / np.sqrt(variance)])
    return np.where(np.isfinite(z), z, np.nan)


def _by_decile(day: Snapshot) -> tuple[NDArray[np.int64], Float]:
    """(10,) and (10, 4): `name_count` and `name_sums` of a date."""
    volatility = np.sqrt(listing_variances(day.exposures, day.covariance, day.specific))
    z = day.returns / (volatility * np.sqrt(np.maximum(day.covered, 1)))
    moved = z != 0
    values = np.stack([z, z**2, np.abs(z) > quality.BOUND, quality.losses(z)], axis=1)
    deciles = np.array_split(np.argsort(volatility, kind="stable"), DECILES)
    kept = [names[moved[names]] for names in deciles]
    return np.array([len(names) for names in kept]), np.stack([values[names].sum(axis=0) for names in kept])
