"""The market as the tables that a user would upload, and its truth as frames."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.synthetic.market import SPECIFIC_VOL, Float, Market, MarketShape, Mask, Names


def uploads(shape: MarketShape, names: Names, market: Market) -> dict[str, pl.DataFrame]:
    """Data type to table."""
    layout = _Layout(names)
    currency = np.array(shape.currencies)[names.currency]
    fx = market.factors.fx[:, names.currency]
    alive = names.alive
    return {
        "idmap": _idmap(layout.ids),
        "market_cap": layout.long(
            alive,
            ccy=np.broadcast_to(currency, alive.shape),
            market_cap=market.cap * fx,
            volume=np.full(alive.shape, 1e6),
            idio_vol=np.full(alive.shape, SPECIFIC_VOL),
        ),
        "price": _prices(layout, names, market.usd_return, fx, currency),
        "exposures": _exposures(layout, shape, names, market),
        "exchange_dates": _exchange_dates(names, shape.exchanges),
        "exchange_rates": _rates(names.weekdays, market.factors.fx, shape.currencies),
    }


def truth(shape: MarketShape, names: Names, market: Market) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Factor returns and specific returns, as `SyntheticUniverse` has them."""
    layout, factors, alive = _Layout(names), market.factors, names.alive
    traded = np.flatnonzero(names.market_is_open)
    columns = {"market.market": factors.market[traded]}
    columns |= {
        f"industry.{name}": factors.industry[traded, g] for g, name in enumerate(_industry_names(shape))
    }
    columns |= {f"style.{name}": factors.style[traded, k] for k, name in enumerate(shape.styles)}
    columns = {name: np.append(0.0, columns[name][1:]) for name in sorted(columns)}
    known = np.zeros_like(alive)
    known[traded[1:]] = alive[traded[:-1]] & alive[traded[1:]]
    return (
        pl.DataFrame({"date": layout.days[traded], **columns}),
        layout.long(known, specific_return=factors.specific).drop("asset_id_type"),
    )


class _Layout:
    """Lays (days, names) arrays out as long tables."""

    def __init__(self, names: Names) -> None:
        self.days = np.array(names.weekdays, "datetime64[D]")
        self.ids = np.array([f"A{i:05d}" for i in range(names.alive.shape[1])])

    def long(self, mask: Mask, **columns: NDArray[np.generic]) -> pl.DataFrame:
        """date, asset_id, asset_id_type and one column per array, for the cells of the mask."""
        day, name = np.nonzero(mask)
        return pl.DataFrame({"date": self.days[day], "asset_id": self.ids[name]}).with_columns(
            pl.lit("ticker").alias("asset_id_type"),
            *(pl.Series(key, values[mask]) for key, values in columns.items()),
        )


def _industry_names(shape: MarketShape) -> list[str]:
    return [f"I{g:02d}" for g in range(shape.industries)]


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
    layout: _Layout, names: Names, usd_return: Float, fx: Float, currency: NDArray[np.str_]
) -> pl.DataFrame:
    """Close in local currency; the return of a price is that since the name's previous price."""
    n_days = len(names.alive)
    frame = layout.long(
        names.priced,
        ccy=np.broadcast_to(currency, names.alive.shape),
        close=100.0 * np.cumprod(1 + usd_return, axis=0) * fx,
        delisted=(np.arange(n_days)[:, None] == names.last) & (names.last < n_days - 1),
    )
    since = pl.col("close") / pl.col("close").shift(1).over("asset_id", order_by="date") - 1
    return frame.with_columns(since.alias("return")).select(
        "date", "asset_id", "asset_id_type", "ccy", "close", "return", "delisted"
    )


def _exposures(layout: _Layout, shape: MarketShape, names: Names, market: Market) -> pl.DataFrame:
    def block(mask: Mask, group: str, factor: NDArray[np.str_] | str, exposure: Float) -> pl.DataFrame:
        factors = np.broadcast_to(factor, mask.shape)
        return layout.long(mask, factor=factors, exposure=exposure).select(
            "date", "asset_id", "asset_id_type", pl.lit(group).alias("factor_group"), "factor", "exposure"
        )

    alive, styles = names.alive, market.factors.exposure
    ones = np.ones(alive.shape)
    estimation = market.estimation & alive
    return pl.concat(
        [
            block(alive, "market", "market", ones),
            block(alive, "industry", np.array(_industry_names(shape))[names.industry], ones),
            block(estimation, "estimation_universe", "estimation_universe", ones),
            *(block(alive, "style", name, styles[:, :, k]) for k, name in enumerate(shape.styles)),
        ]
    )


def _exchange_dates(names: Names, exchanges: tuple[str, ...]) -> pl.DataFrame:
    first, last = names.weekdays[0], names.weekdays[-1]
    every = [first + dt.timedelta(i) for i in range((last - first).days + 1)]
    weekends = [day for day in every if day.weekday() >= 5]
    return pl.concat(
        [
            pl.DataFrame({"date": sorted([*weekends, *np.array(names.weekdays)[closed]])}).with_columns(
                pl.lit(name).alias("exchange")
            )
            for name, closed in zip(exchanges, names.closed, strict=True)
        ]
    )


def _rates(weekdays: list[dt.date], fx: Float, currencies: tuple[str, ...]) -> pl.DataFrame:
    rates = {"USD": np.ones(len(weekdays))} | {c: fx[:, i] for i, c in enumerate(currencies)}
    return pl.concat(
        [
            pl.DataFrame({"date": weekdays, "fx_rate": rate}).select(
                "date", pl.lit(ccy).alias("ccy"), "fx_rate"
            )
            for ccy, rate in sorted(rates.items())
        ]
    )
