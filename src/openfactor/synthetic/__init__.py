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

from openfactor.synthetic.market import FX_VOL, MARKET_VOL, SPECIFIC_VOL, MarketShape, deal, draw, evolve
from openfactor.synthetic.tables import truth, uploads

__all__ = ["FX_VOL", "MARKET_VOL", "SPECIFIC_VOL", "SyntheticUniverse", "simulate"]


@dataclass(frozen=True)
class SyntheticUniverse:
    """What `simulate` returns."""

    uploads: dict[str, pl.DataFrame]
    """Data type to the table to upload."""
    factor_returns: pl.DataFrame
    """The truth, one row per trading day: date, `{group}.{factor}` sorted by name, as daily fractions in USD;
    0.0 on the first day."""
    specific_returns: pl.DataFrame
    """The truth, one row per trading day and name that was alive on the day before: date, asset_id,
    specific_return, as a daily fraction in USD."""

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

    With several exchanges a name has no price on a holiday of its own exchange, and what it would have
    returned comes with its next price. The truth then holds on days when every exchange is open and was
    open on the day before; elsewhere it is what the market did, not what prices show.

    Parameters
    ----------
    n_assets, n_days
        Number of names, and of trading days of the first exchange.
    start
        The first day, if it is a weekday.
    industries
        Number of industries, each with the same number of names.
    styles
        Names of the style factors.
    exchanges, currencies
        Dealt to the names in turn; holidays differ by exchange.
    late_listings, delistings
        Fractions of the names that list after, or end before, the others.
    noise
        Scale of the specific returns; 0 leaves factor returns alone.
    seed
        The same seed gives the same market.

    Raises
    ------
    ValueError
        Arguments out of range, all of them named.
    """
    shape = MarketShape(
        n_assets, n_days, start, industries, tuple(styles), tuple(exchanges), tuple(currencies),
        late_listings, delistings, noise,
    )  # fmt: skip
    shape.check()
    rng = np.random.default_rng(seed)
    names = deal(rng, shape)
    market = evolve(names, draw(rng, shape, names))
    factor_returns, specific_returns = truth(shape, names, market)
    return SyntheticUniverse(uploads(shape, names, market), factor_returns, specific_returns)
