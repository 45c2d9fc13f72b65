"""Frames of a forecast by asset: specific volatilities, and how those of a date came about."""

from __future__ import annotations

import numpy as np
import polars as pl

from openfactor.contract.refs import FrameQuery
from openfactor.dataset.shown import Shown
from openfactor.errors import NotFoundError, SettingsError
from openfactor.exposures.asset_columns import by_asset
from openfactor.exposures.conventions import LongForm
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts.forecast import ModelForecast, forecast_of
from openfactor.model.frames.kind import ID_TYPE, FrameKind

_OPTIONS = ("forecast", "id_type")


def _volatility(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    forecast = forecast_of(fitted, query.forecast)
    days = forecast.days_between(query.start, query.end)
    risk = forecast.specific(days)
    dates = forecast.dates_of(days)
    return by_asset(
        fitted.dataset,
        fitted.universe,
        [(date, fitted.rows_on(t)) for date, t in zip(dates, days.tolist(), strict=True)],
        lambda rows: np.sqrt(fitted.periods_per_year * risk.variance[risk.at(rows)]),
        fitted.id_type(query.id_type),
    )


def _risk(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    forecast = forecast_of(fitted, query.forecast)
    t = _day_of(forecast, query)
    risk, rows = forecast.specific(np.array([t])), fitted.rows_on(t)
    id_type, year = fitted.id_type(query.id_type), fitted.periods_per_year
    shown = Shown(fitted.dataset, fitted.universe, id_type)
    place, code = shown.rows(rows, fitted.estimates.dates[t])
    shown.warn()
    here = risk.at(rows).start + place
    history = risk.history[here]
    columns: dict[str, object] = {
        id_type: shown.naming.texts(code),
        "specific_volatility": np.sqrt(year * risk.variance[here]).astype(np.float32),
        "own_volatility": np.sqrt(year * risk.own[here]).astype(np.float32),
        "observations": history,
    }
    if risk.structural is not None and forecast.settings.structural is not None:
        structural = np.sqrt(year * risk.structural[here]).astype(np.float32)
        own_weight = (history / (history + forecast.settings.structural.n0)).astype(np.float32)
        columns |= {
            "structural_volatility": structural,
            "own_weight": np.where(np.isfinite(structural), own_weight, np.float32(1)),
        }
    if risk.shrunk is not None:
        columns["decile_weight"] = risk.shrunk[here].astype(np.float32)
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float32).fill_nan(None)).sort(id_type)


def _day_of(forecast: ModelForecast, query: FrameQuery) -> int:
    """The trading day of the one date that a query asks for, the last by default."""
    dates = forecast.dates
    date = query.end or query.start or (dates[-1] if dates else None)
    if (query.start or date) != date:
        raise SettingsError(
            "the frame 'specific_risk' is of one date:",
            [f"start {query.start} and end {query.end} must be the same, or one of them null"],
        )
    if date not in dates:
        span = f"from {dates[0]} to {dates[-1]}" if dates else "none"
        raise NotFoundError(f"there is no forecast of {date}; there are those of trading days {span}")
    return int(forecast.days[dates.index(date)])


FRAMES = {
    "specific_volatility": FrameKind(
        _volatility, _OPTIONS, LongForm(("date",), ID_TYPE, "specific_volatility")
    ),
    "specific_risk": FrameKind(_risk, _OPTIONS, None),
}
