"""A factor model on real prices: market, sectors, and three styles computed from prices and caps.

    python examples/us500.py FOLDER

FOLDER holds `prices.parquet` (date, ticker, close, volume, return, mcap) and `assets.parquet` (ticker,
sector): daily data of large US companies.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from openfactor import Client
from openfactor.client.riskmodel import RiskModel
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelConstructionSettings,
    RootRiskDatasetSettings,
    UniverseSettings,
)

SHARE_CLASSES = {"GOOG": "GOOGL", "FOX": "FOXA", "NWS": "NWSA", "DISCK": "DISCA", "UA": "UAA"}
"""Listings whose company is in the panel under another listing too."""


def styles(prices: pl.DataFrame) -> pl.DataFrame:
    """date, ticker, factor, exposure; the values of a day use only closes up to that day.

    size: ln(cap). momentum: sum of ln(1 + r) over 231 days up to 21 days ago, at least 63 of them.
    volatility: standard deviation of 65 daily returns, at least 21 of them. Each is winsorised at three
    standard deviations and scored: cap-weighted mean 0, standard deviation 1.
    """
    log_return = (pl.col("return") + 1).log()
    raw = prices.sort("ticker", "date").select(
        "date",
        "ticker",
        "mcap",
        size=pl.col("mcap").log(),
        momentum=log_return.shift(21).rolling_sum(231, min_samples=63).over("ticker"),
        volatility=pl.col("return").rolling_std(65, min_samples=21).over("ticker"),
    )
    long = raw.unpivot(
        ["size", "momentum", "volatility"], index=["date", "ticker", "mcap"], variable_name="factor"
    )
    value, weight = pl.col("value"), pl.col("mcap")
    day = ["date", "factor"]
    winsorised = value.clip(
        value.mean().over(day) - 3 * value.std().over(day), value.mean().over(day) + 3 * value.std().over(day)
    )
    mean = (value * weight).sum().over(day) / weight.sum().over(day)
    return (
        long.drop_nulls()
        .with_columns(value=winsorised)
        .with_columns(exposure=(value - mean) / value.std().over(day))
        .select("date", "ticker", "factor", "exposure")
    )


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """The six uploads."""
    prices = pl.read_parquet(folder / "prices.parquet").with_columns(pl.col("date").cast(pl.Date))
    sectors = pl.read_parquet(folder / "assets.parquet").select("ticker", "sector")
    first, last = prices["date"].min(), prices["date"].max()
    assert isinstance(first, dt.date)
    assert isinstance(last, dt.date)
    calendar = pl.date_range(first, last, eager=True).alias("date").to_frame()
    tickers = prices["ticker"].unique().sort()
    key = [pl.col("ticker").alias("asset_id"), pl.lit("ticker").alias("asset_id_type")]
    names = prices.select("date", "ticker")
    scores = styles(prices)

    def exposures(rows: pl.DataFrame, group: str, factor: pl.Expr, exposure: pl.Expr) -> pl.DataFrame:
        return rows.select(
            "date",
            *key,
            pl.lit(group).alias("factor_group"),
            factor.alias("factor"),
            exposure.alias("exposure"),
        )

    return {
        "idmap": pl.DataFrame({"from_id": tickers}).select(
            pl.lit(dt.date.min).alias("start_date"),
            pl.lit(dt.date.max).alias("end_date"),
            pl.lit("ticker").alias("from_id_type"),
            "from_id",
            pl.lit("company").alias("to_id_type"),
            pl.col("from_id").replace(SHARE_CLASSES).alias("to_id"),
        ),
        "market_cap": prices.select(
            "date", *key, pl.lit("USD").alias("ccy"), pl.col("mcap").alias("market_cap"), "volume",
            pl.lit(None, dtype=pl.Float64).alias("idio_vol"),
        ),
        "price": prices.select(
            "date", *key, pl.lit("USD").alias("ccy"), "close", "return", pl.lit(False).alias("delisted")
        ),
        "exposures": pl.concat(
            [
                exposures(names, "market", pl.lit("market"), pl.lit(1.0)),
                exposures(names.join(sectors, on="ticker"), "sector", pl.col("sector"), pl.lit(1.0)),
                exposures(scores, "style", pl.col("factor"), pl.col("exposure")),
            ]
        ),
        "exchange_dates": calendar.join(names, on="date", how="anti").with_columns(exchange=pl.lit("XNYS")),
        "exchange_rates": pl.DataFrame({"date": [first], "ccy": ["USD"], "fx_rate": [1.0]}),
    }  # fmt: skip


def fit(client: Client, uploads: dict[str, pl.DataFrame]) -> RiskModel:
    """Upload, build the dataset and fit market, sectors and styles."""
    for data_type, frame in uploads.items():
        client.equity.uploaders[data_type].create_or_replace_dataset("us500").fast_commit(frame, "overwrite")
    client.equity.riskdatasets.create_or_replace_dataset(
        "us500",
        RootRiskDatasetSettings(
            **{f"{data_type}_source": "us500" for data_type in uploads},
            dense_factor_groups={"market": None, "style": None},
            sparse_factor_groups={"sector": None},
            master_id_type="ticker",
            master_id_core_type="company",
            as_of_date=dt.date.today(),
        ),
    )
    settings = FactorRiskModelSettings(
        universe=[UniverseSettings(id_type="ticker")],
        exposures=[
            ExposureSettings(
                exposures=[
                    ContinuousExposureGroupSettings(hierarchy="market"),
                    CategoricalExposureGroupSettings(hierarchy="sector"),
                    ContinuousExposureGroupSettings(hierarchy="style"),
                ]
            )
        ],
        modelconstruction=[
            ModelConstructionSettings(
                zero_sum_constraints={"sector": "mcap_weighted"},
                thin_category_shrinkage={"sector": 5.0},
                return_clip_deviations=10.0,
            )
        ],
    )
    return client.equity.riskmodels.load(settings.with_dataset("us500")).get_model()


def cap_weighted_return(prices: pl.DataFrame) -> pl.DataFrame:
    """date, index: returns weighted by the caps of the previous day."""
    weighted = prices.sort("date").with_columns(cap=pl.col("mcap").shift(1).over("ticker"))
    there = weighted.filter(pl.col("cap").is_not_null() & pl.col("return").is_not_null())
    index = (pl.col("return") * pl.col("cap")).sum() / pl.col("cap").sum()
    return there.group_by("date").agg(index=index).sort("date")


def summary(model: RiskModel, prices: pl.DataFrame) -> dict[str, float]:
    """Headline figures of a fitted model."""
    done = model.status().filter(pl.col("n") > 0).select("date")
    fret = model.fret().join(done, on="date", how="semi")
    both = fret.join(cap_weighted_return(prices), on="date")
    vols = fret.drop("date").std() * np.sqrt(252)
    ranked = sorted(((vols[name][0], name) for name in vols.columns), reverse=True)
    return {
        "regressions": float(len(fret)),
        "mean R²": float(np.mean(model.r2()["r2"].to_numpy())),
        "market against the cap-weighted return": float(
            np.corrcoef(both["market.market"], both["index"])[0, 1]
        ),
        **{f"volatility {name}": vol for vol, name in (ranked[0], ranked[1], ranked[-2], ranked[-1])},
    }


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as workspace:
        client = Client.local(workspace)
        model = fit(client, tables(folder))
        print(client.equity.riskdatasets.load("us500").describe().build_report)
        prices = pl.read_parquet(folder / "prices.parquet").with_columns(pl.col("date").cast(pl.Date))
        for name, value in summary(model, prices).items():
            print(f"{name:45s} {value:8.3f}")
        print(model.status().group_by("status").len().sort("status"))


if __name__ == "__main__":
    main()
