"""Betas of the assets of a dataset to series of factor returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.timing import Timeline, rows_before, timeline
from openfactor.errors import SettingsError
from openfactor.settings.hierarchies import unknown
from openfactor.settings.universe import CalendarSettings

Float = NDArray[np.float64]
Slopes = Callable[[Float, Float], Float]
"""Rolling slopes (T, E) of returns (T, E) on one series (T,)."""


def factor_names(
    series: pl.DataFrame, include: Sequence[str], exclude: Sequence[str], where: str
) -> list[str]:
    """The factors of a `tsfactors` upload that are asked for, sorted.

    Raises
    ------
    SettingsError: a factor that the upload does not have, or nothing left.
    """
    return chosen(series["factor"].unique().sort().to_list(), include, exclude, where)


def chosen(known: Sequence[str], include: Sequence[str], exclude: Sequence[str], where: str) -> list[str]:
    """The names that are included ("All": all) and not excluded.

    Raises
    ------
    SettingsError: a name that is not known, or nothing left.
    """
    wanted = known if include == "All" else include
    problems = [unknown(name, known) for name in [*wanted, *exclude] if name not in known]
    left = [name for name in known if name in wanted and name not in exclude]
    if not left and not problems:
        problems.append("nothing is left after include and exclude")
    if problems:
        raise SettingsError(f"{where} does not fit its upload:", problems)
    return left


def rolling_betas(
    dataset: RiskDataset,
    series: pl.DataFrame,
    names: Sequence[str],
    slopes: Slopes,
    *,
    calendar: CalendarSettings,
    currency: str,
    clip: tuple[float | None, float | None] = (None, None),
    zero_gaps: bool = False,
    threads: int | None = None,
) -> dict[str, Float]:
    """Factor to betas (rows,): of the latest trading day on or before the day of the row; NaN where none.

    Returns of a company are those of its main listing, in `currency`, between trading days of `calendar`;
    those of a factor are compounded over the same days. All listings of a company have its beta.

    series : date, factor, value (simple daily returns), as in a `tsfactors` upload
    clip : bounds on the asset returns
    zero_gaps : a trading day without a return, after the first return of the company and while one of its
        listings is alive, counts as a return of 0

    Raises
    ------
    SettingsError: the dataset does not have the currency.
    """
    if currency not in dataset.currencies:
        problem = unknown(currency, dataset.currencies)
        raise SettingsError("the betas do not fit the dataset:", [f"currency: {problem}"])
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        time = timeline(dataset, calendar, currency, pool)
        returns = _entity_returns(dataset, time)
        if clip != (None, None):
            returns = np.clip(returns, *clip)
        if zero_gaps:
            _fill_gaps(dataset, time, returns)
        parts = np.array_split(returns, min(returns.shape[1], 64) or 1, axis=1)
        parts = [np.ascontiguousarray(part) for part in parts]
        out = {}
        for name in names:
            g = _factor_returns(series.filter(pl.col("factor") == name), time)
            betas = np.concatenate(list(pool.map(lambda part, g=g: slopes(part, g), parts)), axis=1)
            out[name] = _of_rows(dataset, time, betas)
    return out


def _entity_returns(dataset: RiskDataset, time: Timeline) -> Float:
    """(T, E) returns of each company over (t-1, t]."""
    panel = dataset.panel
    out = np.full((len(time.days), dataset.identifiers.n_companies), np.nan)
    for i in range(1, len(time.days)):
        rows = rows_before(panel, time.days, i)
        main = panel.is_main_listing[rows]
        out[i, dataset.company[panel.listing[rows][main]]] = time.forward_return[rows][main]
    return out


def _fill_gaps(dataset: RiskDataset, time: Timeline, returns: Float) -> None:
    """Put 0 where a company is alive, has had a return, and has none."""
    begun = np.zeros(returns.shape[1], np.bool_)
    for i, day in enumerate(time.days):
        alive = np.zeros(returns.shape[1], np.bool_)
        alive[dataset.company[dataset.panel.listing[dataset.panel.rows_of(int(day))]]] = True
        there = np.isfinite(returns[i])
        returns[i, begun & alive & ~there] = 0.0
        begun |= there


def _factor_returns(rows: pl.DataFrame, time: Timeline) -> Float:
    """(T,) returns of a factor over (t-1, t]; NaN where it has none in between."""
    dates = np.array(time.dates, "datetime64[D]")
    at = np.searchsorted(dates, rows["date"].to_numpy().astype("datetime64[D]"))
    growth, seen = np.ones(len(dates) + 1), np.zeros(len(dates) + 1, np.bool_)
    np.multiply.at(growth, at, 1.0 + rows["value"].to_numpy())
    seen[at] = True
    out = np.where(seen, growth - 1.0, np.nan)[:-1]
    out[:1] = np.nan  # what the first day compounds began before it
    return out


def _of_rows(dataset: RiskDataset, time: Timeline, betas: Float) -> Float:
    """(rows,) the betas of the latest trading day on or before the day of each row."""
    panel = dataset.panel
    latest = np.searchsorted(time.days, np.arange(len(dataset.days)), side="right") - 1
    padded = np.concatenate([betas, np.full((1, betas.shape[1]), np.nan)])  # -1: before the first
    out = np.empty(panel.n_rows)
    for day, at in enumerate(latest):
        rows = panel.rows_of(day)
        out[rows] = padded[at, dataset.company[panel.listing[rows]]]
    return out
