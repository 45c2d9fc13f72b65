"""Forecasts of a model as users hold them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.contract.refs import FrameQuery, Layout
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.covariance import FactorCovariances
from openfactor.model.forecasts.forecast import forecast_of
from openfactor.model.forecasts.specific import SpecificRisk
from openfactor.model.frames import frame
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike
from openfactor.settings.forecasts import RiskForecastSettings


class RiskForecast(BoundToProcess):
    """Factor covariances and specific volatilities of a model, as they were known on each trading day.

    The forecast of a date uses the returns up to that date and is about the days after it. Volatilities and
    covariances are annual, with the `periods_per_year` of the model's calendar; frames are Float32. `start`
    and `end` are inclusive; `layout` is "wide" or "long", one row per value. What is asked for one date is
    computed for that date, and what it took to know is kept for the dates after it; the forecasts of all
    dates are kept once they were asked for.
    """

    def __init__(self, fitted: FittedModel, settings: RiskForecastSettings) -> None:
        self.settings = settings
        self._fitted = fitted
        self._engine = forecast_of(fitted, settings)

    def __repr__(self) -> str:
        dates, n_factors = self.dates(), len(self._fitted.estimates.factors)
        span = f"{dates[0]} to {dates[-1]}" if dates else "no dates"
        options = self.settings.model_dump(exclude_defaults=True) or "default settings"
        return f"<RiskForecast on {self.data}: {span}, {n_factors} factors, {options}>"

    @property
    def data(self) -> DataVersion:
        """Which data it stands on: those of its model."""
        return self._fitted.data

    @property
    def periods_per_year(self) -> float:
        """Trading periods per year: 252 of daily calendars, 52 of weekly, 12 of monthly ones, or as the
        dataset was given."""
        return self._fitted.periods_per_year

    def dates(self) -> list[dt.date]:
        """Trading days with a forecast: those from the first regression on."""
        return self._engine.dates

    def factor_covariance(
        self, *, start: DateLike | None = None, end: DateLike | None = None, layout: Layout = "wide"
    ) -> pl.DataFrame:
        """date, factor, and one column per factor: `{group}.{factor}` in rows and columns."""
        return self._frame("factor_covariance", start, end, layout=layout)

    def factor_correlation(
        self, *, start: DateLike | None = None, end: DateLike | None = None, layout: Layout = "wide"
    ) -> pl.DataFrame:
        """As `factor_covariance`; a factor without variance is uncorrelated with the others."""
        return self._frame("factor_correlation", start, end, layout=layout)

    def factor_volatility(
        self, *, start: DateLike | None = None, end: DateLike | None = None, layout: Layout = "wide"
    ) -> pl.DataFrame:
        """date, and one column per factor."""
        return self._frame("factor_volatility", start, end, layout=layout)

    def specific_volatility(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        layout: Layout = "wide",
    ) -> pl.DataFrame:
        """date, and one column per identifier, of whoever has it on the date; null where there is nothing to
        forecast from."""
        return self._frame("specific_volatility", start, end, id_type=id_type, layout=layout)

    def specific_risk(self, date: DateLike | None = None, *, id_type: str | None = None) -> pl.DataFrame:
        """How the specific volatility of each asset on a date, by default the last, came about.

        Columns: the id type; specific_volatility, the forecast; own_volatility, of the asset's own returns;
        observations, how many of them; and with these options structural_volatility and own_weight, the share
        of the own one in the blend, and decile_weight, the share of the mean of the cap decile. Sorted by id.
        """
        return self._frame("specific_risk", date, date, id_type=id_type)

    def status(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """What was done to the forecasts of each date.

        Columns: date; factor_regime and specific_regime, what volatilities were multiplied by;
        repaired_volatilities, factors whose Newey-West variance was not above zero, so that the uncorrected
        one stands; repaired_correlations, whether negative eigenvalues were cut off; eigenfactors_adjusted;
        prior_volatilities, factors that are too young for a volatility of their own and have the mean of
        their group; fitted_exactly, how many specific returns of the date are no residuals, for there were as
        many factors as assets or an asset was alone in its category, and count for no volatility;
        structural_volatilities, whether there were companies enough to regress volatilities on exposures.
        """
        return self._frame("forecast_status", start, end)

    def covariances(self, days: NDArray[np.int64] | None = None) -> FactorCovariances:
        """The arrays behind the frames, in double precision; `days` index the trading days of the
        estimates."""
        return self._engine.covariances(days)

    def specific(self, days: NDArray[np.int64] | None = None) -> SpecificRisk:
        """Specific variances per trading period of the rows of the trading days `days`, ascending, and of
        those between them."""
        return self._engine.specific(days)

    def _frame(
        self, name: str, start: DateLike | None, end: DateLike | None, **options: object
    ) -> pl.DataFrame:
        query = FrameQuery.between(name, start, end, forecast=self.settings, **options)
        return frame(self._fitted, query)
