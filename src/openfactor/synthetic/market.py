"""The market as arrays: which names there are, what is drawn at random, and what follows from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]

MARKET_VOL, INDUSTRY_VOL, STYLE_VOL, SPECIFIC_VOL, FX_VOL = 0.010, 0.005, 0.003, 0.015, 0.005
"""Daily volatilities, as fractions, of the factors, of specific returns and of exchange rates."""
STYLE_DECAY = 0.995
"""Autocorrelation of a style exposure from day to day."""
HOLIDAYS_PER_YEAR = 9
ESTIMATION_SHARE = 0.9
"""The largest names, this fraction of them, form the estimation universe."""


@dataclass(frozen=True)
class MarketShape:
    """The arguments of `simulate`, but for the seed."""

    n_assets: int
    n_days: int
    start: dt.date
    industries: int
    styles: tuple[str, ...]
    exchanges: tuple[str, ...]
    currencies: tuple[str, ...]
    late_listings: float
    delistings: float
    noise: float

    def check(self) -> None:
        """ValueError with everything that is out of range."""
        wrong = [
            message
            for bad, message in (
                (self.n_assets < 1, "n_assets must be at least 1"),
                (self.n_days < 3, "n_days must be at least 3"),
                (not 1 <= self.industries <= self.n_assets, "industries must be between 1 and n_assets"),
                (not self.exchanges, "name at least one exchange"),
                (not self.currencies, "name at least one currency"),
                (not 0 <= self.late_listings < 1, "late_listings must be in [0, 1)"),
                (not 0 <= self.delistings < 1, "delistings must be in [0, 1)"),
                (self.noise < 0, "noise must not be negative"),
            )
            if bad
        ]
        if wrong:
            raise ValueError("; ".join(wrong))


@dataclass(frozen=True)
class Names:
    """The names of the market and the days on which they live and trade."""

    weekdays: list[dt.date]
    closed: Mask
    """(exchanges, days): holidays."""
    industry: Index
    """(names,)"""
    exchange: Index
    """(names,)"""
    currency: Index
    """(names,)"""
    last: Index
    """(names,): the last day of each."""
    alive: Mask
    """(days, names)"""

    @property
    def market_is_open(self) -> Mask:
        """(days,): the market moves on the trading days of the first exchange."""
        return np.asarray(~self.closed[0])

    @property
    def priced(self) -> Mask:
        """(days, names)"""
        return np.asarray(self.alive & ~self.closed[self.exchange].T)


@dataclass(frozen=True)
class Draws:
    """What is drawn at random: daily returns, as fractions in USD, exposures, rates and the first caps."""

    exposure: Float
    """(days, names, styles)"""
    fx: Float
    """(days, currencies): units of the currency that one USD buys."""
    market: Float
    """(days,)"""
    industry: Float
    """(days, industries): before they are made to sum to zero."""
    style: Float
    """(days, styles)"""
    specific: Float
    """(days, names)"""
    first_cap: Float
    """(names,): in USD."""


@dataclass(frozen=True)
class Market:
    """What follows from the draws."""

    factors: Draws
    """With industry returns that sum to zero."""
    usd_return: Float
    """(days, names)"""
    cap: Float
    """(days, names): in USD."""
    estimation: Mask
    """(days, names): the estimation universe."""


def deal(rng: np.random.Generator, shape: MarketShape) -> Names:
    """Deal industries, currencies and exchanges to the names, and draw holidays and lives."""
    weekdays, closed = _calendars(rng, shape.start, shape.n_days, shape.exchanges)
    every = np.arange(shape.n_assets)
    industry = rng.permutation(every % shape.industries)
    exchange = every % len(shape.exchanges)
    first, last = _lives(rng, closed[0] | closed[exchange], shape.late_listings, shape.delistings)
    days = np.arange(len(weekdays))[:, None]
    alive = (days >= first) & (days <= last)
    return Names(weekdays, closed, industry, exchange, every % len(shape.currencies), last, alive)


def draw(rng: np.random.Generator, shape: MarketShape, names: Names) -> Draws:
    """Draw everything that moves, independently of each other."""
    n_days, n_names = names.alive.shape
    exposure = _style_paths(rng, n_days, n_names, len(shape.styles))
    fx = np.exp(np.cumsum(rng.normal(0, FX_VOL, (n_days, len(shape.currencies))), axis=0))
    fx[:, [c for c, name in enumerate(shape.currencies) if name == "USD"]] = 1.0
    return Draws(
        exposure=exposure,
        fx=fx,
        market=rng.normal(0.0004, MARKET_VOL, (n_days,)),
        industry=rng.normal(0, INDUSTRY_VOL, (n_days, shape.industries)),
        style=rng.normal(0, STYLE_VOL, (n_days, len(shape.styles))),
        specific=shape.noise * rng.normal(0, SPECIFIC_VOL, (n_days, n_names)),
        first_cap=rng.lognormal(22.5, 1.2, (n_names,)),
    )


def evolve(names: Names, draws: Draws) -> Market:
    """Returns, caps and the estimation universe, day by day; industry returns are centred on the way."""
    shape, alive, industry = names.alive.shape, names.alive, draws.industry.copy()
    cap, usd_return, estimation = np.empty(shape), np.zeros(shape), np.empty(shape, np.bool_)
    cap[0] = draws.first_cap
    estimation[0] = _largest(cap[0], alive[0])
    before = 0
    for t in range(1, len(alive)):
        if names.market_is_open[t]:
            counted = estimation[before] & alive[t]  # a name without a return today is not estimated on
            weights = cap[before] * counted
            weight = np.bincount(names.industry, weights=weights, minlength=industry.shape[1])
            industry[t] -= (industry[t] @ weight) / weight.sum()
            explained = draws.exposure[before] @ draws.style[t]
            usd_return[t] = draws.market[t] + industry[t, names.industry] + explained + draws.specific[t]
            before = t
        cap[t] = cap[t - 1] * (1 + usd_return[t])
        estimation[t] = _largest(cap[t], alive[t])
    return Market(replace(draws, industry=industry), usd_return, cap, estimation)


def _calendars(
    rng: np.random.Generator, start: dt.date, n_days: int, exchanges: Sequence[str]
) -> tuple[list[dt.date], Mask]:
    """Weekdays until the first exchange has n_days open ones, and (exchanges, days) closed on holidays."""
    days: list[dt.date] = []
    closed: list[list[bool]] = []
    day, left = start, n_days
    while left:
        if day.weekday() < 5:
            holiday = [bool(h) for h in rng.random(len(exchanges)) < HOLIDAYS_PER_YEAR / 261]
            if not days or left == 1:  # all trade on the first day and on the last
                holiday = [False] * len(exchanges)
            days.append(day)
            closed.append(holiday)
            left -= not holiday[0]
        day += dt.timedelta(1)
    return days, np.array(closed).T


def _lives(rng: np.random.Generator, closed: Mask, late: float, delisted: float) -> tuple[Index, Index]:
    """First and last day of each name, both open; a third of the history separates the two kinds."""
    n_names, n_days = closed.shape
    first, last = np.zeros(n_names, np.int64), np.full(n_names, n_days - 1)
    order = rng.permutation(n_names)
    n_late, n_gone = int(late * n_names), int(delisted * n_names)
    third = max(n_days // 3, 1)
    first[order[:n_late]] = rng.integers(1, third + 1, n_late)
    last[order[n_late : n_late + n_gone]] = rng.integers(n_days - 1 - third, n_days - 1, n_gone)
    for i in range(n_names):
        open_days = np.flatnonzero(~closed[i])
        first[i] = open_days[min(np.searchsorted(open_days, first[i]), len(open_days) - 1)]
        last[i] = max(open_days[np.searchsorted(open_days, last[i], side="right") - 1], first[i])
    return first, last


def _style_paths(rng: np.random.Generator, n_days: int, n_names: int, n_styles: int) -> Float:
    """(days, names, styles) unit-variance AR(1) paths, on values that half precision holds."""
    x = np.empty((n_days, n_names, n_styles))
    x[0] = rng.standard_normal((n_names, n_styles))
    shock = np.sqrt(1 - STYLE_DECAY**2)
    for t in range(1, n_days):
        x[t] = STYLE_DECAY * x[t - 1] + shock * rng.standard_normal((n_names, n_styles))
    return x.astype(np.float16).astype(np.float64)


def _largest(cap: Float, alive: Mask) -> Mask:
    """The names of the estimation universe."""
    bound = np.quantile(cap[alive], 1 - ESTIMATION_SHARE)
    return np.asarray(alive & (cap >= bound))
