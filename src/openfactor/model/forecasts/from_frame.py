"""Forecasts from a frame of factor returns alone, without a model."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.periods import DAILY
from openfactor.dataset.periods import periods_per_year as inferred_periods
from openfactor.errors import DataError, Fault
from openfactor.frames import as_polars
from openfactor.model.forecasts.covariance import factor_covariances
from openfactor.model.wide import matrix_frame
from openfactor.processes import refuse_after_fork
from openfactor.settings.forecasts import (
    EigenfactorSettings,
    FactorCovarianceSettings,
    PcaCorrelationSettings,
)

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
SOURCE = "factor returns"
EXAMPLES = 5
"""Places that a fault shows."""


def factor_covariance(
    factor_returns: Any,
    settings: FactorCovarianceSettings | None = None,
    *,
    eigenfactor: EigenfactorSettings | None = None,
    pca: PcaCorrelationSettings | None = None,
    periods_per_year: float | None = None,
) -> pl.DataFrame:
    """Annual covariances of the factors from their returns.

    Parameters
    ----------
    factor_returns
        A frame of polars, pandas or pyarrow with `date` (in pandas also the index) and one column of returns,
        as fractions, per factor, such as `model.fret()` without its first row; in any order of days. A factor
        begins with its first return other than 0.0. The part of its name before the first dot is its group.
    periods_per_year
        To annualise with; by default inferred from the dates, 252 for daily ones.

    Returns
    -------
    date, factor, and one Float32 column per factor; dates ascending, factors sorted.

    Raises
    ------
    DataError
        With every fault of the frame: dates that are missing, repeated, text, or have a time of day; columns
        that are not numbers; returns that are missing or not finite.
    SettingsError
        `factor_returns` is not a frame.
    """
    refuse_after_fork()
    dates, factors, returns = _read(factor_returns)
    covariances = factor_covariances(
        returns,
        settings or FactorCovarianceSettings(),
        eigenfactor,
        pca,
        has_exposure=np.cumsum(returns != 0.0, axis=0) > 0,
        groups=[factor.split(".", 1)[0] for factor in factors],
        periods_per_year=periods_per_year or inferred_periods(dates) or DAILY,
    )
    return matrix_frame(dates, factors, covariances.covariance)


def _read(factor_returns: Any) -> tuple[list[dt.date], list[str], Float]:
    """Days, ascending; factors, sorted; and their returns (T, K). DataError with every fault."""
    frame = as_polars(_dated(factor_returns), SOURCE)
    factors = sorted(name for name in frame.columns if name != "date")
    if "date" not in frame.columns:
        problem = f"is missing; the columns are {', '.join(factors) or 'none'}"
        raise _refused([Fault("missing_column", SOURCE, problem, "date")])
    faults = [] if factors else [Fault("no_factors", SOURCE, "has no column but date; give one per factor")]
    days, faults_of_dates = _days(frame["date"])
    rows = [str(day) if day else f"row {i}" for i, day in enumerate(days.to_list(), 1)]
    columns = []
    for name in factors:
        values, fault = _returns(frame[name], rows)
        columns.append(values)
        faults += [fault] if fault else []
    if faults_of_dates or faults:
        raise _refused([*faults_of_dates, *faults])
    order = days.arg_sort().to_numpy()
    returns = np.column_stack(columns)[order] if len(days) else np.zeros((0, len(factors)))
    return days.sort().to_list(), factors, returns


def _dated(frame: Any) -> Any:
    """The frame; of a pandas frame whose index has no name, it is called date."""
    if type(frame).__module__.partition(".")[0] != "pandas" or not hasattr(frame, "columns"):
        return frame
    is_unnamed = type(frame.index).__name__ != "RangeIndex" and list(frame.index.names) == [None]
    return frame.rename_axis(index="date") if is_unnamed and "date" not in frame.columns else frame


def _days(dates: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """As pl.Date, null where a date cannot be read, and the faults."""
    has_time = np.zeros(len(dates), np.bool_)
    if isinstance(dates.dtype, pl.Datetime):
        moments = dates.dt.replace_time_zone(None)
        days = moments.dt.date()
        has_time = (moments != days.cast(moments.dtype)).fill_null(False).to_numpy()
    elif dates.dtype in (pl.Date, pl.Null):
        days = dates.cast(pl.Date)
    else:
        message = f"has {dates.dtype}, not dates; convert it, as by str.to_date() or pandas.to_datetime()"
        nothing = pl.Series("date", [None] * len(dates), pl.Date)
        return nothing, [Fault("wrong_type", SOURCE, message, "date")]
    is_empty = dates.is_null().to_numpy()
    is_repeated = (days.is_duplicated() & days.is_not_null()).to_numpy()
    numbers, texts = [f"row {i}" for i in range(1, len(dates) + 1)], list(map(str, dates.to_list()))
    faults = (
        _fault("missing", "is empty", is_empty, numbers, "date"),
        _fault("time_of_day", "has a time of day; give one row per day", has_time, texts, "date"),
        _fault("repeated", "must occur once", is_repeated, list(map(str, days.to_list())), "date"),
    )
    return days, [fault for fault in faults if fault]


def _returns(column: pl.Series, rows: list[str]) -> tuple[Float, Fault | None]:
    """Returns (T,) of a factor, and the fault that they have."""
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        message = f"has {column.dtype}, not numbers"
        return np.zeros(len(column)), Fault("wrong_type", SOURCE, message, column.name)
    values = column.cast(pl.Float64).to_numpy()
    problem = "must be a finite number; fill the gaps, or leave the factor or the days out"
    return values, _fault("not_a_number", problem, ~np.isfinite(values), rows, column.name)


def _fault(rule: str, problem: str, is_wrong: Mask, rows: list[str], column: str) -> Fault | None:
    """The fault with its first places; None if no row is wrong."""
    examples = tuple(dict.fromkeys(rows[i] for i in np.flatnonzero(is_wrong)))[:EXAMPLES]
    return Fault(rule, SOURCE, problem, column, int(is_wrong.sum()), examples) if is_wrong.any() else None


def _refused(faults: list[Fault]) -> DataError:
    return DataError("the covariance of the factor returns cannot be forecast:", faults)
