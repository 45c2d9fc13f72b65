"""The diagnostics of a model as tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.model.diagnostics.pictures import cumulative_returns
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Float = NDArray[np.float64]


class Diagnostics(BoundToProcess):
    """What `model.diagnostics()` gives: every number is of data that the forecast had not seen.

    `tables` are those of `diagnose`, which says what their columns are.
    """

    def __init__(self, tables: Mapping[str, pl.DataFrame], data: DataVersion) -> None:
        self.tables = dict(tables)
        self.data = data
        """Which data they stand on: those of the model."""

    def __repr__(self) -> str:
        every = self.summary()
        return (
            f"<Diagnostics on {self.data}: {len(self.standardized())} days, mean R2 {every['mean_r2']:.3f}, "
            f"bias {every['bias']:.3f}, beyond 1.96 {every['beyond_1_96']:.1%}, "
            f"minimum-variance bias {every['minimum_variance_bias']:.3f}>"
        )

    def dates(self) -> pl.DataFrame:
        """The regression of each date (first stage)."""
        return self.tables["dates"]

    def factors(self) -> pl.DataFrame:
        """Each factor over time."""
        return self.tables["factors"]

    def books(self) -> pl.DataFrame:
        """Forecast quality of each book."""
        return self.tables["books"]

    def kinds(self) -> pl.DataFrame:
        """Forecast quality of each kind of book, on average over its books, and of single names."""
        return self.tables["kinds"]

    def name_deciles(self) -> pl.DataFrame:
        """Forecast quality of single names by decile of their forecast volatility, 1 the lowest."""
        return self.tables["name_deciles"]

    def standardized(self) -> pl.DataFrame:
        """date, that of the return, and r_(t+1) / sigma_t of each book in a column of its name."""
        return self.tables["standardized"]

    def summary(self) -> dict[str, float]:
        """What to look at first; NaN where there is no number."""
        return dict(self.tables["summary"].fill_null(float("nan")).row(0, named=True))

    def plot_fit(self) -> Figure:
        """A picture of R squared, the number of names and the condition number by date. Needs the `plot`
        extra."""
        figure, axes = _figure(3, "Regressions")
        frame = self.dates().filter(pl.col("n") > 0)
        for ax, name, label in zip(axes, ("r2", "n", "condition"), ("R²", "names", "condition"), strict=True):
            ax.plot(frame["date"].to_numpy(), frame[name].to_numpy(), lw=0.8)
            ax.set(ylabel=label)
        axes[0].set(ylim=(0, 1))
        axes[2].set(yscale="log")
        return figure

    def plot_factors(self) -> Figure:
        """A picture of each factor's cumulative return over the period: a few lines a panel, by group, each
        labelled at its end. Needs the `plot` extra."""
        returns = self.tables["factor_returns"]
        groups: dict[str, dict[str, Float]] = {}
        for name in returns.columns[1:]:
            group, factor = name.split(".", 1)
            groups.setdefault(group, {})[factor] = np.cumsum(returns[name].to_numpy())
        return cumulative_returns(returns["date"].to_numpy(), groups)

    def plot_bias(self) -> Figure:
        """A picture of the bias statistics: every book by kind, and single names by decile. Needs the
        `plot` extra."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(11, 4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        kinds = list(dict.fromkeys(self.books()["kind"]))
        for i, kind in enumerate(kinds):
            bias = self.books().filter(kind=kind)["bias"].drop_nulls().to_numpy()
            left.scatter(np.full(len(bias), i), bias, s=10, alpha=0.5)
        left.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right")
        left.set(title="Books", ylabel="bias statistic")
        deciles = self.name_deciles()
        right.plot(deciles["decile"].to_numpy(), deciles["bias"].to_numpy(), marker="o")
        right.set(title="Single names", xlabel="decile of the forecast volatility")
        half = np.sqrt(2 / max(len(self.standardized()), 1))
        for ax in (left, right):
            ax.axhline(1.0, color="black", lw=0.6)
            ax.axhspan(1 - half, 1 + half, color="grey", alpha=0.2)
        return figure


def _figure(rows: int, title: str) -> tuple[Figure, NDArray[np.object_]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 2.2 * rows + 1.6), layout="constrained")
    figure.suptitle(title)
    return figure, np.atleast_1d(figure.subplots(rows, 1, sharex=True))
