"""Forecasts of risk as frames, computed when they are asked for."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.calendar import within
from openfactor.dataset.shown import Shown
from openfactor.errors import NotFoundError
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.covariance import (
    FactorCovariances,
    factor_covariances,
    matrix_frame,
)
from openfactor.model.forecasts.history import OwnVariances
from openfactor.model.forecasts.specific import SpecificRisk, specific_risk
from openfactor.model.frames import by_asset, by_factor
from openfactor.numerics.shrinkage import correlation_of
from openfactor.processes import BoundToProcess
from openfactor.progress import counted_days
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike, as_date
from openfactor.settings.forecasts import RiskForecastSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


class RiskForecast(BoundToProcess):
    """Factor covariances and specific volatilities of a model, as they were known on each trading day.

    The forecast of a date uses the returns up to that date and is about the days after it. Volatilities and
    covariances are annual, with the `periods_per_year` of the model's calendar; frames are Float32. `start`
    and `end` are inclusive. What is asked for one date is computed for that date, and what it took to know is
    kept for the dates after it; the forecasts of all dates are kept once they were asked for.
    """

    def __init__(self, fitted: FittedModel, settings: RiskForecastSettings) -> None:
        self.settings = settings
        self._fitted = fitted
        self._estimates = fitted.estimates

    def __repr__(self) -> str:
        dates = self.dates()
        span = f"{dates[0]} to {dates[-1]}" if dates else "no dates"
        options = self.settings.model_dump(exclude_defaults=True) or "default settings"
        return f"<RiskForecast on {self.data}: {span}, {len(self._estimates.factors)} factors, {options}>"

    @property
    def data(self) -> DataVersion:
        """Which data it stands on: those of its model."""
        return self._fitted.data

    @property
    def periods_per_year(self) -> float:
        """Trading periods a year: 252 of daily calendars, 52 of weekly, 12 of monthly ones, or as the dataset
        was given."""
        return self._fitted.periods_per_year

    def dates(self) -> list[dt.date]:
        """Trading days with a forecast: those from the first regression on."""
        return self._dates(self._all)

    def factor_covariance(
        self, *, start: DateLike | None = None, end: DateLike | None = None
    ) -> pl.DataFrame:
        """date, factor, and one column a factor: `{group}.{factor}` in rows and columns."""
        wanted = self._between(start, end)
        return self._matrices(wanted, self.covariances(wanted).covariance)

    def factor_correlation(
        self, *, start: DateLike | None = None, end: DateLike | None = None
    ) -> pl.DataFrame:
        """As `factor_covariance`; a factor without variance is uncorrelated with the others."""
        wanted = self._between(start, end)
        return self._matrices(wanted, correlation_of(self.covariances(wanted).covariance))

    def factor_volatility(
        self, *, start: DateLike | None = None, end: DateLike | None = None
    ) -> pl.DataFrame:
        """date, and one column a factor."""
        wanted = self._between(start, end)
        variance = np.diagonal(self.covariances(wanted).covariance, axis1=1, axis2=2)
        return by_factor(self._dates(wanted), self._estimates.factors, np.sqrt(variance))

    def specific_volatility(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """date, and one column an identifier, of whoever has it on the date; null where there is nothing to
        forecast from."""
        wanted, fitted = self._between(start, end), self._fitted
        found = self.specific(wanted)
        return by_asset(
            fitted.dataset,
            fitted.universe,
            self._dates(wanted),
            [fitted.rows_on(t) for t in wanted],
            lambda rows: np.sqrt(self.periods_per_year * found.variance[found.at(rows)]),
            fitted.id_type(id_type),
        )

    def specific_risk(self, date: DateLike | None = None, *, id_type: str | None = None) -> pl.DataFrame:
        """How the specific volatility of each asset on a date, by default the last, came about.

        Columns: the id type; specific_volatility, the forecast; own_volatility, of the asset's own returns;
        observations, how many of them; and with these options structural_volatility and own_weight, the share
        of the own one in the blend, and decile_weight, the share of the mean of the cap decile. Sorted by id.
        """
        t = self._at(date)
        found, rows = self.specific(np.array([t])), self._fitted.rows_on(t)
        chosen, year = self._fitted.id_type(id_type), self.periods_per_year
        shown = Shown(self._fitted.dataset, self._fitted.universe, chosen)
        place, code = shown.rows(rows, self._estimates.dates[t])
        shown.warn()
        here = found.at(rows).start + place
        history = found.history[here]
        columns: dict[str, object] = {
            chosen: shown.naming.texts(code),
            "specific_volatility": np.sqrt(year * found.variance[here]).astype(np.float32),
            "own_volatility": np.sqrt(year * found.own[here]).astype(np.float32),
            "observations": history,
        }
        if found.structural is not None and self.settings.structural is not None:
            like = np.sqrt(year * found.structural[here]).astype(np.float32)
            own = (history / (history + self.settings.structural.n0)).astype(np.float32)
            columns |= {
                "structural_volatility": like,
                "own_weight": np.where(np.isfinite(like), own, np.float32(1)),
            }
        if found.shrunk is not None:
            columns["decile_weight"] = found.shrunk[here].astype(np.float32)
        frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float32).fill_nan(None))
        return frame.sort(chosen)

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
        wanted = self._between(start, end)
        found, names = self.covariances(wanted), np.array(self._estimates.factors)
        returns = self._estimates.specific_return
        has_regime = self._fitted.settings.halflife_idio_vra is not None
        regime = self.specific(wanted).regime[wanted] if has_regime else np.ones(len(wanted))
        return pl.DataFrame(
            {
                "date": pl.Series(self._dates(wanted), dtype=pl.Date),
                "factor_regime": found.regime,
                "specific_regime": regime,
                "repaired_volatilities": pl.Series(
                    [names[these].tolist() for these in found.repaired_vol], dtype=pl.List(pl.String)
                ),
                "repaired_correlations": found.repaired_cor,
                "eigenfactors_adjusted": found.eigen_adjusted,
                "prior_volatilities": pl.Series(
                    [names[these].tolist() for these in found.prior], dtype=pl.List(pl.String)
                ),
                "fitted_exactly": [self._own_history.fitted_exactly(returns, t) for t in wanted.tolist()],
                "structural_volatilities": self._has_structural(wanted),
            }
        )

    def _has_structural(self, days: NDArray[np.int64]) -> Mask:
        """(D,) days on which any asset has a structural volatility."""
        found = self.specific(days) if self.settings.structural is not None else None
        if found is None or found.structural is None:
            return np.zeros(len(days), np.bool_)
        places = [found.at(self._fitted.rows_on(t)) for t in days]
        return np.array([np.isfinite(found.structural[here]).any() for here in places], np.bool_)

    def covariances(self, days: NDArray[np.int64] | None = None) -> FactorCovariances:
        """The arrays behind the frames, in double precision; `days` index the trading days of the
        estimates."""
        wanted = self._all if days is None else days
        if len(wanted) == len(self._all) or "_every_covariance" in self.__dict__:
            first = self._all[0] if len(self._all) else 0
            return self._every_covariance.of(wanted - first)
        return self._covariances(wanted)

    def specific(self, days: NDArray[np.int64] | None = None) -> SpecificRisk:
        """Specific variances a trading period of the rows of the trading days `days`, ascending, and of those
        between them."""
        if not len(self._all):
            return self._every_specific
        first, last = (0, self._all[-1]) if days is None or not len(days) else (days[0], days[-1])
        # the regime of blended variances looks at the forecasts of all days
        needs_all = self._fitted.settings.halflife_idio_vra is not None and self._is_blended
        if "_every_specific" in self.__dict__ or needs_all or first <= self._all[0]:
            return self._every_specific
        return self._specific(int(first), int(last))

    @property
    def _is_blended(self) -> bool:
        return self.settings.structural is not None or self.settings.bayesian is not None

    @cached_property
    def _every_covariance(self) -> FactorCovariances:
        return self._covariances(self._all)

    @cached_property
    def _every_specific(self) -> SpecificRisk:
        return self._specific(0, len(self._estimates.dates) - 1)

    @cached_property
    def _own_history(self) -> OwnVariances:
        regime = self._fitted.settings.halflife_idio_vra is not None and not self._is_blended
        return OwnVariances(self._fitted, self.settings.idio_vol, regime=regime)

    def _covariances(self, days: NDArray[np.int64]) -> FactorCovariances:
        settings, e, fitted = self.settings, self._estimates, self._fitted
        with counted_days("factor covariances", fitted.hide_progress, len(days)) as advance:
            return factor_covariances(
                e.factor_returns[e.estimated], settings.factor_cov, settings.eigenfactor, settings.pca,
                exposed=e.exposed[e.estimated], groups=[group for group, _ in e.pairs],
                known=self._known(days), periods_per_year=self.periods_per_year,
                days=np.cumsum(e.estimated)[days] - 1, threads=fitted.threads, progress=advance,
            )  # fmt: skip

    def _known(self, days: NDArray[np.int64]) -> Mask:
        """(D, K) factors that assets of the universe are exposed to on some days, where there has been no
        return of theirs yet; those need no look at the exposures that have."""
        e, fitted = self._estimates, self._fitted
        known = (np.cumsum(e.exposed & e.estimated[:, None], axis=0) > 0)[days]
        for d in np.flatnonzero(~known.all(axis=1)):
            rows = fitted.rows_on(int(days[d]))
            x = fitted.exposures_at(rows)[fitted.universe[rows] & fitted.dataset.panel.is_main_listing[rows]]
            known[d] |= ((x != 0) & np.isfinite(x)).any(axis=0)
        return known

    def _specific(self, first_day: int, last_day: int) -> SpecificRisk:
        with counted_days("specific risk", self._fitted.hide_progress) as advance:
            return specific_risk(
                self._fitted, self.settings, self._own_history, first_day, last_day, advance
            )  # fmt: skip

    @cached_property
    def _all(self) -> NDArray[np.int64]:
        """Trading days with a forecast."""
        estimated = np.flatnonzero(self._estimates.estimated)
        if not len(estimated):
            return estimated
        return np.arange(estimated[0], len(self._estimates.dates))

    def _between(self, start: DateLike | None, end: DateLike | None) -> NDArray[np.int64]:
        dates = self._estimates.dates
        return np.array([t for t in self._all.tolist() if within(dates[t], start, end)], np.int64)

    def _dates(self, days: NDArray[np.int64]) -> list[dt.date]:
        return [self._estimates.dates[t] for t in days]

    def _at(self, date: DateLike | None) -> int:
        dates = self.dates()
        chosen = dates[-1] if date is None and dates else as_date(date)
        if chosen not in dates:
            span = f"from {dates[0]} to {dates[-1]}" if dates else "none"
            raise NotFoundError(f"there is no forecast of {chosen}; there are those of trading days {span}")
        return int(self._all[dates.index(chosen)])

    def _matrices(self, wanted: NDArray[np.int64], matrices: Float) -> pl.DataFrame:
        return matrix_frame(self._dates(wanted), list(self._estimates.factors), matrices)
