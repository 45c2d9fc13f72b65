"""Forecasts from a frame of factor returns alone, without a model."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.periods import DAILY
from openfactor.dataset.periods import periods_per_year as told_by
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
SOURCE = "factor returns"
EXAMPLES = 5


def factor_covariance(
    factor_returns: Any,
    settings: FactorCovarianceSettings | None = None,
    *,
    eigenfactor: EigenfactorSettings | None = None,
    pca: PcaCorrelationSettings | None = None,
    periods_per_year: float | None = None,
) -> pl.DataFrame:
    """Annual covariances of the factors from their returns: date, factor, and a column a factor.

    factor_returns : a frame of polars, pandas or pyarrow with `date` (in pandas also the index) and one
        column of numbers per factor, such as `model.fret()` without its first row; in any order of days. A
        factor is there from its first return that is not 0.0, and what its name has before the first dot is
        its group
    periods_per_year : to annualise with; by default as the dates tell, 252 for daily ones

    Float32 values; dates ascending, factors sorted.

    Raises
    ------
    DataError: with every fault of the frame: dates that are missing, repeated, text, or have a time of day;
    columns that are not numbers; returns that are missing or not finite. SettingsError: no frame.
    """
    refuse_after_fork()
    dates, factors, returns = _read(factor_returns)
    found = factor_covariances(
        returns,
        settings or FactorCovarianceSettings(),
        eigenfactor,
        pca,
        has_exposure=np.cumsum(returns != 0.0, axis=0) > 0,
        groups=[factor.split(".", 1)[0] for factor in factors],
        periods_per_year=periods_per_year or told_by(dates) or DAILY,
    )
    return matrix_frame(dates, factors, found.covariance)


def _read(factor_returns: Any) -> tuple[list[dt.date], list[str], Float]:
    """Days, ascending, factors, sorted, and their returns (T, K); DataError with every fault."""
    frame = as_polars(_dated(factor_returns), SOURCE)
    factors = sorted(name for name in frame.columns if name != "date")
    if "date" not in frame.columns:
        problem = f"there is no such column; there are {', '.join(factors) or 'none'}"
        raise _refused([Fault("missing_column", SOURCE, problem, "date")])
    faults = [] if factors else [Fault("no_factors", SOURCE, "there is no column beside date")]
    days, wrong = _days(frame["date"])
    rows = [str(day) if day else f"row {i}" for i, day in enumerate(days.to_list(), 1)]
    columns = []
    for name in factors:
        values, fault = _returns(frame[name], rows)
        columns.append(values)
        faults += [fault] if fault else []
    if wrong or faults:
        raise _refused([*wrong, *faults])
    order = days.arg_sort().to_numpy()
    returns = np.column_stack(columns)[order] if len(days) else np.zeros((0, len(factors)))
    return days.sort().to_list(), factors, returns


def _dated(frame: Any) -> Any:
    """A pandas frame whose index has no name gets that of its dates."""
    if type(frame).__module__.partition(".")[0] != "pandas" or not hasattr(frame, "columns"):
        return frame
    unnamed = type(frame.index).__name__ != "RangeIndex" and list(frame.index.names) == [None]
    return frame.rename_axis(index="date") if unnamed and "date" not in frame.columns else frame


def _days(dates: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """As pl.Date, null where a date cannot be read, and the faults."""
    wrong = np.zeros(len(dates), np.bool_)
    if isinstance(dates.dtype, pl.Datetime):
        moments = dates.dt.replace_time_zone(None)
        days = moments.dt.date()
        wrong = (moments != days.cast(moments.dtype)).fill_null(False).to_numpy()
    elif dates.dtype in (pl.Date, pl.Null):
        days = dates.cast(pl.Date)
    else:
        message = f"has {dates.dtype}, not dates; convert it, as by str.to_date() or pandas.to_datetime()"
        nothing = pl.Series("date", [None] * len(dates), pl.Date)
        return nothing, [Fault("wrong_type", SOURCE, message, "date")]
    empty, again = dates.is_null().to_numpy(), (days.is_duplicated() & days.is_not_null()).to_numpy()
    numbers, texts = [f"row {i}" for i in range(1, len(dates) + 1)], list(map(str, dates.to_list()))
    faults = (
        _fault("missing", "is empty", empty, numbers, "date"),
        _fault("time_of_day", "has a time of day; give one row per day", wrong, texts, "date"),
        _fault("repeated", "must be there once", again, list(map(str, days.to_list())), "date"),
    )
    return days, [fault for fault in faults if fault]


def _returns(column: pl.Series, rows: list[str]) -> tuple[Float, Fault | None]:
    """Returns (T,) of a factor, and what is wrong with them."""
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        message = f"has {column.dtype}, not numbers"
        return np.zeros(len(column)), Fault("wrong_type", SOURCE, message, column.name)
    values = column.cast(pl.Float64).to_numpy()
    problem = "there is no covariance with what is missing"
    return values, _fault("not_a_number", problem, ~np.isfinite(values), rows, column.name)


def _fault(rule: str, problem: str, wrong: NDArray[np.bool_], rows: list[str], column: str) -> Fault | None:
    """None if no row is wrong."""
    first = tuple(dict.fromkeys(rows[i] for i in np.flatnonzero(wrong)))[:EXAMPLES]
    return Fault(rule, SOURCE, problem, column, int(wrong.sum()), first) if wrong.any() else None


def _refused(faults: list[Fault]) -> DataError:
    return DataError("the covariance of the factor returns cannot be forecast:", faults)
