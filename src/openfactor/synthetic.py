"""A simulated market with known factor returns, as the six tables that a user would upload.

The return in USD of name i on trading day t is

    r_it = market_t + industry_g(i),t + sum_k x_ik,t-1 style_kt + specific_it

with exposures and market caps of the trading day before. Industry factor returns sum to zero when
weighted with the caps of the estimation universe, which is the gauge that a model with
`zero_sum_constraints={"industry": "mcap_weighted"}` estimates in, so that truth and estimate compare.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

MARKET_VOL, INDUSTRY_VOL, STYLE_VOL, SPECIFIC_VOL, FX_VOL = 0.010, 0.005, 0.003, 0.015, 0.005
"""Daily standard deviations of the factors, of specific returns and of exchange rates."""
STYLE_DECAY = 0.995
"""Autocorrelation of a style exposure from day to day."""
HOLIDAYS_A_YEAR = 9
ESTIMATION_SHARE = 0.9
"""The largest names, by this share of their number, form the estimation universe."""


@dataclass(frozen=True)
class SyntheticUniverse:
    """What `simulate` gives."""

    uploads: dict[str, pl.DataFrame]
    """Data type to the table to upload."""
    factor_returns: pl.DataFrame
    """The truth: date, `{group}.{factor}` sorted by name; 0.0 on the first day."""
    specific_returns: pl.DataFrame
    """The truth: date, asset_id, specific_return; the names alive on the day before."""

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {frame.height:,}" for name, frame in self.uploads.items())
        return f"<SyntheticUniverse {self.factor_returns.height} trading days; rows: {rows}>"


def simulate(
    n_assets: int = 500,
    n_days: int = 504,
    *,
    start: dt.date = dt.date(2022, 1, 3),
    industries: int = 12,
    styles: Sequence[str] = ("momentum", "size", "value", "volatility"),
    exchanges: Sequence[str] = ("XNYS",),
    currencies: Sequence[str] = ("USD",),
    late_listings: float = 0.05,
    delistings: float = 0.03,
    noise: float = 1.0,
    seed: int = 0,
) -> SyntheticUniverse:
    """Simulate a market.

    Parameters
    ----------
    n_assets, n_days : names, and trading days of the first exchange
    exchanges, currencies : names are dealt to them in turn; holidays differ by exchange
    late_listings, delistings : shares of the names that list after, or end before, the others
    noise : scale of the specific returns; 0 leaves factor returns alone

    With several exchanges a name has no price on a holiday of its own exchange, and what it would have
    returned comes with its next price. The truth then holds on days when every exchange is open and was
    open on the day before; elsewhere it is what the market did, not what prices show.

    Raises
    ------
    ValueError: arguments out of range, all of them named.
    """
    _check(n_assets, n_days, industries, exchanges, currencies, late_listings, delistings, noise)
    rng = np.random.default_rng(seed)
    weekdays, closed = _calendars(rng, start, n_days, exchanges)
    t_all = len(weekdays)
    ids = np.array([f"A{i:05d}" for i in range(n_assets)])
    industry = rng.permutation(np.arange(n_assets) % industries)
    ccy = np.arange(n_assets) % len(currencies)
    exchange = np.arange(n_assets) % len(exchanges)
    closed_to = closed[0] | closed[exchange]  # (names, days)
    first, last = _lives(rng, closed_to, late_listings, delistings)
    alive = (np.arange(t_all)[:, None] >= first) & (np.arange(t_all)[:, None] <= last)
    open_market = ~closed[0]  # the market moves on the trading days of the first exchange
    exposure = _style_paths(rng, t_all, n_assets, len(styles))
    fx = np.exp(np.cumsum(rng.normal(0, FX_VOL, (t_all, len(currencies))), axis=0))
    fx[:, [c for c, name in enumerate(currencies) if name == "USD"]] = 1.0

    f_market = rng.normal(0.0004, MARKET_VOL, t_all)
    f_industry = rng.normal(0, INDUSTRY_VOL, (t_all, industries))
    f_style = rng.normal(0, STYLE_VOL, (t_all, len(styles)))
    specific = noise * rng.normal(0, SPECIFIC_VOL, (t_all, n_assets))
    cap = np.empty((t_all, n_assets))
    cap[0] = rng.lognormal(22.5, 1.2, n_assets)
    estimation = np.empty((t_all, n_assets), np.bool_)
    estimation[0] = _largest(cap[0], alive[0])
    usd_return = np.zeros((t_all, n_assets))
    before = 0
    for t in range(1, t_all):
        if open_market[t]:
            counted = estimation[before] & alive[t]  # a name without a return today is not estimated on
            weight = np.bincount(industry, weights=cap[before] * counted, minlength=industries)
            f_industry[t] -= (f_industry[t] @ weight) / weight.sum()
            usd_return[t] = (
                f_market[t] + f_industry[t, industry] + exposure[before] @ f_style[t] + specific[t]
            )
            before = t
        cap[t] = cap[t - 1] * (1 + usd_return[t])
        estimation[t] = _largest(cap[t], alive[t])

    priced = alive & ~closed[exchange].T
    panel = _Panel(np.array(weekdays, "datetime64[D]"), ids, alive)
    names = [f"I{g:02d}" for g in range(industries)]
    traded = np.flatnonzero(open_market)
    truth = {"market.market": f_market[traded]}
    truth |= {f"industry.{name}": f_industry[traded, g] for g, name in enumerate(names)}
    truth |= {f"style.{name}": f_style[traded, k] for k, name in enumerate(styles)}
    truth = {name: np.append(0.0, truth[name][1:]) for name in sorted(truth)}
    known = np.zeros_like(alive)
    known[traded[1:]] = alive[traded[:-1]] & alive[traded[1:]]
    return SyntheticUniverse(
        uploads={
            "idmap": _idmap(ids),
            "market_cap": panel.long(
                alive,
                ccy=np.array(currencies)[np.broadcast_to(ccy, alive.shape)],
                market_cap=cap * fx[:, ccy],
                volume=np.full(alive.shape, 1e6),
                idio_vol=np.full(alive.shape, SPECIFIC_VOL),
            ),
            "price": _prices(panel, priced, alive, usd_return, fx[:, ccy], np.array(currencies)[ccy], last),
            "exposures": _exposures(panel, industry, names, exposure, styles, estimation & alive),
            "exchange_dates": _exchange_dates(weekdays, closed, exchanges),
            "exchange_rates": _rates(weekdays, fx, currencies),
        },
        factor_returns=pl.DataFrame({"date": panel.days[traded], **truth}),
        specific_returns=panel.long(known, specific_return=specific).drop("asset_id_type"),
    )


def _check(
    n_assets: int,
    n_days: int,
    industries: int,
    exchanges: Sequence[str],
    currencies: Sequence[str],
    late_listings: float,
    delistings: float,
    noise: float,
) -> None:
    wrong = [
        message
        for bad, message in (
            (n_assets < 1, "n_assets must be at least 1"),
            (n_days < 3, "n_days must be at least 3"),
            (not 1 <= industries <= n_assets, "industries must be between 1 and n_assets"),
            (not exchanges, "name at least one exchange"),
            (not currencies, "name at least one currency"),
            (not 0 <= late_listings < 1, "late_listings must be in [0, 1)"),
            (not 0 <= delistings < 1, "delistings must be in [0, 1)"),
            (noise < 0, "noise must not be negative"),
        )
        if bad
    ]
    if wrong:
        raise ValueError("; ".join(wrong))


def _calendars(
    rng: np.random.Generator, start: dt.date, n_days: int, exchanges: Sequence[str]
) -> tuple[list[dt.date], Mask]:
    """Weekdays until the first exchange has n_days open ones, and (exchanges, days) closed on holidays."""
    days: list[dt.date] = []
    shut: list[list[bool]] = []
    day, left = start, n_days
    while left:
        if day.weekday() < 5:
            holiday = [bool(h) for h in rng.random(len(exchanges)) < HOLIDAYS_A_YEAR / 261]
            if not days or left == 1:  # all trade on the first day and on the last
                holiday = [False] * len(exchanges)
            days.append(day)
            shut.append(holiday)
            left -= not holiday[0]
        day += dt.timedelta(1)
    return days, np.array(shut).T


def _lives(
    rng: np.random.Generator, closed: Mask, late: float, delisted: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last day of each name, both open; a third of the history separates the two kinds."""
    n_assets, n_days = closed.shape
    first, last = np.zeros(n_assets, np.int64), np.full(n_assets, n_days - 1)
    order = rng.permutation(n_assets)
    n_late, n_gone = int(late * n_assets), int(delisted * n_assets)
    third = max(n_days // 3, 1)
    first[order[:n_late]] = rng.integers(1, third + 1, n_late)
    last[order[n_late : n_late + n_gone]] = rng.integers(n_days - 1 - third, n_days - 1, n_gone)
    for i in range(n_assets):
        open_days = np.flatnonzero(~closed[i])
        first[i] = open_days[min(np.searchsorted(open_days, first[i]), len(open_days) - 1)]
        last[i] = max(open_days[np.searchsorted(open_days, last[i], side="right") - 1], first[i])
    return first, last


def _style_paths(rng: np.random.Generator, n_days: int, n_assets: int, n_styles: int) -> Float:
    """(days, names, styles) unit-variance AR(1) paths, on values that half precision holds."""
    x = np.empty((n_days, n_assets, n_styles))
    x[0] = rng.standard_normal((n_assets, n_styles))
    shock = np.sqrt(1 - STYLE_DECAY**2)
    for t in range(1, n_days):
        x[t] = STYLE_DECAY * x[t - 1] + shock * rng.standard_normal((n_assets, n_styles))
    return x.astype(np.float16).astype(np.float64)


def _largest(cap: Float, alive: Mask) -> Mask:
    """The names of the estimation universe."""
    bound = np.quantile(cap[alive], 1 - ESTIMATION_SHARE)
    return np.asarray(alive & (cap >= bound))


@dataclass(frozen=True)
class _Panel:
    """Lays (days, names) arrays out as long tables."""

    days: NDArray[np.datetime64]
    ids: NDArray[np.str_]
    alive: Mask

    def long(self, mask: Mask, **columns: NDArray[np.generic]) -> pl.DataFrame:
        """date, asset_id, asset_id_type and a column an array, for the cells of the mask."""
        day, name = np.nonzero(mask)
        return pl.DataFrame({"date": self.days[day], "asset_id": self.ids[name]}).with_columns(
            pl.lit("ticker").alias("asset_id_type"),
            *(pl.Series(key, values[mask]) for key, values in columns.items()),
        )


def _idmap(ids: NDArray[np.str_]) -> pl.DataFrame:
    return pl.DataFrame({"from_id": ids, "to_id": ids}).select(
        pl.lit(dt.date.min).alias("start_date"),
        pl.lit(dt.date.max).alias("end_date"),
        pl.lit("ticker").alias("from_id_type"),
        "from_id",
        pl.lit("ticker_core").alias("to_id_type"),
        "to_id",
    )


def _prices(
    panel: _Panel,
    priced: Mask,
    alive: Mask,
    usd_return: Float,
    fx: Float,
    ccy: NDArray[np.str_],
    last: NDArray[np.int64],
) -> pl.DataFrame:
    """Close in local currency; the return of a price is that since the name's price before."""
    usd_close = 100.0 * np.cumprod(1 + usd_return, axis=0)
    frame = panel.long(
        priced & alive,
        ccy=np.broadcast_to(ccy, alive.shape),
        close=usd_close * fx,
        delisted=(np.arange(len(alive))[:, None] == last) & (last < len(alive) - 1),
    )
    since = pl.col("close") / pl.col("close").shift(1).over("asset_id", order_by="date") - 1
    return frame.with_columns(since.alias("return")).select(
        "date", "asset_id", "asset_id_type", "ccy", "close", "return", "delisted"
    )


def _exposures(
    panel: _Panel,
    industry: NDArray[np.int64],
    names: list[str],
    styles: Float,
    style_names: Sequence[str],
    estimation: Mask,
) -> pl.DataFrame:
    def block(mask: Mask, group: str, factor: NDArray[np.str_] | str, exposure: Float) -> pl.DataFrame:
        held = np.broadcast_to(factor, mask.shape)
        return panel.long(mask, factor=held, exposure=exposure).select(
            "date", "asset_id", "asset_id_type", pl.lit(group).alias("factor_group"), "factor", "exposure"
        )

    ones = np.ones(panel.alive.shape)
    return pl.concat(
        [
            block(panel.alive, "market", "market", ones),
            block(panel.alive, "industry", np.array(names)[industry], ones),
            block(estimation, "estimation_universe", "estimation_universe", ones),
            *(block(panel.alive, "style", name, styles[:, :, k]) for k, name in enumerate(style_names)),
        ]
    )


def _exchange_dates(weekdays: list[dt.date], closed: Mask, exchanges: Sequence[str]) -> pl.DataFrame:
    span = (weekdays[-1] - weekdays[0]).days + 1
    weekends = [d for i in range(span) if (d := weekdays[0] + dt.timedelta(i)).weekday() >= 5]
    return pl.concat(
        [
            pl.DataFrame({"date": sorted([*weekends, *np.array(weekdays)[shut]])}).with_columns(
                pl.lit(name).alias("exchange")
            )
            for name, shut in zip(exchanges, closed, strict=True)
        ]
    )


def _rates(weekdays: list[dt.date], fx: Float, currencies: Sequence[str]) -> pl.DataFrame:
    rates = {"USD": np.ones(len(weekdays))} | {c: fx[:, i] for i, c in enumerate(currencies)}
    return pl.concat(
        [
            pl.DataFrame({"date": weekdays, "fx_rate": rate}).select(
                "date", pl.lit(ccy).alias("ccy"), "fx_rate"
            )
            for ccy, rate in sorted(rates.items())
        ]
    )
