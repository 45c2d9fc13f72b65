"""Forecasts of risk from a fitted model, computed when they are asked for."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from openfactor.datawarnings import warn
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.covariance import FactorCovariances, factor_covariances
from openfactor.model.forecasts.history import OwnVariances
from openfactor.model.forecasts.specific import SpecificRisk, specific_risk
from openfactor.progress import counted_days
from openfactor.settings.forecasts import RiskForecastSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
T = TypeVar("T")


class Once(Generic[T]):
    """A result that is computed when it is first called for, by one thread."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._results: list[T] = []
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            if not self._results:
                self._results.append(self._make())
            return self._results[0]

    @property
    def is_known(self) -> bool:
        """It has been computed."""
        return bool(self._results)


def forecast_of(fitted: FittedModel, settings: RiskForecastSettings | None = None) -> ModelForecast:
    """The forecasts of a model; the same settings give the same object, with what it has computed.

    DataWarning: what the data quality checks found wrong with the newest day, on which forecasts stand.
    """
    report = fitted.dataset.report
    if findings := report.newest_faults:
        warn(
            f"the newest data ({report.newest_day}) are in doubt: "
            + "; ".join(finding.message for finding in findings)
        )
    key = settings or RiskForecastSettings()
    return fitted.forecasts.get("forecast", key, lambda: ModelForecast(fitted, key), lambda: None)


class ModelForecast:
    """Factor covariances and specific variances of a model, as they were known on each trading day.

    The forecast of a date uses the returns up to that date and is about the days after it. What is asked for
    one date is computed for that date, and what it took to know is kept for the dates after it; the forecasts
    of all dates are kept once they were asked for.
    """

    def __init__(self, fitted: FittedModel, settings: RiskForecastSettings) -> None:
        self.fitted = fitted
        self.settings = settings
        self.every_covariance = Once(lambda: self._covariances(self.days))
        self.every_specific = Once(lambda: self._specific(0, len(fitted.estimates.dates) - 1))
        """The forecasts of all dates."""
        regime = fitted.settings.halflife_idio_vra is not None and not self._is_blended
        self._own_history = Once(lambda: OwnVariances(fitted, settings.idio_vol, regime=regime))

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """Trading days with a forecast, those from the first regression on, as indices of the estimates'."""
        estimated = np.flatnonzero(self.fitted.estimates.estimated)
        if not len(estimated):
            return estimated
        return np.arange(estimated[0], len(self.fitted.estimates.dates))

    @property
    def dates(self) -> list[dt.date]:
        """The same as dates."""
        return self.dates_of(self.days)

    @property
    def own_history(self) -> OwnVariances:
        """Variances of each listing's own specific returns."""
        return self._own_history()

    def dates_of(self, days: NDArray[np.int64]) -> list[dt.date]:
        """The dates of trading days."""
        return [self.fitted.estimates.dates[t] for t in days]

    def days_between(self, start: dt.date | None, end: dt.date | None) -> NDArray[np.int64]:
        """Those of `days` from start to end, both included; None for no bound."""
        dates = self.fitted.estimates.dates
        return np.array(
            [t for t in self.days.tolist()
             if (start is None or start <= dates[t]) and (end is None or dates[t] <= end)],
            np.int64,
        )  # fmt: skip

    def covariances(self, days: NDArray[np.int64] | None = None) -> FactorCovariances:
        """The arrays behind the frames, in double precision; `days` index the trading days of the
        estimates."""
        if days is None:
            days = self.days
        if len(days) == len(self.days) or self.every_covariance.is_known:
            first = self.days[0] if len(self.days) else 0
            return self.every_covariance().of(days - first)
        return self._covariances(days)

    def specific(self, days: NDArray[np.int64] | None = None) -> SpecificRisk:
        """Specific variances a trading period of the rows of the trading days `days`, ascending, and of those
        between them."""
        if not len(self.days):
            return self.every_specific()
        first, last = (0, self.days[-1]) if days is None or not len(days) else (days[0], days[-1])
        # the regime of blended variances looks at the forecasts of all days
        needs_all = self.fitted.settings.halflife_idio_vra is not None and self._is_blended
        if self.every_specific.is_known or needs_all or first <= self.days[0]:
            return self.every_specific()
        return self._specific(int(first), int(last))

    @property
    def _is_blended(self) -> bool:
        return self.settings.structural is not None or self.settings.bayesian is not None

    def _covariances(self, days: NDArray[np.int64]) -> FactorCovariances:
        settings, fitted, e = self.settings, self.fitted, self.fitted.estimates
        with counted_days("factor covariances", fitted.hide_progress, len(days)) as advance:
            return factor_covariances(
                e.factor_returns[e.estimated], settings.factor_cov, settings.eigenfactor, settings.pca,
                has_exposure=e.has_exposure[e.estimated], groups=[group for group, _ in e.pairs],
                known=self._known(days), periods_per_year=fitted.periods_per_year,
                days=np.cumsum(e.estimated)[days] - 1, threads=fitted.threads, progress=advance,
            )  # fmt: skip

    def _known(self, days: NDArray[np.int64]) -> Mask:
        """(D, K) factors that assets of the universe are exposed to on some days, where there has been no
        return of theirs yet; those need no look at the exposures that have."""
        fitted, e = self.fitted, self.fitted.estimates
        known = (np.cumsum(e.has_exposure & e.estimated[:, None], axis=0) > 0)[days]
        for d in np.flatnonzero(~known.all(axis=1)):
            rows = fitted.rows_on(int(days[d]))
            x = fitted.exposures_at(rows)[fitted.universe[rows] & fitted.dataset.panel.is_main_listing[rows]]
            known[d] |= ((x != 0) & np.isfinite(x)).any(axis=0)
        return known

    def _specific(self, first_day: int, last_day: int) -> SpecificRisk:
        with counted_days("specific risk", self.fitted.hide_progress) as advance:
            return specific_risk(
                self.fitted, self.settings, self.own_history, first_day, last_day, advance
            )  # fmt: skip
