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
from openfactor.numerics.portfolio_risk import listing_variances, optimal_portfolios, portfolio_variances

Float = NDArray[np.float64]
DECILES = 10


@dataclass(frozen=True)
class Snapshot:
    """n names of a date as they are known on it, and what they return next. Everything is daily."""

    listing: NDArray[np.int32]
    exposures: Float
    """(n, K)"""
    covariance: Float
    """(K, K)"""
    specific: Float
    """(n,) specific variances, all above zero."""
    cap: Float
    returns: Float
    """(n,) of the next trading day; 0 where there is none, as for a name that is not traded."""
    covered: NDArray[np.int32]
    """(n,) trading days that each return covers: more than 1 where a name is traded again."""
    factor_returns: Float
    """(K,) of the next trading day; NaN where the factor has no exposure."""


@dataclass(frozen=True)
class WalkForward:
    """z = r_(t+1) / sigma_t of B books on T dates, and of all single names by decile of their forecast, there
    with sqrt(m) sigma_t for a return over m days."""

    dates: tuple[dt.date, ...]
    """(T,) of the returns."""
    kinds: tuple[str, ...]
    """(B,) kind of each book."""
    books: tuple[str, ...]
    """(B,) its name."""
    z: Float
    """(T, B); NaN where there is none."""
    name_count: NDArray[np.int64]
    """(T, 10) single names with a return in each decile of the forecast volatility."""
    name_sums: Float
    """(T, 10, 4) sums over them of z, z^2, |z| > 1.96, and the QLIKE loss."""


def walk_forward(
    snapshot: Callable[[int], Snapshot],
    dates: Sequence[dt.date],
    days: NDArray[np.int64],
    factors: Sequence[str],
    n_listings: int,
    *,
    n_books: int = 50,
    seed: int = 0,
    context: Context | None = None,
) -> WalkForward:
    """Hold books on each of `days` for the next trading day.

    Books: each factor; all names by cap, and equally; `n_books` random ones, long a tenth of the names with
    exponential weights; as many with normal weights long and short; the books of least variance, fully
    invested, of all names and of random halves; and those of least variance for random alphas. A book is the
    same on every date, as far as its names are there.

    Parameters
    ----------
    snapshot : of the date with an index
    dates : of the model; days : indices of those to hold books on, each with a next one

    Raises
    ------
    CancelledError: the request was cancelled.
    """
    rng = np.random.default_rng(seed)
    tenth = rng.exponential(size=(n_books, n_listings)) * (rng.random((n_books, n_listings)) < 0.1)
    normal = rng.standard_normal((n_books, n_listings))
    halves = np.vstack([np.ones(n_listings), rng.random((n_books // 2, n_listings)) < 0.5])
    alphas = rng.standard_normal((n_books // 2, n_listings))
    kinds = [("factor", name) for name in factors]
    kinds += [("cap-weighted", "cap-weighted"), ("equally weighted", "equally weighted")]
    kinds += [("random", f"random {i}") for i in range(n_books)]
    kinds += [("long-short", f"long-short {i}") for i in range(n_books)]
    kinds += [
        ("minimum-variance", f"minimum-variance {i}" if i else "minimum-variance") for i in range(len(halves))
    ]
    kinds += [("optimised", f"optimised {i}") for i in range(len(alphas))]
    z = np.full((len(days), len(kinds)), np.nan)
    count = np.zeros((len(days), DECILES), np.int64)
    sums = np.zeros((len(days), DECILES, 4))

    def hold(d: int) -> None:
        day = snapshot(int(days[d]))
        if not len(day.listing):
            return
        these = day.listing
        passive = np.vstack([day.cap, np.ones(len(these)), tenth[:, these], normal[:, these]])
        risk = day.exposures, day.covariance, day.specific
        chosen = [_least(halves[:, these] > 0, day), optimal_portfolios(alphas[:, these], *risk)]
        books = np.vstack([passive, *chosen])
        with np.errstate(divide="ignore", invalid="ignore"):
            mine = books @ day.returns / np.sqrt(portfolio_variances(books, *risk))
            factor = day.factor_returns / np.sqrt(np.diag(day.covariance))
        z[d] = np.where(np.isfinite(row := np.concatenate([factor, mine])), row, np.nan)
        count[d], sums[d] = _by_decile(day)

    context = context or Context()
    with ThreadPoolExecutor(context.threads) as pool, context.step("diagnostics", len(days)) as advance:
        for _ in pool.map(hold, range(len(days))):
            advance()
    return WalkForward(
        dates=tuple(dates[t + 1] for t in days.tolist()),
        kinds=tuple(kind for kind, _ in kinds),
        books=tuple(name for _, name in kinds),
        z=z,
        name_count=count,
        name_sums=sums,
    )


def _least(members: NDArray[np.bool_], day: Snapshot) -> Float:
    """(B, n) fully invested books of least variance, each of the names of a row of `members`."""
    out = np.zeros(members.shape)
    for b, inside in enumerate(members):
        one = np.ones((1, int(inside.sum())))
        weights = optimal_portfolios(one, day.exposures[inside], day.covariance, day.specific[inside])
        out[b, inside] = weights[0] / weights.sum()
    return out


def _by_decile(day: Snapshot) -> tuple[NDArray[np.int64], Float]:
    volatility = np.sqrt(listing_variances(day.exposures, day.covariance, day.specific))
    z = day.returns / (volatility * np.sqrt(np.maximum(day.covered, 1)))
    moved = z != 0
    values = np.stack([z, z**2, np.abs(z) > quality.BEYOND, quality.losses(z)], axis=1)
    order = np.argsort(volatility, kind="stable")
    parts = np.array_split(order, DECILES)
    kept = [part[moved[part]] for part in parts]
    return np.array([len(part) for part in kept]), np.stack([values[part].sum(axis=0) for part in kept])
