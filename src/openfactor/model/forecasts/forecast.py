"""Forecasts of risk from a fitted model, computed on demand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from openfactor.cache import Cache
from openfactor.dataset.calendar import within
from openfactor.datawarnings import warn
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.covariance import FactorCovariances, factor_covariances
from openfactor.model.forecasts.own_variances import OwnVariances
from openfactor.model.forecasts.specific import SpecificRisk, specific_risk
from openfactor.settings.forecasts import RiskForecastSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
T = TypeVar("T")


def forecast_of(fitted: FittedModel, settings: RiskForecastSettings | None = None) -> ModelForecast:
    """The forecasts of a model; what was computed for the same settings is not computed again.

    `settings` of the result are those in effect: with the model's `halflife_idio_vra`, unless they have their
    own.
    """
    chosen = settings or RiskForecastSettings()
    return ModelForecast(fitted, chosen.for_model(fitted.settings.halflife_idio_vra))


def warn_of_newest_day(fitted: FittedModel) -> None:
    """DataWarning of severe findings about the newest day, on which forecasts stand."""
    report = fitted.dataset.report
    if findings := report.newest_faults:
        warn(
            f"the newest data ({report.newest_day}) are in doubt: "
            + "; ".join(finding.message for finding in findings)
        )


class ModelForecast:
    """Factor covariances and specific variances of a model, as they were known on each trading day.

    The forecast of a date uses the returns up to that date and is about the days after it. The forecast of a
    single date is computed for that date, and the state that it took is kept for later dates; the forecasts
    of all dates are kept once they were computed.

    Parameters
    ----------
    settings
        Those in effect; see `forecast_of`.
    """

    def __init__(self, fitted: FittedModel, settings: RiskForecastSettings) -> None:
        self.fitted = fitted
        self.settings = settings
        halflife = settings.halflife_idio_vra
        self.halflife_idio_vra = None if isinstance(halflife, str) else halflife
        """In trading periods; None: specific volatilities have no regime adjustment."""
        self._results: Cache = fitted.context.cache.get(
            "forecast",
            (fitted.identity, settings),
            lambda: Cache({"covariances": 1, "specific": 1, "own_history": 1}),
            fitted.context.check,
        )

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """Indices of the trading days with a forecast: those from the first regression on."""
        estimated = np.flatnonzero(self.fitted.estimates.estimated)
        if not len(estimated):
            return estimated
        return np.arange(estimated[0], len(self.fitted.estimates.dates))

    @property
    def dates(self) -> list[dt.date]:
        """The dates of `days`."""
        return self.dates_of(self.days)

    def dates_of(self, days: NDArray[np.int64]) -> list[dt.date]:
        """The dates of trading days."""
        return [self.fitted.estimates.dates[t] for t in days]

    def days_between(self, start: dt.date | None, end: dt.date | None) -> NDArray[np.int64]:
        """Those of `days` from start to end, both included; None for no bound."""
        dates = self.fitted.estimates.dates
        return np.array([t for t in self.days.tolist() if within(dates[t], start, end)], np.int64)

    @property
    def own_history(self) -> OwnVariances:
        """Variances of each listing's own specific returns."""
        regime = self.halflife_idio_vra is not None and not self._is_blended
        return self._once(
            "own_history", lambda: OwnVariances(self.fitted, self.settings.idio_vol, regime=regime)
        )

    @property
    def every_covariance(self) -> FactorCovariances:
        """The covariances of all dates."""
        return self._once("covariances", lambda: self._covariances(self.days))

    @property
    def every_specific(self) -> SpecificRisk:
        """The specific variances of all dates."""
        last = len(self.fitted.estimates.dates) - 1
        return self._once("specific", lambda: self._specific(0, last))

    def has_all(self, kind: Literal["covariances", "specific"]) -> bool:
        """The forecasts of all dates have been computed."""
        return self._results.peek(kind, None) is not None

    def covariances(self, days: NDArray[np.int64] | None = None) -> FactorCovariances:
        """Annual covariances in double precision.

        Parameters
        ----------
        days
            Some of `days`, ascending; None: all.

        Raises
        ------
        CancelledError
            The request was cancelled.
        """
        if days is None:
            days = self.days
        if len(days) == len(self.days) or self.has_all("covariances"):
            first = self.days[0] if len(self.days) else 0
            return self.every_covariance.of(days - first)
        return self._covariances(days)

    def specific(self, days: NDArray[np.int64] | None = None) -> SpecificRisk:
        """Specific variances per trading period in double precision, of the panel's rows of some days and of
        those between them.

        Parameters
        ----------
        days
            Some of `days`, ascending; None: all.

        Raises
        ------
        CancelledError
            The request was cancelled.
        """
        if not len(self.days):
            return self.every_specific
        first, last = (0, self.days[-1]) if days is None or not len(days) else (days[0], days[-1])
        # the regime of blended variances looks at the forecasts of all days
        needs_all = self.halflife_idio_vra is not None and self._is_blended
        if self.has_all("specific") or needs_all or first <= self.days[0]:
            return self.every_specific
        return self._specific(int(first), int(last))

    @property
    def _is_blended(self) -> bool:
        return self.settings.structural is not None or self.settings.bayesian is not None

    def _once(self, kind: str, compute: Callable[[], T]) -> T:
        return self._results.get(kind, None, compute, self.fitted.context.check)

    def _covariances(self, days: NDArray[np.int64]) -> FactorCovariances:
        settings, fitted, e = self.settings, self.fitted, self.fitted.estimates
        return factor_covariances(
            e.factor_returns[e.estimated], settings.factor_cov, settings.eigenfactor, settings.pca,
            has_exposure=e.has_exposure[e.estimated], groups=[group for group, _ in e.pairs],
            known=self._known(days), periods_per_year=fitted.periods_per_year,
            days=np.cumsum(e.estimated)[days] - 1, context=fitted.context,
        )  # fmt: skip

    def _known(self, days: NDArray[np.int64]) -> Mask:
        """(D, K) assets of the universe are exposed to the factor on the day, or it has had a return; only
        days on which a factor has not had one need a look at the exposures.
        """
        fitted, e = self.fitted, self.fitted.estimates
        known = (np.cumsum(e.has_exposure & e.estimated[:, None], axis=0) > 0)[days]
        for d in np.flatnonzero(~known.all(axis=1)):
            rows = fitted.rows_on(int(days[d]))
            x = fitted.exposures_at(rows)[fitted.universe[rows] & fitted.dataset.panel.is_main_listing[rows]]
            known[d] |= ((x != 0) & np.isfinite(x)).any(axis=0)
        return known

    def _specific(self, first_day: int, last_day: int) -> SpecificRisk:
        return specific_risk(
            self.fitted, self.settings, self.halflife_idio_vra, self.own_history, first_day, last_day
        )  # fmt: skip
