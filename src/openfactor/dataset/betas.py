"""Betas of the assets of a dataset to series of factor returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context, Step
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.timing import Timeline, rows_before, timeline
from openfactor.errors import SettingsError
from openfactor.settings.hierarchies import unknown
from openfactor.settings.universe import CalendarSettings

Float = NDArray[np.float64]
Slopes = Callable[[Float, Float], Float]
"""Rolling slopes (T, n) of returns (T, n) on one series (T,)."""
BATCHES = 64
"""Batches of companies that the processors share."""


@dataclass(frozen=True)
class _CompanyReturns:
    """Returns of each company between trading days."""

    returns: Float
    """(T, E) return that ends on the trading day; NaN where there is none."""
    covered: NDArray[np.int32]
    """(T, E) trading days that the return covers; 0 where there is none."""


def factor_names(
    series: pl.DataFrame, include: Sequence[str], exclude: Sequence[str], where: str
) -> list[str]:
    """The chosen factors of a `tsfactors` upload, sorted.

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
    included = known if include == "All" else include
    problems = [unknown(name, known) for name in [*included, *exclude] if name not in known]
    names = [name for name in known if name in included and name not in exclude]
    if not names and not problems:
        problems.append("nothing is left after include and exclude")
    if problems:
        raise SettingsError(f"{where} does not fit its upload:", problems)
    return names


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
    context: Context | None = None,
) -> dict[str, Float]:
    """Betas of companies to factor series, as of the latest trading day on or before the day of each row.

    The return of a company is that of its main listing, in `currency`, between trading days of `calendar`.
    It is paired with the factor compounded over the same days: over several where the listing had no price
    for a while. All listings of a company have its beta.

    Parameters
    ----------
    series : date, factor, value (simple daily returns, fractions), as in a `tsfactors` upload
    names : factors to use
    slopes : the estimator
    clip : bounds on company returns
    zero_gaps : a trading day without a return, after the company's first return and while one of its listings
        is alive, counts as a return of 0; the next return then counts for its own day alone

    Returns
    -------
    Factor to betas (rows,); NaN where there is none.

    Raises
    ------
    SettingsError: the dataset does not have the currency. CancelledError: the request was cancelled.
    """
    if currency not in dataset.currencies:
        problem = unknown(currency, sorted(dataset.currencies))
        raise SettingsError("the betas do not fit the dataset:", [f"currency: {problem}"])
    context = context or Context()
    with ThreadPoolExecutor(context.threads) as pool:
        time = timeline(dataset, calendar, currency, pool)
        companies = _company_returns(dataset, time, clip)
        if zero_gaps:
            _fill_gaps(dataset, time, companies)
        n_companies = companies.returns.shape[1]
        batches = np.array_split(np.arange(n_companies), min(n_companies, BATCHES) or 1)
        out = {}
        with context.step("betas", len(names) * n_companies, unit="betas") as advance:
            for name in names:
                growth = _factor_growth(series.filter(pl.col("factor") == name), time)
                slopes_of = partial(_batch_slopes, companies, growth, slopes, advance)
                betas = np.concatenate(list(pool.map(slopes_of, batches)), axis=1)
                out[name] = _of_rows(dataset, time, betas)
    return out


def _company_returns(
    dataset: RiskDataset, time: Timeline, clip: tuple[float | None, float | None]
) -> _CompanyReturns:
    """The returns of main listings, within bounds."""
    panel, shape = dataset.panel, (len(time.days), dataset.identifiers.n_companies)
    returns, covered = np.full(shape, np.nan), np.zeros(shape, np.int32)
    for i in range(1, len(time.days)):
        rows = rows_before(panel, time.days, i)
        main = panel.is_main_listing[rows]
        company = dataset.company[panel.listing[rows][main]]
        returns[i, company] = time.forward_return[rows][main]
        covered[i, company] = time.covered[rows][main]
    return _CompanyReturns(returns if clip == (None, None) else np.clip(returns, *clip), covered)


def _fill_gaps(dataset: RiskDataset, time: Timeline, companies: _CompanyReturns) -> None:
    """Set returns to 0 where a company is alive, has had a return, and has none."""
    returns, covered = companies.returns, companies.covered
    begun, filled = np.zeros((2, returns.shape[1]), np.bool_)
    for i, day in enumerate(time.days):
        alive = np.zeros(returns.shape[1], np.bool_)
        alive[dataset.company[dataset.panel.listing[dataset.panel.rows_of(int(day))]]] = True
        has_return = np.isfinite(returns[i])
        covered[i, filled & has_return] = 1  # the days before it count already
        filled = begun & alive & ~has_return
        returns[i, filled], covered[i, filled] = 0.0, 1
        begun |= has_return


def _factor_growth(rows: pl.DataFrame, time: Timeline) -> Float:
    """(T,) 1 + return of a factor over (t-1, t]; NaN where it has no value in between."""
    dates = np.array(time.dates, "datetime64[D]")
    at = np.searchsorted(dates, rows["date"].to_numpy().astype("datetime64[D]"))
    growth, has_value = np.ones(len(dates) + 1), np.zeros(len(dates) + 1, np.bool_)
    np.multiply.at(growth, at, 1.0 + rows["value"].to_numpy())
    has_value[at] = True
    has_value[:1] = False  # what the first day compounds began before it
    return np.where(has_value, growth, np.nan)[:-1]


def _compounded(growth: Float, n_days: int) -> Float:
    """(T,) return of a factor over the `n_days` trading days up to each; NaN where it has no value in them or
    they begin before the first.
    """
    total, has_value = np.ones(len(growth)), np.zeros(len(growth), np.bool_)
    known = np.isfinite(growth)
    for lag in range(min(n_days, len(growth))):
        later = slice(lag, None)
        earlier = slice(None, len(growth) - lag)
        total[later] *= np.where(known, growth, 1.0)[earlier]
        has_value[later] |= known[earlier]
    has_value[:n_days] = False
    return np.where(has_value, total - 1.0, np.nan)


def _batch_slopes(
    companies: _CompanyReturns, growth: Float, slopes: Slopes, advance: Step, batch: NDArray[np.int64]
) -> Float:
    """(T, n) slopes of a batch of companies, each on the factor over the days of its own returns."""
    returns, covered = companies.returns[:, batch], companies.covered[:, batch]
    daily = _compounded(growth, 1)
    out = np.empty_like(returns)
    usual = (covered <= 1).all(axis=0)
    out[:, usual] = slopes(np.ascontiguousarray(returns[:, usual]), daily)
    for e in np.flatnonzero(~usual):
        factor = daily.copy()
        for n_days in np.unique(covered[covered[:, e] > 1, e]).tolist():
            rows = covered[:, e] == n_days
            factor[rows] = _compounded(growth, n_days)[rows]
        out[:, [e]] = slopes(returns[:, [e]], factor)
    advance(len(batch))
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
