"""The diagnostics of a model as tables and pictures."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.model.diagnostics import quality
from openfactor.model.diagnostics.pictures import cumulative_returns
from openfactor.model.diagnostics.walkforward import DECILES, WalkForward
from openfactor.model.estimation.estimates import Estimates
from openfactor.model.wide import regressions
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Float = NDArray[np.float64]
CHOSEN = ("minimum-variance", "optimised")
"""Books that were chosen with the forecast's own help; the others do not know it."""


class Diagnostics(BoundToProcess):
    """What `model.diagnostics()` gives: every number is of data that the forecast had not seen.

    thin : (T, K) categories below their effective number of names
    period : (T,) trading days that all tables are about
    stability : (K,) correlation of exposures with those of a month before, over dates
    window : days of a rolling bias statistic
    periods_per_year : to annualise with
    """

    def __init__(
        self,
        estimates: Estimates,
        thin: NDArray[np.bool_],
        period: NDArray[np.bool_],
        stability: Float,
        forward: WalkForward,
        window: int,
        periods_per_year: float,
        data: DataVersion,
    ) -> None:
        self._estimates = estimates
        self._thin = thin
        self._period = period
        self._stability = stability
        self._window = window
        self._periods = periods_per_year
        self.forward = forward
        self.data = data
        """Which data they stand on: those of the model."""

    def __repr__(self) -> str:
        every = self.summary()
        return (
            f"<Diagnostics on {self.data}: {len(self.forward.dates)} days, mean R2 {every['mean_r2']:.3f}, "
            f"bias {every['bias']:.3f}, beyond 1.96 {every['beyond_1_96']:.1%}, "
            f"minimum-variance bias {every['minimum_variance_bias']:.3f}>"
        )

    def dates(self) -> pl.DataFrame:
        """The regression of each date (first stage).

        Columns: date, status, solver, n, rank, r2, condition, thin_categories and factors_without_exposure
        (how many), max_vif.
        """
        e = self._estimates
        done, mine = e.estimated, e.stage == 0
        vif = np.where(np.isfinite(e.vif[:, mine]), e.vif[:, mine], -np.inf).max(axis=1, initial=-np.inf)
        frame = regressions(e, 0).insert_column(5, pl.Series("r2", e.r2[0]))
        frame = frame.with_columns(
            thin_categories=self._thin[:, mine].sum(axis=1),
            factors_without_exposure=np.where(done, (~e.exposed[:, mine]).sum(axis=1), 0),
            max_vif=np.where(np.isfinite(vif), vif, np.nan),
        ).filter(pl.Series(self._period))
        return frame.with_columns(pl.col(pl.Float64).fill_nan(None))

    def factors(self) -> pl.DataFrame:
        """Each factor over time.

        Columns: factor; days with an estimate; mean_return and volatility, annual; sharpe, their ratio;
        significant, the share of days with |t| > 2; mean_abs_t; mean_vif and max_vif; stability, the
        correlation of its exposures with those of a month before.
        """
        e = self._estimates
        rows = []
        t = np.where(e.exposed, e.t, np.nan)
        for k, name in enumerate(e.factors):
            used = e.exposed[:, k] & e.estimated & self._period
            f, tk, vif = e.factor_returns[used, k], t[used, k], e.vif[used, k]
            tk, vif = np.abs(tk[np.isfinite(tk)]), vif[np.isfinite(vif)]
            mean = self._periods * f.mean() if len(f) else np.nan
            volatility = np.sqrt(self._periods) * f.std(ddof=1) if len(f) > 1 else np.nan
            rows.append(
                {
                    "factor": name,
                    "days": len(f),
                    "mean_return": mean,
                    "volatility": volatility,
                    "sharpe": mean / volatility if volatility > 0 else np.nan,
                    "significant": np.mean(tk > 2) if len(tk) else np.nan,
                    "mean_abs_t": tk.mean() if len(tk) else np.nan,
                    "mean_vif": vif.mean() if len(vif) else np.nan,
                    "max_vif": vif.max() if len(vif) else np.nan,
                    "stability": self._stability[k],
                }
            )
        return pl.DataFrame(rows).with_columns(pl.col(pl.Float64).fill_nan(None))

    @cached_property
    def _books(self) -> pl.DataFrame:
        forward = self.forward
        frame = quality.table(list(forward.books), forward.z, self._window)
        return frame.insert_column(0, pl.Series("kind", forward.kinds, dtype=pl.String))

    def books(self) -> pl.DataFrame:
        """Forecast quality of each book.

        Columns: kind, book, days, bias (standard deviation of r_(t+1) / sigma_t), band (about 1, half-width
        sqrt(2 / T)), beyond_1_96 (share of days), mrad and qlike; see `quality`. Null where there are too few
        days.
        """
        return self._books

    def kinds(self) -> pl.DataFrame:
        """Forecast quality of each kind of book, on average over its books, and of single names.

        Columns: kind, books, bias, in_band (share of books whose bias is within its band), beyond_1_96, mrad,
        qlike. The row "all" has the books that do not know the forecast: all but minimum-variance and
        optimised ones.
        """
        measures = [pl.col(name).mean() for name in ("bias", "beyond_1_96", "mrad", "qlike")]
        within = ((pl.col("bias") - 1).abs() <= pl.col("band")).mean().alias("in_band")
        columns = [pl.len().alias("books"), measures[0], within, *measures[1:]]
        by_kind = self._books.group_by("kind", maintain_order=True).agg(columns)
        passive = self._books.filter(~pl.col("kind").is_in(CHOSEN)).select(
            pl.lit("all").alias("kind"), *columns
        )
        names = self.name_deciles()
        weight = pl.col("returns") / pl.col("returns").sum()
        single = names.select(
            pl.lit("single names").alias("kind"),
            pl.lit(None, pl.UInt32).alias("books"),
            bias=((pl.col("bias") ** 2) * weight).sum().sqrt(),
            in_band=pl.lit(None, pl.Float64),
            beyond_1_96=(pl.col("beyond_1_96") * weight).sum(),
            mrad=pl.lit(None, pl.Float64),
            qlike=(pl.col("qlike") * weight).sum(),
        )
        return pl.concat([passive, by_kind, single], how="vertical_relaxed")

    def name_deciles(self) -> pl.DataFrame:
        """Forecast quality of single names by decile of their forecast volatility, 1 the lowest.

        Columns: decile, returns (how many; those of exactly zero are left out), bias, beyond_1_96, qlike.
        """
        n, sums = self.forward.name_count.sum(axis=0), self.forward.name_sums.sum(axis=0)
        there = np.where(n > 0, n, np.nan)
        mean, squares, beyond, loss = (sums / there[:, None]).T
        return pl.DataFrame(
            {
                "decile": np.arange(1, DECILES + 1),
                "returns": n,
                "bias": np.sqrt(squares - mean**2),
                "beyond_1_96": beyond,
                "qlike": loss,
            }
        ).with_columns(pl.col(pl.Float64).fill_nan(None))

    def standardized(self) -> pl.DataFrame:
        """date, that of the return, and r_(t+1) / sigma_t of each book in a column of its name."""
        z = {name: self.forward.z[:, b] for b, name in enumerate(self.forward.books)}
        frame = pl.DataFrame({"date": pl.Series(self.forward.dates, dtype=pl.Date), **z})
        return frame.with_columns(pl.col(pl.Float64).fill_nan(None))

    def summary(self) -> dict[str, float]:
        """What one looks at first: mean_r2, bias, beyond_1_96, mrad and qlike of all books that do not know
        the forecast, random_bias, minimum_variance_bias and optimised_bias."""
        r2 = self._estimates.r2[0][self._period]
        kinds = {row["kind"]: row for row in self.kinds().to_dicts()}

        def of(kind: str, measure: str) -> float:
            value = kinds[kind][measure]
            return float("nan") if value is None else float(value)

        return {
            "mean_r2": float(np.nanmean(r2)) if np.isfinite(r2).any() else float("nan"),
            **{measure: of("all", measure) for measure in ("bias", "beyond_1_96", "mrad", "qlike")},
            "random_bias": of("random", "bias"),
            "minimum_variance_bias": of("minimum-variance", "bias"),
            "optimised_bias": of("optimised", "bias"),
        }

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
        e = self._estimates
        dates = np.array(e.dates, "datetime64[D]")[self._period]
        groups: dict[str, dict[str, Float]] = {}
        for k, (group, factor) in enumerate(e.pairs):
            groups.setdefault(group, {})[factor] = np.cumsum(e.factor_returns[self._period, k])
        return cumulative_returns(dates, groups)

    def plot_bias(self) -> Figure:
        """A picture of the bias statistics: every book by kind, and single names by decile. Needs the
        `plot` extra."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(11, 4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        kinds = list(dict.fromkeys(self.forward.kinds))
        for i, kind in enumerate(kinds):
            bias = self._books.filter(kind=kind)["bias"].drop_nulls().to_numpy()
            left.scatter(np.full(len(bias), i), bias, s=10, alpha=0.5)
        left.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right")
        left.set(title="Books", ylabel="bias statistic")
        deciles = self.name_deciles()
        right.plot(deciles["decile"].to_numpy(), deciles["bias"].to_numpy(), marker="o")
        right.set(title="Single names", xlabel="decile of the forecast volatility")
        half = np.sqrt(2 / max(len(self.forward.dates), 1))
        for ax in (left, right):
            ax.axhline(1.0, color="black", lw=0.6)
            ax.axhspan(1 - half, 1 + half, color="grey", alpha=0.2)
        return figure


def _figure(rows: int, title: str) -> tuple[Figure, NDArray[np.object_]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 2.2 * rows + 1.6), layout="constrained")
    figure.suptitle(title)
    return figure, np.atleast_1d(figure.subplots(rows, 1, sharex=True))
