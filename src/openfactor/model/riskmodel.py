"""A fitted factor model: estimates as frames, in the terms of the settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from openfactor.contract.refs import Dated, DiagnosticsQuery, FrameQuery, Layout
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.errors import ConflictError
from openfactor.exposures import by_group
from openfactor.model.diagnostics import Diagnostics, diagnose
from openfactor.model.estimation import Estimates
from openfactor.model.fitted import FittedModel
from openfactor.model.frames import frame
from openfactor.model.riskforecast import RiskForecast
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike, as_date
from openfactor.settings.forecasts import RiskForecastSettings
from openfactor.settings.model import FactorRiskModelSettings
from openfactor.settings.values import DatasetSettings


class RiskModel(BoundToProcess):
    """What `riskmodels.load(...).get_model()` gives.

    Frames have a `date` column and Float32 values. The values of a date are those of the regression of
    that date, except `exposures` and memberships, which carry the day on which they are stored: they explain
    the returns of the next trading day. `dated` chooses one day for all: "exposures", the day on which
    exposures are stored, or "returns", the trading day after it. `layout` is "wide" or "long", one row per
    value. `start` and `end` are dates of rows, both included.
    """

    def __init__(
        self,
        dataset: RiskDataset,
        settings: FactorRiskModelSettings,
        estimates: Estimates,
        read: UploadReader = no_uploads,
        *,
        threads: int | None = None,
        hide_progress: bool | None = None,
        data: DataVersion | None = None,
        renew: Callable[[], RiskModel] | None = None,
    ) -> None:
        data = data or dataset.version("dataset")
        self._fitted = FittedModel(dataset, settings, read, threads, estimates, data, hide_progress)
        self._renew = renew

    def __repr__(self) -> str:
        return f"<RiskModel on {self.data}: {self._fitted.estimates!r}>"

    @property
    def settings(self) -> DatasetSettings[FactorRiskModelSettings]:
        """Bound to the dataset; `riskmodels.load` takes them."""
        return self._fitted.settings.with_dataset(self.data.dataset)

    @property
    def data(self) -> DataVersion:
        """Which data it stands on: those of the dataset, and uploads that the settings name."""
        return self._fitted.data

    @property
    def fingerprint(self) -> str:
        """Names the settings and the dataset that made this model."""
        return self._fitted.estimates.fingerprint

    @property
    def estimates(self) -> Estimates:
        """The arrays behind the frames, in double precision."""
        return self._fitted.estimates

    def update(self) -> RiskModel:
        """The model with the data that its uploads have by now; this one stays as it is.

        Brings the risk dataset up to date and regresses the days that are new or changed. To the last bit the
        result is what a full fit gives; models that look at uploads of their own or have known factors get
        one.

        Raises
        ------
        ConflictError: the model does not come from a workspace. DataError: the data do not serve.
        """
        if self._renew is None:
            raise ConflictError("this model has no workspace to take new data from; load it through a client")
        return self._renew()

    def dates(self) -> list[dt.date]:
        """Trading days, ascending."""
        return list(self._fitted.estimates.dates)

    def factors(self) -> dict[str, list[str]]:
        """Group to its factors, both sorted."""
        return by_group(self._fitted.estimates.pairs)

    def fret(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Factor returns: date, `{group}.{factor}`; daily, fractions.

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
        whose returns do not differ or are explained exactly (see `status`)."""
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
        pinned factors, and where factors could not be told apart."""
        return self._frame("vif", start, end, layout=layout, dated=dated)

    def r2(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        stage: int = 1,
        dated: Dated | None = None,
    ) -> pl.DataFrame:
        """Weighted R squared of each regression: date, r2; days without a regression, without spread or
        without degrees of freedom are left out.

        Of a further stage it is the share that it explains of the specific returns of the stage before it.
        """
        return self._frame("r2", start, end, stage=stage, dated=dated)

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
        """Returns of the next trading day, at the date of the exposures that explain them; null on the last
        trading day. Laid out like `asset_returns`."""
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
        out like `asset_returns`."""
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
        `asset_returns`."""
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
        """Who is in the universe on each trading day, by the values of that day: date, one Boolean column per
        identifier; long, one row per member."""
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
        """Those of the universe that a stage's regressions look at: members of its estimation universe, of
        each company the main listing. Laid out like `universe`."""
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
        used them: those of the trading day before."""
        return self._frame("market_caps", start, end, layout=layout, dated=dated)

    def forecast(self, settings: RiskForecastSettings | None = None) -> RiskForecast:
        """Forecasts of risk from these estimates; nothing is regressed again.

        What was computed for the same settings is not computed again. A DataWarning names what the data
        quality checks found wrong with the newest day.
        """
        return RiskForecast(self._fitted, settings or RiskForecastSettings())

    def diagnostics(
        self,
        forecast: RiskForecastSettings | None = None,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        burn_in: int | None = None,
        window: int | None = None,
        n_books: int = 50,
        seed: int = 0,
    ) -> Diagnostics:
        """How good the regressions, the factors and the forecasts are.

        Every table is about the trading days from `start` to `end`. Books are held on each of them but the
        last for the next one, and what they return is compared with the forecast, which knows nothing of it.

        forecast : settings of the forecasts, by default the usual ones
        burn_in : trading days with a regression before the first forecast that counts, by default a year's
        window : trading days of the rolling bias statistics, by default a year's
        n_books, seed : of the random books
        """
        query = DiagnosticsQuery(
            forecast=forecast or RiskForecastSettings(), start=as_date(start), end=as_date(end),
            burn_in=burn_in, window=window, n_books=n_books, seed=seed,
        )  # fmt: skip
        return Diagnostics(diagnose(self._fitted, query), self.data)

    def _frame(
        self, name: str, start: DateLike | None, end: DateLike | None, **options: object
    ) -> pl.DataFrame:
        return frame(self._fitted, FrameQuery.between(name, start, end, **options))
