"""A fitted factor model, in the terms of its settings."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, Any

from openfactor.client.diagnostics import Diagnostics
from openfactor.client.forecasts import RiskForecast
from openfactor.client.handle import Handle
from openfactor.client.tasks import Task
from openfactor.contract.calls import Workspace
from openfactor.contract.refs import Dated, DiagnosticsQuery, FrameQuery, Layout, ModelProperties, ModelRef
from openfactor.errors import ConflictError
from openfactor.results import DataVersion
from openfactor.settings import DatasetSettings, FactorRiskModelSettings, RiskForecastSettings
from openfactor.settings.dates import DateLike, as_date

if TYPE_CHECKING:
    import polars as pl

    from openfactor.model import Estimates


class RiskModel(Handle):
    """What `riskmodels.load(...).get_model()` gives.

    Frames have a `date` column and Float32 values. Every method that gives one takes:

    * `start` and `end`: first and last day, both included
    * `layout`: "wide" has one column per factor or asset, "long" one row per value, without the empty ones
    * `dated`, where it makes sense: which day the rows carry. Exposures are known on one trading day, and
      explain the returns of the next; "exposures" means the first of the two, "returns" the second. By
      default exposures carry the first, everything else the second. With equal `dated` all frames line up:
      exposures times factor returns plus specific return is the asset's return.
    """

    def __init__(self, workspace: Workspace, ref: ModelRef) -> None:
        self._workspace = workspace
        self.ref = ref
        """Names the model and all that it stands on."""

    def __repr__(self) -> str:
        properties = self._properties
        dates = properties.dates
        span = f"{dates[0]} to {dates[-1]}" if dates else "no days"
        fit = "" if properties.mean_r2 is None else f", mean R2 {properties.mean_r2:.3f}"
        return (
            f"<RiskModel on {self.data}: {span}, {len(properties.factors)} factors, "
            f"{properties.n_regressions:,} regressions{fit}>"
        )

    @property
    def settings(self) -> DatasetSettings[FactorRiskModelSettings]:
        """Bound to the dataset; `riskmodels.load` takes them."""
        return self.ref.pinned.settings

    @property
    def data(self) -> DataVersion:
        """Which data it stands on: those of the dataset, and uploads that the settings name."""
        return self.ref.pinned.data

    @property
    def fingerprint(self) -> str:
        """Names the settings and the dataset that made this model."""
        return self.ref.fingerprint

    def arrays(self) -> Estimates:
        """The arrays behind the frames, in double precision; only where the engine runs in this process.

        Raises
        ------
        ConflictError: the workspace is elsewhere.
        """
        estimates = getattr(self._workspace, "estimates", None)
        if estimates is None:
            raise ConflictError("arrays stay where the engine runs; use the frames of the model")
        return estimates(self.ref)  # type: ignore[no-any-return]

    def update(self) -> RiskModel:
        """The model on the present data of its uploads; this one stays as it is.

        Brings the risk dataset up to date and regresses the days that are new or changed. To the last bit the
        result is what a full fit gives; models that look at uploads of their own or have known factors get
        one.

        Raises
        ------
        DataError: the data cannot support estimation.
        """
        return RiskModel(self._workspace, self._workspace.riskmodels.update(self.ref))

    def update_as_task(self) -> Task[RiskModel]:
        """`update` in the background. It can be cancelled, and then keeps nothing."""
        name = f"update of the risk model on {self.data.dataset!r}"
        return Task(
            self._workspace, name, "riskmodels", "update", (self.ref,),
            lambda model: RiskModel(self._workspace, model),
        )  # fmt: skip

    def dates(self) -> list[dt.date]:
        """Trading days, ascending."""
        return list(self._properties.dates)

    def factors(self) -> dict[str, list[str]]:
        """Group to its factors, both sorted."""
        groups: dict[str, list[str]] = {}
        for group, factor in sorted(self._properties.factors):
            groups.setdefault(group, []).append(factor)
        return groups

    def fret(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Factor returns: date, `{group}.{factor}`; per trading period, as fractions.

        0.0 on days without a regression (see `status`) and for factors without exposure.
        """
        return self._frame("factor_returns", start, end, layout=layout, dated=dated)

    def t_stats(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Factor return over its standard error; null where there is no standard error."""
        return self._frame("t_stats", start, end, layout=layout, dated=dated)

    def p_values(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Two-sided probability of |t| under Student's distribution with n - rank degrees of freedom."""
        return self._frame("p_values", start, end, layout=layout, dated=dated)

    def standard_errors(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Of the factor returns; null where there is no estimate, for pinned and aliased factors, and on days
        whose returns do not differ or are explained exactly (see `status`).
        """
        return self._frame("standard_errors", start, end, layout=layout, dated=dated)

    def vif(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Variance inflation factors, at least 1, in the directions that the zero-sum constraints leave, and
        about the weighted mean where the other factors hold a constant; null where there is no estimate, for
        pinned factors, and where factors could not be told apart.
        """
        return self._frame("vif", start, end, layout=layout, dated=dated)

    def r2(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        stage: int = 1,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Weighted R squared of each regression: date, r2; days without a regression, without spread or
        without degrees of freedom are left out.

        Of a further stage it is the share that it explains of the specific returns of the stage before it.
        """
        return self._frame("r2", start, end, stage=stage, layout=layout, dated=dated)

    def status(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        stage: int = 1,
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """How each day was estimated.

        Columns: date, status, solver, n (assets), rank, condition (of the normal equations); of these assets,
        how many had their return clipped, and how many have one over several trading days (multiday);
        thinly_traded, the companies of the universe that had no return on more than a quarter of the last 21
        trading days; and lists: thin_categories (those with fewer effective names than
        `thin_category_shrinkage` asks for), factors_without_exposure, pinned_factors, to which the zero sums
        leave no choice, and aliased_factors, which could not be told apart from others.
        """
        return self._frame("status", start, end, stage=stage, dated=dated)

    def effective_names(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Effective number of names of each category: date, `{group}.{factor}`; null for other factors."""
        return self._frame("effective_names", start, end, layout=layout, dated=dated)

    def exposures(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        stage: int = 1,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Exposures of the universe's assets to a stage's factors: date, the id type, `{group}.{factor}`.

        One row per trading day and listing, or of listings with the same identifier one for all of them; null
        where a dense exposure is missing, 0 where a name is not in a category.
        """
        return self._frame("exposures", start, end, id_type=id_type, stage=stage, layout=layout, dated=dated)

    def asset_returns(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Returns in the model's currency, compounded since the trading day before: date, one column per
        identifier; null where there is none.

        Parameters
        ----------
        id_type : by default the universe's; a column has the values of whoever has the identifier on the date
        """
        return self._frame("asset_returns", start, end, id_type=id_type, layout=layout, dated=dated)

    def future_asset_returns(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """`asset_returns` of the next trading day, on the row of the day before it: what the exposures of a
        row are to explain.
        """
        return self._frame("future_asset_returns", start, end, id_type=id_type, layout=layout, dated=dated)

    def idio(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Specific returns: asset return less exposures of the trading day before times factor returns. Laid
        out like `asset_returns`.
        """
        return self._frame("specific_returns", start, end, id_type=id_type, layout=layout, dated=dated)

    def weights(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        stage: int = 1,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Regression weights; those of a date sum to one, null outside of the estimation set. Laid out like
        `asset_returns`.
        """
        return self._frame("weights", start, end, id_type=id_type, stage=stage, layout=layout, dated=dated)

    def universe(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Which assets are in the universe: date, one Boolean column per identifier."""
        return self._frame("universe", start, end, id_type=id_type, layout=layout, dated=dated)

    def estimation_universe(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        stage: int = 1,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Which assets a regression may use: date, one Boolean column per identifier."""
        return self._frame(
            "estimation_universe", start, end, id_type=id_type, stage=stage, layout=layout, dated=dated
        )

    def market_caps(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Sum of exposure times market cap (USD) over the estimation set, as the regression of the date
        used them: those of the trading day before.
        """
        return self._frame("market_caps", start, end, layout=layout, dated=dated)

    def forecast(self, settings: RiskForecastSettings | None = None) -> RiskForecast:
        """Forecasts of risk from these estimates; nothing is regressed again.

        The forecast's `settings` are those in effect. A DataWarning names what the data quality checks found
        wrong with the newest day.
        """
        properties = self._workspace.riskmodels.forecast(self.ref, settings or RiskForecastSettings())
        return RiskForecast(self._workspace, self.ref, properties)

    def diagnostics(
        self,
        forecast: RiskForecastSettings | None = None,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        burn_in: int | None = None,
        window: int | None = None,
        n_portfolios: int = 50,
        seed: int = 0,
    ) -> Diagnostics:
        """How good the regressions, the factors and the forecasts are.

        Every table is about the trading days from `start` to `end`. Test portfolios are held on each of them
        but the last for the next one, and their returns are compared with the forecast, which does not know
        them.

        Parameters
        ----------
        forecast : settings of the forecasts, by default the usual ones
        burn_in : trading days with a regression before the first forecast that counts, by default a year's
        window : trading days of the rolling bias statistics, by default a year's
        n_portfolios, seed : number of random portfolios, and the seed that draws them
        """
        query = DiagnosticsQuery(
            forecast=forecast or RiskForecastSettings(), start=as_date(start), end=as_date(end),
            burn_in=burn_in, window=window, n_portfolios=n_portfolios, seed=seed,
        )  # fmt: skip
        return Diagnostics(self.data, self._workspace.riskmodels.diagnose(self.ref, query))

    @property
    def _refers_to(self) -> Any:
        return self.ref

    @cached_property
    def _properties(self) -> ModelProperties:
        return self._workspace.riskmodels.describe(self.ref)

    def _frame(self, name: str, start: DateLike | None, end: DateLike | None, **fields: Any) -> pl.DataFrame:
        query = FrameQuery.between(name, start, end, **fields)
        return self._workspace.riskmodels.frame(self.ref, query)
