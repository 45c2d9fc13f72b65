"""A fitted factor model: estimates as frames, in the terms of the settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtr
from tqdm import tqdm

from openfactor.dataset.calendar import within
from openfactor.dataset.panel import RiskDataset
from openfactor.dataset.reading import Read, no_uploads
from openfactor.dataset.timing import rows_before
from openfactor.errors import ConflictError, DataError, Fault, SettingsError
from openfactor.exposures import Exposures, by_group, exposure_frame, members
from openfactor.model.diagnostics import CrossSection, Diagnostics, walk_forward
from openfactor.model.estimation import Estimates, Regression, columns_of, estimation_set, regression_of
from openfactor.model.estimation.estimates import SOLVERS, STATUSES
from openfactor.model.estimation.known import Known
from openfactor.model.forecasts import RiskForecast
from openfactor.model.forecasts.covariance import DAYS_A_YEAR
from openfactor.model.forecasts.forecast import advance
from openfactor.model.frames import between, by_asset, by_factor
from openfactor.numerics.cross_section import dense_design
from openfactor.numerics.scores import correlations
from openfactor.settings.dates import DateLike
from openfactor.settings.forecasts import RiskForecastSettings
from openfactor.settings.model import FactorRiskModelSettings

Float = NDArray[np.float64]
STABILITY_LAG = 21
"""Trading days, about a month, between the exposures that are compared."""


class RiskModel:
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
        read: Read = no_uploads,
        *,
        threads: int | None = None,
        hide_progress: bool | None = None,
        renew: Callable[[], RiskModel] | None = None,
    ) -> None:
        self._dataset = dataset
        self._read = read
        self._settings = settings
        self._estimates = estimates
        self._threads = threads
        self._hide_progress = hide_progress
        self._renew = renew
        self._forecasts: dict[RiskForecastSettings, RiskForecast] = {}

    def __repr__(self) -> str:
        return f"<RiskModel of {self._estimates!r}>"

    @property
    def settings(self) -> FactorRiskModelSettings:
        return self._settings

    @property
    def fingerprint(self) -> str:
        """Names the settings and the dataset that made this model."""
        return self._estimates.fingerprint

    @property
    def estimates(self) -> Estimates:
        """The arrays behind the frames, in double precision."""
        return self._estimates

    def update(self) -> RiskModel:
        """The model with the data that its uploads have by now; this one stays as it is.

        Brings the risk dataset up to date and regresses the days that are new or changed. The result is, to
        the
        last bit, what a full fit gives; models that look at uploads of their own or have known factors get
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
        return list(self._estimates.dates)

    def factors(self) -> dict[str, list[str]]:
        """Group to its factors, both sorted."""
        return by_group(self._estimates.pairs)

    def fret(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Factor returns: date, `{group}.{factor}`; daily, fractions.

        0.0 on days without a regression (see `status`) and for factors without exposure.
        """
        return self._by_factor(self._estimates.factor_returns, start, end)

    def t_stats(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Factor return over its standard error; null where there is no estimate."""
        return self._by_factor(self._t, start, end)

    def p_values(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Two-sided probability of |t| under Student's distribution with n - rank degrees of freedom."""
        e = self._estimates
        freedom = np.maximum(e.n - e.rank, 1).T[:, e.stage]
        p = 2.0 * np.asarray(stdtr(freedom, -np.abs(self._t)))
        return self._by_factor(p, start, end)

    def standard_errors(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Of the factor returns; null where there is no estimate."""
        return self._by_factor(self._estimates.standard_errors, start, end)

    def vif(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Variance inflation factors, in the directions that the zero-sum constraints leave; null where
        there is no estimate or the factors could not be told apart."""
        return self._by_factor(self._estimates.vif, start, end)

    def r2(
        self, *, start: DateLike | None = None, end: DateLike | None = None, stage: int = 1
    ) -> pl.DataFrame:
        """Weighted R squared of each regression: date, r2; days without a regression are left out.

        Of a further stage it is the share that it explains of the specific returns of the stage before it.
        """
        e = self._estimates
        r2 = e.r2[self._stage(stage)]
        frame = pl.DataFrame({"date": pl.Series(e.dates, dtype=pl.Date), "r2": r2.astype(np.float32)})
        return between(frame.filter(pl.col("r2").is_not_nan()), start, end)

    def status(
        self, *, start: DateLike | None = None, end: DateLike | None = None, stage: int = 1
    ) -> pl.DataFrame:
        """How each day was estimated.

        Columns: date, status, solver, n (assets), rank, condition (of the normal equations),
        thin_categories (those with fewer effective names than `thin_category_shrinkage` asks for) and
        factors_without_exposure.
        """
        e, s = self._estimates, self._stage(stage)
        mine = np.flatnonzero(e.stage == s)
        names = np.array(e.factors)[mine]
        thresholds = self._settings.stages[s].min_names
        minimum = np.array([thresholds.get(e.pairs[k][0], 0.0) for k in mine])
        thin = (e.effective_names[:, mine] < minimum) & e.exposed[:, mine]
        gone = ~e.exposed[:, mine] & (e.n[s] > 0)[:, None]
        frame = pl.DataFrame(
            {
                "date": pl.Series(e.dates, dtype=pl.Date),
                "status": [STATUSES[i] for i in e.status[s]],
                "solver": [SOLVERS[i] for i in e.solver[s]],
                "n": e.n[s],
                "rank": e.rank[s],
                "condition": pl.Series(e.condition[s]).fill_nan(None),
                "thin_categories": [names[these].tolist() for these in thin],
                "factors_without_exposure": [names[these].tolist() for these in gone],
            },
            schema_overrides={
                "thin_categories": pl.List(pl.String),
                "factors_without_exposure": pl.List(pl.String),
            },
        )
        return between(frame, start, end)

    def effective_names(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Effective number of names of each category: date, `{group}.{factor}`; null for other factors."""
        return self._by_factor(self._estimates.effective_names, start, end)

    def exposures(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        stage: int = 1,
    ) -> pl.DataFrame:
        """Exposures of the universe's listings to a stage's factors: date, the id type, `{group}.{factor}`.

        One row a trading day and listing; null where a dense exposure is missing, 0 where a name is not
        in a category.
        """
        e = self._estimates
        days = [int(day) for date, day in zip(e.dates, self._days, strict=True) if within(date, start, end)]
        return exposure_frame(
            self._dataset,
            self._columns[self._stage(stage)],
            [pair for pair, s in zip(e.pairs, e.stage, strict=True) if s == self._stage(stage)],
            days,
            self._universe,
            self._id_type(id_type),
        )

    def asset_returns(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Returns in the model's currency, compounded since the trading day before: date, one column an
        asset; null where there is none."""
        return self._by_asset(self._estimates.asset_return, start, end, id_type)

    def idio(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Specific returns: asset return less exposures of the trading day before times factor returns."""
        return self._by_asset(self._estimates.specific_return, start, end, id_type)

    def weights(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        stage: int = 1,
    ) -> pl.DataFrame:
        """Regression weights; those of a date sum to one, null outside of the estimation set."""
        weight = self._estimates.weight[self._stage(stage)]
        return self._by_asset(np.where(weight > 0, weight, np.nan), start, end, id_type)

    def market_caps(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Sum of exposure times market cap (USD) over the estimation set, as the regression of the date
        used them: those of the trading day before."""
        panel, e = self._dataset.panel, self._estimates
        at = {pair: k for k, pair in enumerate(e.pairs)}
        out = np.full(e.factor_returns.shape, np.nan)
        for s, columns in enumerate(self._columns):
            order = np.array([at[pair] for pair in columns.pairs], np.int64)
            for i in np.flatnonzero(e.n[s] > 0).tolist():
                rows = rows_before(panel, self._days, i)
                caps = np.where(e.weight[s][rows] > 0, panel.cap[rows], 0.0)
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

        The same settings give the same object, with what it has computed.
        """
        chosen = settings or RiskForecastSettings()
        if chosen not in self._forecasts:
            self._forecasts[chosen] = RiskForecast(
                self._dataset,
                self._estimates,
                chosen,
                universe=self._universe,
                id_type=self._settings.inline_universe.id_type,
                halflife_idio_vra=self._settings.halflife_idio_vra,
                regression=self._regression,
                threads=self._threads,
                hide_progress=self._hide_progress,
            )
        return self._forecasts[chosen]

    def diagnostics(
        self,
        forecast: RiskForecastSettings | None = None,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        burn_in: int = 252,
        window: int = 252,
        n_books: int = 50,
        seed: int = 0,
    ) -> Diagnostics:
        """How good the regressions, the factors and the forecasts are.

        Books are held on each trading day from `start` to `end` for the next one, and what they return is
        compared with the forecast, which knows nothing of it.

        forecast : settings of the forecasts, by default the usual ones
        burn_in : trading days with a regression before the first forecast that counts
        window : days of the rolling bias statistics; n_books, seed : of the random books
        """
        e, forecasts = self._estimates, self.forecast(forecast)
        dates = e.dates
        known = np.cumsum(e.estimated)
        days = np.array(
            [t for t in range(len(dates) - 1) if known[t] >= max(burn_in, 2) and within(dates[t], start, end)
             and e.estimated[t + 1]], np.int64,
        )  # fmt: skip
        if not len(days):
            problem = (
                f"the model has {known[-1]} regressions, and the first {burn_in} are the burn-in; lower it, "
                "or widen start and end"
            )
            raise DataError(
                "there is nothing to compare forecasts with:", [Fault("no_days", "diagnostics", problem)]
            )
        hidden, n_listings = self._hide_progress, self._dataset.identifiers.n_listings
        with tqdm(desc="diagnostics", unit="day", total=len(days), disable=hidden, delay=1) as bar:
            forward = walk_forward(
                self._sections(forecasts, days), dates, days, e.factors, n_listings, n_books=n_books,
                seed=seed, threads=self._threads, progress=lambda n: advance(bar, n),
            )  # fmt: skip
        minimum = np.zeros(len(e.pairs))
        for k, (group, _) in enumerate(e.pairs):
            minimum[k] = self._settings.stages[e.stage[k]].min_names.get(group, 0.0)
        thin = (e.effective_names < minimum) & e.exposed
        return Diagnostics(e, thin, self._stability(STABILITY_LAG), STABILITY_LAG, forward, window)

    def _sections(
        self, forecasts: RiskForecast, days: NDArray[np.int64]
    ) -> Callable[[int], CrossSection | None]:
        """Gives what is known of the estimation universe on a trading day, and what comes next."""
        e, panel = self._estimates, self._dataset.panel
        covariance, specific = forecasts.covariances(days).covariance, forecasts.specific(days)
        at = {int(t): d for d, t in enumerate(days)}
        first = self._settings.stages[0].construction
        estimation = estimation_set(self._dataset, first, self._universe, self._read)

        def section(t: int) -> CrossSection | None:
            rows = panel.rows_of(int(self._days[t]))
            x = self._exposures_at(rows)
            variance, cap = specific.variance[rows], panel.cap[rows]
            used = estimation[rows] & np.isfinite(x).all(axis=1) & (variance > 0) & (cap > 0)
            following = e.factor_returns[t + 1]
            return CrossSection(
                listing=panel.listing[rows][used],
                exposures=x[used],
                covariance=covariance[at[t]] / DAYS_A_YEAR,
                specific=variance[used],
                cap=cap[used],
                returns=np.nan_to_num(e.asset_return[rows][used]),
                factor_returns=np.where(e.exposed[t + 1], following, np.nan),
            )

        return section

    def _exposures_at(self, rows: slice) -> Float:
        """(n, K) exposures of the rows of a day to the factors of all stages, in the order of the results."""
        e = self._estimates
        at = {pair: k for k, pair in enumerate(e.pairs)}
        x = np.empty((rows.stop - rows.start, len(e.pairs)))
        for columns in self._columns:
            order = [at[pair] for pair in columns.pairs]
            x[:, order] = dense_design(*columns.at(rows), len(order))
        return x

    def _stability(self, lag: int) -> Float:
        """(K,) mean over every `lag`-th day of the correlation of exposures with those of `lag` days
        before."""
        panel, total = self._dataset.panel, np.zeros(len(self._estimates.pairs))
        count = np.zeros(len(total))
        before: tuple[NDArray[np.int32], Float] | None = None
        for day in self._days[::lag]:
            rows = panel.rows_of(int(day))
            inside = self._universe[rows] & panel.main[rows]
            now = panel.listing[rows][inside], self._exposures_at(rows)[inside]
            if before is not None:
                _, i, j = np.intersect1d(before[0], now[0], assume_unique=True, return_indices=True)
                found = correlations(before[1][i], now[1][j])
                total += np.nan_to_num(found)
                count += np.isfinite(found)
            before = now
        return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))

    @cached_property
    def _t(self) -> Float:
        e = self._estimates
        with np.errstate(divide="ignore", invalid="ignore"):
            return e.factor_returns / e.standard_errors

    @cached_property
    def _columns(self) -> list[Exposures]:
        """Of each stage."""
        data, universe, read = self._dataset, self._universe, self._read
        columns = []
        for stage in self._settings.stages:
            estimation = estimation_set(data, stage.construction, universe, read)
            columns.append(columns_of(data, self._settings, stage, universe, estimation, read))
        return columns

    @cached_property
    def _universe(self) -> NDArray[np.bool_]:
        return members(self._dataset, self._settings.inline_universe, self._read)

    def _stage(self, stage: int) -> int:
        """Index of a stage, which users count from 1."""
        if not 1 <= stage <= self._settings.n_stages:
            raise SettingsError(
                f"there is no stage {stage}:", [f"the model has {self._settings.n_stages}, counted from 1"]
            )
        return stage - 1

    @cached_property
    def _days(self) -> NDArray[np.int64]:
        return self._dataset.index_of(self._estimates.dates)

    def _regression(self) -> Regression:
        """The first stage, none of its factors known."""
        columns = self._columns[0]
        nothing = Known((), np.empty(0, np.int64), np.arange(len(columns.pairs)), np.empty((0, 0)))
        stage = self._settings.stages[0]
        estimation = estimation_set(self._dataset, stage.construction, self._universe, self._read)
        return regression_of(stage, columns, estimation, columns.pairs, nothing)

    def _id_type(self, id_type: str | None) -> str:
        return self._dataset.identifiers.known_type(id_type or self._settings.inline_universe.id_type)

    def _by_factor(self, values: Float, start: DateLike | None, end: DateLike | None) -> pl.DataFrame:
        return between(
            by_factor(self._estimates.dates[: len(values)], self._estimates.factors, values), start, end
        )

    def _by_asset(
        self, values: Float, start: DateLike | None, end: DateLike | None, id_type: str | None
    ) -> pl.DataFrame:
        """Values beside the panel's rows, laid out by date (of the regression) and asset."""
        panel, dates = self._dataset.panel, self._estimates.dates
        wanted = [i for i in range(len(dates)) if within(dates[i], start, end)]
        rows = [rows_before(panel, self._days, i) if i else slice(0, 0) for i in wanted]
        shown, chosen = [dates[i] for i in wanted], self._id_type(id_type)
        return by_asset(self._dataset, self._universe, shown, rows, values, chosen)
