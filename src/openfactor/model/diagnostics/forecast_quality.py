"""Tables on forecasts against the returns of the next trading day."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.model.diagnostics import quality
from openfactor.model.diagnostics.walk_forward import DECILES, WalkForward

Float = NDArray[np.float64]
KNOW_THE_FORECAST = ("minimum-variance", "optimised")
"""Kinds of portfolios that are chosen with the forecast's own help."""


def forecast_tables(forward: WalkForward, window: int) -> dict[str, pl.DataFrame]:
    """The tables of `diagnose` on test portfolios and single names.

    Parameters
    ----------
    window
        Values of z in a rolling bias statistic.
    """
    rolling = quality.rolling_bias(forward.z, window)
    portfolios = quality.table(list(forward.portfolios), forward.z, rolling)
    portfolios.insert_column(0, pl.Series("kind", forward.kinds, dtype=pl.String))
    deciles = _name_deciles(forward)
    return {
        "test_portfolios": portfolios,
        "kinds": _kinds(portfolios, deciles),
        "name_deciles": deciles,
        "standardized": _by_portfolio(forward, forward.z),
        "rolling_bias": _by_portfolio(forward, rolling),
    }


def summary(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The table `summary`, from the others."""
    r2 = tables["dates"]["r2"].to_numpy()
    kinds = {row["kind"]: row for row in tables["kinds"].to_dicts()}
    measures = {name: kinds["all"][name] for name in ("bias", "exceedance_rate", "mrad", "qlike")}
    biases = {
        "random_bias": kinds["random"]["bias"],
        "minimum_variance_bias": kinds["minimum-variance"]["bias"],
        "optimised_bias": kinds["optimised"]["bias"],
    }
    mean_r2 = float(np.nanmean(r2)) if np.isfinite(r2).any() else None
    values = {"mean_r2": mean_r2, **measures, **biases}
    return pl.DataFrame({name: [value] for name, value in values.items()}, dict.fromkeys(values, pl.Float64))


def _by_portfolio(forward: WalkForward, values: Float) -> pl.DataFrame:
    """date, and one column per test portfolio of values (T, B)."""
    columns = {name: values[:, b] for b, name in enumerate(forward.portfolios)}
    frame = pl.DataFrame({"date": pl.Series(forward.dates, dtype=pl.Date), **columns})
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


def _kinds(portfolios: pl.DataFrame, deciles: pl.DataFrame) -> pl.DataFrame:
    measures = [pl.col(name).mean() for name in ("bias", "exceedance_rate", "mrad", "qlike")]
    in_band = ((pl.col("bias") - 1).abs() <= pl.col("band")).mean().alias("in_band")
    columns = [pl.len().alias("portfolios"), measures[0], in_band, *measures[1:]]
    by_kind = portfolios.group_by("kind", maintain_order=True).agg(columns)
    independent = portfolios.filter(~pl.col("kind").is_in(KNOW_THE_FORECAST))
    overall = independent.select(pl.lit("all").alias("kind"), *columns)
    weight = pl.col("returns") / pl.col("returns").sum()
    single = deciles.select(
        pl.lit("single names").alias("kind"),
        pl.lit(None, pl.UInt32).alias("portfolios"),
        bias=((pl.col("bias") ** 2) * weight).sum().sqrt(),
        in_band=pl.lit(None, pl.Float64),
        exceedance_rate=(pl.col("exceedance_rate") * weight).sum(),
        mrad=pl.lit(None, pl.Float64),
        qlike=(pl.col("qlike") * weight).sum(),
    )
    return pl.concat([overall, by_kind, single], how="vertical_relaxed")


def _name_deciles(forward: WalkForward) -> pl.DataFrame:
    n, sums = forward.name_count.sum(axis=0), forward.name_sums.sum(axis=0)
    divisor = np.where(n > 0, n, np.nan)
    mean, squares, exceedance_rate, loss = (sums / divisor[:, None]).T
    return pl.DataFrame(
        {
            "decile": np.arange(1, DECILES + 1),
            "returns": n,
            "bias": np.sqrt(squares - mean**2),
            "exceedance_rate": exceedance_rate,
            "qlike": loss,
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
