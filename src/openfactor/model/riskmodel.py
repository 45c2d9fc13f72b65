"""A fitted factor model: estimates as frames, in the terms of the settings."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtr

from openfactor.dataset.calendar import within
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.timing import rows_before
from openfactor.datawarnings import warn
from openfactor.errors import ConflictError, SettingsError
from openfactor.exposures import by_group, exposure_frame
from openfactor.model.diagnostics import Diagnostics, diagnose
from openfactor.model.estimation import Estimates
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts import RiskForecast
from openfactor.model.frames import between, by_asset, by_factor, regressions
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike
from openfactor.settings.forecasts import RiskForecastSettings
from openfactor.settings.model import FactorRiskModelSettings
from openfactor.settings.values import DatasetSettings

Float = NDArray[np.float64]
FORECASTS_IN_MEMORY = 4
"""Forecasts that a model has at hand; the least used go first. Those of a large model take 100 MB."""


class RiskModel(BoundToProcess):
    """What `riskmodels.load(...).get_model()` gives.

    Frames have a `date` column and Float32 values. The values of a date are those of the regression of
    that date, except `exposures`, which carry the day on which they are stored: they explain the
    returns of the next trading day. `start` and `end` are inclusive.
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
        self._forecasts: OrderedDict[RiskForecastSettings, RiskForecast] = OrderedDict()
        self._lock = threading.Lock()

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

    def fret(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Factor returns: date, `{group}.{factor}`; daily, fractions.

        0.0 on days without a regression (see `status`) and for factors without exposure.
        """
        return self._by_factor(self._fitted.estimates.factor_returns, start, end)

    def t_stats(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Factor return over its standard error; null where there is no standard error."""
        return self._by_factor(self._fitted.estimates.t, start, end)

    def p_values(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Two-sided probability of |t| under Student's distribution with n - rank degrees of freedom."""
        e = self._fitted.estimates
        freedom = np.maximum(e.n - e.rank, 1).T[:, e.stage]
        p = 2.0 * np.asarray(stdtr(freedom, -np.abs(e.t)))
        return self._by_factor(p, start, end)

    def standard_errors(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Of the factor returns; null where there is no estimate, for pinned and aliased factors, and on days
        whose returns do not differ or are explained exactly (see `status`)."""
        return self._by_factor(self._fitted.estimates.standard_errors, start, end)

    def vif(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Variance inflation factors, at least 1, in the directions that the zero-sum constraints leave, and
        about the weighted mean where the other factors hold a constant; null where there is no estimate, for
        pinned factors, and where factors could not be told apart."""
        return self._by_factor(self._fitted.estimates.vif, start, end)

    def r2(
        self, *, start: DateLike | None = None, end: DateLike | None = None, stage: int = 1
    ) -> pl.DataFrame:
        """Weighted R squared of each regression: date, r2; days without a regression, without spread or
        without degrees of freedom are left out.

        Of a further stage it is the share that it explains of the specific returns of the stage before it.
        """
        e = self._fitted.estimates
        r2 = e.r2[self._stage(stage)]
        frame = pl.DataFrame({"date": pl.Series(e.dates, dtype=pl.Date), "r2": r2.astype(np.float32)})
        return between(frame.filter(pl.col("r2").is_not_nan()), start, end)

    def status(
        self, *, start: DateLike | None = None, end: DateLike | None = None, stage: int = 1
    ) -> pl.DataFrame:
        """How each day was estimated.

        Columns: date, status, solver, n (assets), rank, condition (of the normal equations); of these assets,
        how many had their return clipped, and how many have one over several trading days (multiday);
        thinly_traded, the companies of the universe that had no return on more than a quarter of the last 21
        trading days; and lists: thin_categories (those with fewer effective names than
        `thin_category_shrinkage` asks for), factors_without_exposure, pinned_factors, to which the zero sums
        leave no choice, and aliased_factors, which could not be told apart from others.
        """
        e, s = self._fitted.estimates, self._stage(stage)
        mine = np.flatnonzero(e.stage == s)
        names = np.array(e.factors)[mine]
        thin = self._fitted.thin[:, mine]
        gone = ~e.exposed[:, mine] & (e.n[s] > 0)[:, None]
        lists = {
            "thin_categories": [names[these].tolist() for these in thin],
            "factors_without_exposure": [names[these].tolist() for these in gone],
            "pinned_factors": [names[these].tolist() for these in self._fitted.pinned[:, mine]],
            "aliased_factors": [names[these].tolist() for these in self._fitted.aliased[:, mine]],
        }
        counts = {"clipped": e.clipped[s], "multiday": e.multiday[s]}
        frame = regressions(e, s).with_columns(
            **{name: pl.Series(values) for name, values in counts.items()},
            thinly_traded=pl.Series(self._fitted.thinly_traded),
            **{name: pl.Series(values, dtype=pl.List(pl.String)) for name, values in lists.items()},
        )
        return between(frame, start, end)

    def effective_names(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Effective number of names of each category: date, `{group}.{factor}`; null for other factors."""
        return self._by_factor(self._fitted.estimates.effective_names, start, end)

    def exposures(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        stage: int = 1,
    ) -> pl.DataFrame:
        """Exposures of the universe's assets to a stage's factors: date, the id type, `{group}.{factor}`.

        One row a trading day and listing, or of listings with the same identifier one for all of them; null
        where a dense exposure is missing, 0 where a name is not in a category.
        """
        e = self._fitted.estimates
        days = [
            int(day) for date, day in zip(e.dates, self._fitted.days, strict=True) if within(date, start, end)
        ]
        return exposure_frame(
            self._fitted.dataset,
            self._fitted.columns[self._stage(stage)],
            [pair for pair, s in zip(e.pairs, e.stage, strict=True) if s == self._stage(stage)],
            days,
            self._fitted.universe,
            self._fitted.id_type(id_type),
        )

    def asset_returns(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Returns in the model's currency, compounded since the trading day before: date, one column an
        identifier; null where there is none.

        id_type : by default the universe's; a column has the values of whoever has the identifier on the date
        """
        returns = self._fitted.estimates.asset_return
        return self._by_asset(lambda rows: returns[rows], start, end, id_type)

    def idio(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Specific returns: asset return less exposures of the trading day before times factor returns. Laid
        out like `asset_returns`."""
        returns = self._fitted.estimates.specific_return
        return self._by_asset(lambda rows: returns[rows], start, end, id_type)

    def weights(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        stage: int = 1,
    ) -> pl.DataFrame:
        """Regression weights; those of a date sum to one, null outside of the estimation set. Laid out like
        `asset_returns`."""
        weight = self._fitted.estimates.weight[self._stage(stage)]
        return self._by_asset(
            lambda rows: np.where(weight[rows] > 0, weight[rows], np.nan), start, end, id_type
        )

    def market_caps(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Sum of exposure times market cap (USD) over the estimation set, as the regression of the date
        used them: those of the trading day before."""
        panel, e, fitted = self._fitted.dataset.panel, self._fitted.estimates, self._fitted
        out = np.full(e.factor_returns.shape, np.nan)
        for s, (columns, order) in enumerate(zip(fitted.columns, fitted.order, strict=True)):
            for i in np.flatnonzero(e.n[s] > 0).tolist():
                rows = rows_before(panel, fitted.days, i)
                caps = np.where(e.weight[s][rows] > 0, np.nan_to_num(panel.market_cap[rows]), 0.0)
                total = np.zeros(len(order))
                dense, codes, loads = columns.at(rows)
                total[: len(dense)] = np.where(caps > 0, dense, 0.0) @ caps
                for code, load in zip(codes, loads, strict=True):
                    held = (code >= 0) & (caps > 0)
                    total += np.bincount(code[held], (load * caps)[held], minlength=len(order))
                out[i, order] = total
        return self._by_factor(out, start, end)

    def forecast(self, settings: RiskForecastSettings | None = None) -> RiskForecast:
        """Forecasts of risk from these estimates; nothing is regressed again.

        The same settings give the same object, with what it has computed. A DataWarning names what the data
        quality checks found wrong with the newest day.
        """
        self._warn_of_newest_day()
        chosen = settings or RiskForecastSettings()
        with self._lock:
            forecast = self._forecasts.setdefault(chosen, RiskForecast(self._fitted, chosen))
            self._forecasts.move_to_end(chosen)
            while len(self._forecasts) > FORECASTS_IN_MEMORY:
                self._forecasts.popitem(last=False)
        return forecast

    def _warn_of_newest_day(self) -> None:
        """DataWarning of severe findings about the day on which forecasts stand."""
        report = self._fitted.dataset.report
        if found := report.newest_faults:
            warn(
                f"the newest data ({report.newest_day}) are in doubt: "
                + "; ".join(finding.message for finding in found)
            )

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
        return diagnose(
            self._fitted, self.forecast(forecast), start=start, end=end,
            burn_in=burn_in, window=window, n_books=n_books, seed=seed,
        )  # fmt: skip

    def _stage(self, stage: int) -> int:
        """Index of a stage, which users count from 1."""
        if not 1 <= stage <= self._fitted.settings.n_stages:
            raise SettingsError(
                f"there is no stage {stage}:",
                [f"the model has {self._fitted.settings.n_stages}, counted from 1"],
            )
        return stage - 1

    def _by_factor(self, values: Float, start: DateLike | None, end: DateLike | None) -> pl.DataFrame:
        return between(
            by_factor(self._fitted.estimates.dates[: len(values)], self._fitted.estimates.factors, values),
            start,
            end,
        )

    def _by_asset(
        self,
        values: Callable[[slice], Float],
        start: DateLike | None,
        end: DateLike | None,
        id_type: str | None,
    ) -> pl.DataFrame:
        """Values of the panel's rows, laid out by date (of the regression) and asset."""
        panel, dates = self._fitted.dataset.panel, self._fitted.estimates.dates
        wanted = [i for i in range(len(dates)) if within(dates[i], start, end)]
        rows = [rows_before(panel, self._fitted.days, i) if i else slice(0, 0) for i in wanted]
        shown, chosen = [dates[i] for i in wanted], self._fitted.id_type(id_type)
        return by_asset(self._fitted.dataset, self._fitted.universe, shown, rows, values, chosen)
