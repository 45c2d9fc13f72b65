"""Pictures of a model's diagnostics. Needs the `plot` extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_regressions(dates: pl.DataFrame) -> Figure:
    """R squared, the number of names and the condition number by date, from the table "dates"."""
    from matplotlib.figure import Figure

    shown = {"r2": "R²", "n": "names", "condition": "condition"}
    figure = Figure(figsize=(11, 2.2 * len(shown) + 1.6), layout="constrained")
    figure.suptitle("Regressions")
    axes = dict(zip(shown, figure.subplots(len(shown), 1, sharex=True), strict=True))
    frame = dates.filter(pl.col("n") > 0)
    for name, ax in axes.items():
        ax.plot(frame["date"].to_numpy(), frame[name].to_numpy(), lw=0.8)
        ax.set(ylabel=shown[name])
    axes["r2"].set(ylim=(0, 1))
    axes["condition"].set(yscale="log")
    return figure


def plot_bias(portfolios: pl.DataFrame, deciles: pl.DataFrame, n_days: int) -> Figure:
    """The bias statistics: every test portfolio by kind, and single names by decile, with the band about 1 in
    which a right forecast falls.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    kinds = list(dict.fromkeys(portfolios["kind"]))
    for i, kind in enumerate(kinds):
        bias = portfolios.filter(kind=kind)["bias"].drop_nulls().to_numpy()
        left.scatter(np.full(len(bias), i), bias, s=10, alpha=0.5)
    left.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right")
    left.set(title="Test portfolios", ylabel="bias statistic")
    right.plot(deciles["decile"].to_numpy(), deciles["bias"].to_numpy(), marker="o")
    right.set(title="Single names", xlabel="decile of the forecast volatility")
    half_width = np.sqrt(2 / max(n_days, 1))
    for ax in (left, right):
        ax.axhline(1.0, color="black", lw=0.6)
        ax.axhspan(1 - half_width, 1 + half_width, color="grey", alpha=0.2)
    return figure
