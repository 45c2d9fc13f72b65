"""Forecasts of risk from a fitted model."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from openfactor.client.handle import Handle
from openfactor.contract.calls import Workspace
from openfactor.contract.refs import ForecastProperties, FrameQuery, Layout, ModelRef
from openfactor.results import DataVersion
from openfactor.settings import RiskForecastSettings
from openfactor.settings.dates import DateLike

if TYPE_CHECKING:
    import polars as pl


class RiskForecast(Handle):
    """Factor covariances and specific volatilities of a model, as they were known on each trading day.

    The forecast of a date uses the returns up to that date and is about the days after it. Volatilities and
    covariances are annual, with the `periods_per_year` of the model's calendar; frames are Float32. `start`
    and `end` are inclusive; `layout` is "wide", one column per factor or asset, or "long", one row per value.
    Where the engine runs, what was computed for one date is kept for the next ones.
    """

    def __init__(
        self,
        workspace: Workspace,
        model: ModelRef,
        properties: ForecastProperties,
    ) -> None:
        self._workspace = workspace
        self._model = model
        self.settings: RiskForecastSettings = properties.settings
        """Those in effect: `halflife_idio_vra` is the model's, unless the forecast has its own."""
        self._properties = properties

    def __repr__(self) -> str:
        dates = self._properties.dates
        span = f"{dates[0]} to {dates[-1]}" if dates else "no dates"
        options = self.settings.model_dump(exclude_defaults=True)
        if self.settings.halflife_idio_vra is None:  # as most models have it
            del options["halflife_idio_vra"]
        shown = options or "default settings"
        return f"<RiskForecast on {self.data}: {span}, {self._properties.n_factors} factors, {shown}>"

    @property
    def data(self) -> DataVersion:
        """Which data it stands on: those of its model."""
        return self._model.pinned.data

    @property
    def periods_per_year(self) -> float:
        """Trading periods per year: 252 of daily calendars, 52 of weekly, 12 of monthly ones, or as the
        dataset was given.
        """
        return self._properties.periods_per_year

    def dates(self) -> list[dt.date]:
        """Trading days with a forecast: those from the first regression on."""
        return list(self._properties.dates)

    def factor_covariance(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
    ) -> pl.DataFrame:
        """Annual; date, factor, and one column per factor: `{group}.{factor}` in rows and columns."""
        return self._frame("factor_covariance", start, end, layout=layout)

    def factor_correlation(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
    ) -> pl.DataFrame:
        """As `factor_covariance`; a factor without variance is uncorrelated with the others."""
        return self._frame("factor_correlation", start, end, layout=layout)

    def factor_volatility(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        layout: Layout = "wide",
    ) -> pl.DataFrame:
        """Annual; date, and one column per factor."""
        return self._frame("factor_volatility", start, end, layout=layout)

    def specific_volatility(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        layout: Layout = "wide",
    ) -> pl.DataFrame:
        """Annual; date, and one column per identifier, of whoever has it on the date; null where there is
        nothing to forecast from.
        """
        return self._frame("specific_volatility", start, end, id_type=id_type, layout=layout)

    def specific_risk(self, date: DateLike | None = None, *, id_type: str | None = None) -> pl.DataFrame:
        """How the specific volatility of each asset on a date, by default the last, came about.

        Columns: the id type; specific_volatility, the forecast; own_volatility, of the asset's own returns;
        observations, how many of them; and with these options structural_volatility and own_weight, the share
        of the own one in the blend, and decile_weight, the share of the mean of the cap decile. Volatilities
        are annual. Sorted by id.

        Raises
        ------
        NotFoundError: there is no forecast of the date.
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

    @property
    def _refers_to(self) -> Any:
        return (self._model, self.settings)

    def _frame(self, name: str, start: DateLike | None, end: DateLike | None, **fields: Any) -> pl.DataFrame:
        query = FrameQuery.between(name, start, end, forecast=self.settings, **fields)
        return self._workspace.riskmodels.frame(self._model, query)
