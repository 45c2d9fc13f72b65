"""How good a model and its forecasts are: tables, and pictures of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from openfactor.results import DataVersion

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure


class Diagnostics:
    """What `model.diagnostics()` gives: every number is about data that the forecast had not seen."""

    def __init__(self, data: DataVersion, tables: Mapping[str, pl.DataFrame]) -> None:
        self.data = data
        """Which data they stand on: those of the model."""
        self._tables = dict(tables)

    def __repr__(self) -> str:
        every = self.summary()
        return (
            f"<Diagnostics on {self.data}: {len(self.standardized())} days, mean R2 {every['mean_r2']:.3f}, "
            f"bias {every['bias']:.3f}, |z| > 1.96 {every['exceedance_rate']:.1%}, "
            f"minimum-variance bias {every['minimum_variance_bias']:.3f}>"
        )

    def dates(self) -> pl.DataFrame:
        """The regression of each date (first stage).

        Columns: date, status, solver, n, rank, r2, condition, thin_categories and factors_without_exposure
        (how many), max_vif.
        """
        return self._tables["dates"]

    def factors(self) -> pl.DataFrame:
        """Each factor over time.

        Columns: factor; days with an estimate; mean_return and volatility, annual; sharpe, their ratio;
        significant, the share of days with |t| > 2; mean_abs_t; mean_vif and max_vif; stability, the
        correlation of its exposures with those of a month before.
        """
        return self._tables["factors"]

    def test_portfolios(self) -> pl.DataFrame:
        """Forecast quality of each test portfolio.

        Columns: kind, portfolio, days, bias (standard deviation of z = r_(t+1) / sigma_t), band (about 1,
        half-width sqrt(2 / days)), exceedance_rate (share of days with |z| > 1.96), mrad and qlike. Null
        where there are too few days.
        """
        return self._tables["test_portfolios"]

    def kinds(self) -> pl.DataFrame:
        """Forecast quality of each kind of test portfolio, on average, and of single names.

        Columns: kind, portfolios (how many), bias, in_band (share of portfolios whose bias is within its
        band), exceedance_rate, mrad, qlike. The row "all" has the portfolios that do not know the forecast:
        all but minimum-variance and optimised ones.
        """
        return self._tables["kinds"]

    def name_deciles(self) -> pl.DataFrame:
        """Forecast quality of single names by decile of their forecast volatility, 1 the lowest.

        Columns: decile, returns (how many; those of exactly zero are left out), bias, exceedance_rate, qlike.
        """
        return self._tables["name_deciles"]

    def standardized(self) -> pl.DataFrame:
        """date, that of the return, and z = r_(t+1) / sigma_t of each test portfolio in a column of its
        name.
        """
        return self._tables["standardized"]

    def rolling_bias(self) -> pl.DataFrame:
        """date, and the bias statistic of each test portfolio over the window that ends on it."""
        return self._tables["rolling_bias"]

    def summary(self) -> dict[str, float]:
        """What to look at first: mean_r2; bias, exceedance_rate, mrad and qlike of the portfolios that do
        not know the forecast; random_bias, minimum_variance_bias and optimised_bias.
        """
        return dict(self._tables["summary"].fill_null(float("nan")).row(0, named=True))

    def plot_fit(self) -> Figure:
        """A picture of R squared, the number of names and the condition number by date. Needs the `plot`
        extra.
        """
        from openfactor.client.plots.diagnostics import plot_regressions

        return plot_regressions(self.dates())

    def plot_factors(self) -> Figure:
        """A picture of each factor's cumulative return over the period: a few lines per panel, by group, each
        labelled at its end. Needs the `plot` extra.
        """
        from openfactor.client.plots.factors import plot_cumulative_returns

        return plot_cumulative_returns(self._tables["factor_returns"])

    def plot_bias(self) -> Figure:
        """A picture of the bias statistics: every test portfolio by kind, and single names by decile. Needs
        the `plot` extra.
        """
        from openfactor.client.plots.diagnostics import plot_bias

        return plot_bias(self.test_portfolios(), self.name_deciles(), len(self.standardized()))
