"""Runs the regressions of every trading day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context, Step
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.timing import PARTS, Timeline, rows_before, timeline
from openfactor.errors import Fault
from openfactor.model.estimation.estimates import BLANK, SOLVERS, STATUSES, Estimates, EstimatesRun, Pairs
from openfactor.model.estimation.inputs import Inputs
from openfactor.model.estimation.known import cannot_be_estimated, known_factors
from openfactor.model.estimation.stage_regression import StageRegression, stage_regression
from openfactor.numerics.cross_section import RegressionBatch, RegressionResults
from openfactor.settings.model import FactorRiskModelSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
_ROWS_AT_ONCE = 32_000
"""Rows of the panel per call of the kernels, where days do not have to be regressed one by one."""


@dataclass(frozen=True)
class _Job:
    """What the days of one estimation share."""

    dataset: RiskDataset
    stages: tuple[StageRegression, ...]
    pairs: Pairs
    time: Timeline
    universe: Mask
    """(rows,) in the model's universe."""

    @cached_property
    def slots(self) -> list[NDArray[np.int64]]:
        """For each stage (D, blocks): most categories of each block that a name has on each stored day."""
        return [stage.exposures.slots_by_day(self.dataset.panel.offsets) for stage in self.stages]

    @cached_property
    def kind(self) -> NDArray[np.int64]:
        """(D,) stored days with the same number lie in one run of the panel and have the same `slots`: they
        can be regressed at once.
        """
        panel = self.dataset.panel
        run = np.repeat(np.arange(len(panel.runs)), np.diff(panel.first_days))
        changes = np.any(np.diff(np.column_stack([run, *self.slots]), axis=0), axis=1)
        return np.concatenate([[0], np.cumsum(changes)])


class _EmptyDay(NamedTuple):
    """A regression with candidates, but an empty estimation universe."""

    stage: int
    """From 0."""
    day: int
    """Index of the trading day."""


def estimate(
    dataset: RiskDataset,
    settings: FactorRiskModelSettings,
    fingerprint: str,
    *,
    read: UploadReader = no_uploads,
    context: Context | None = None,
) -> Estimates:
    """Factor and specific returns of every trading day.

    Cancelling the request, from another thread, ends the work within a few days' time.

    Parameters
    ----------
    settings
        Valid on the dataset.
    fingerprint
        Identifies the estimates; stored with them.
    read
        Gives the uploads that the settings name.

    Raises
    ------
    DataError
        Days on which assets have returns and exposures, but the estimation universe is empty; days on which a
        known factor has no return.
    CancelledError
        The request was cancelled.
    """
    context = context or Context()
    with ThreadPoolExecutor(context.threads) as pool:
        job = _prepare(dataset, settings, read, pool, context)
        results = _blank(job)
        days = np.arange(1, len(job.time.dates))
        parts = np.array_split(days, min(PARTS, max(len(days), 1)))
        # the step ends before the pool: after a failure the other threads stop at their next day
        with context.step("regressions", len(days)) as advance:
            empty = list(pool.map(lambda days: _run(job, results, days, advance), parts))
    _refuse_empty(results, [day for part in empty for day in part])
    stage = np.zeros(len(job.pairs), np.int64)
    for number, of_stage in enumerate(job.stages):
        stage[[*of_stage.order, *of_stage.known_order]] = number
    runs = tuple(_cut(results, dataset, job.time))
    return Estimates(fingerprint, job.pairs, stage, runs, dataset.dictionary)


def _cut(results: EstimatesRun, dataset: RiskDataset, time: Timeline) -> Iterator[EstimatesRun]:
    """The results of all days, in the runs of the panel."""
    panel, n_dates = dataset.panel, len(time.dates)
    explained = np.searchsorted(time.days[:-1], panel.first_days[1:]) + 1  # and the first trading day
    dates = np.concatenate([[0], np.minimum(explained, n_dates)])
    for bounds in zip(*map(pairwise, (panel.first_days, dates, panel.starts)), strict=True):
        yield results.slice(*(slice(int(first), int(stop)) for first, stop in bounds))


def _prepare(
    dataset: RiskDataset,
    settings: FactorRiskModelSettings,
    read: UploadReader,
    pool: ThreadPoolExecutor,
    context: Context,
) -> _Job:
    inputs = Inputs(dataset, settings, read, context)
    first = settings.stages[0].construction
    currency = first.currency if first.fx_convert_returns else None
    time = timeline(dataset, settings.inline_universe.calendar, currency, pool)
    pairs = tuple(sorted(pair for exposures in inputs.columns for pair in exposures.pairs))
    return _Job(
        dataset=dataset,
        stages=tuple(
            stage_regression(
                stage, exposures, estimation, pairs, known_factors(dataset, time, stage, exposures)
            )
            for stage, exposures, estimation in zip(
                settings.stages, inputs.columns, inputs.estimation, strict=True
            )
        ),
        pairs=pairs,
        time=time,
        universe=inputs.universe,
    )


def _blank(job: _Job) -> EstimatesRun:
    """All days as one run, with the returns of assets, to write the results of the regressions to."""
    t, k, s, rows = len(job.time.dates), len(job.pairs), len(job.stages), job.dataset.panel.n_rows
    if not job.universe.all():
        job.time.forward_return[~job.universe] = np.nan
        job.time.covered[~job.universe] = 0
    specific = np.zeros(rows)  # touched first by the threads that fill it
    for d in np.setdiff1d(np.arange(len(job.dataset.days)), job.time.days[:-1]):
        specific[job.dataset.panel.rows_of(int(d))] = np.nan
    weights = [np.zeros(rows) for _ in range(s)]
    status = np.zeros((s, t), np.int8)
    status[:, :1] = STATUSES.index("first_day")
    return EstimatesRun(
        pairs=job.pairs,
        dates=job.time.dates,
        by_factor={name: np.full((t, k), blank) for name, blank in BLANK.items()},
        by_date={
            "status": status,
            "solver": np.zeros((s, t), np.int8),
            "n": np.zeros((s, t), np.int64),
            "rank": np.zeros((s, t), np.int64),
            "r2": np.full((s, t), np.nan),
            "condition": np.full((s, t), np.nan),
            "clipped": np.zeros((s, t), np.int64),
            "multiday": np.zeros((s, t), np.int64),
        },
        by_row=(job.time.forward_return, specific, job.time.covered, *weights),
        content_hashes=job.dataset.content_hashes,
    )


def _run(job: _Job, results: EstimatesRun, days: NDArray[np.int64], advance: Step) -> list[_EmptyDay]:
    """Regress a run of days; those that are to be refused."""
    widest = int(np.diff(job.dataset.panel.offsets).max(initial=0))
    size = max(widest, _ROWS_AT_ONCE) * max(stage.exposures.n_dense for stage in job.stages)
    buffer, empty = np.empty(size), []
    advance.check()
    for batch in _batches(job, days):
        for number in range(len(job.stages)):
            empty += _regress(job, results, number, batch, buffer)
        advance(len(batch))
    return empty


def _batches(job: _Job, days: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Runs of trading days to regress at once."""
    if not all(stage.by_row for stage in job.stages):
        yield from days[:, None]
        return
    start = 0
    explaining = job.time.days[days - 1]
    first_row, last_row = job.dataset.panel.offsets[explaining], job.dataset.panel.offsets[explaining + 1]
    kind = job.kind[explaining]
    while start < len(days):
        fits = int(np.searchsorted(last_row[start:], first_row[start] + _ROWS_AT_ONCE, side="right"))
        alike = int(np.searchsorted(kind[start:], kind[start], side="right"))
        stop = start + max(min(fits, alike), 1)
        yield days[start:stop]
        start = stop


def _regress(
    job: _Job, results: EstimatesRun, number: int, days: NDArray[np.int64], buffer: Float
) -> list[_EmptyDay]:
    """One stage of trading days that follow each other; those that are to be refused."""
    panel, stage = job.dataset.panel, job.stages[number]
    rows_of_days = [rows_before(panel, job.time.days, int(day)) for day in days]
    rows = slice(rows_of_days[0].start, rows_of_days[-1].stop)
    asset_return, specific_return, _, *weight = results.by_row
    target = (asset_return if number == 0 else specific_return)[rows]
    dense, codes, loadings = stage.exposures.evaluate(rows, buffer)
    caps, covered = panel.market_cap[rows], job.time.covered[rows]
    weights = stage.weights(rows, caps, panel.idio_vol[rows], covered)
    if stage.exposures.may_miss_products:
        weights[np.isnan(loadings).any(axis=0)] = 0.0
    batch = RegressionBatch(
        dense, codes, loadings, weights, target, np.where(caps > 0, caps, 0.0),
        np.array([day.start - rows.start for day in rows_of_days]),
        np.array([day.stop - rows.start for day in rows_of_days]),
    )  # fmt: skip
    slots = job.slots[number][job.time.days[days[0] - 1]]
    fits = stage.fit(int(days[0]), batch, slots.tolist())
    _store(results, number, stage, int(days[0]), fits)
    if covered.max(initial=0) > 1:
        n_multiday = np.concatenate([[0], np.cumsum((covered > 1) & (fits.weight > 0))])
        results.by_date["multiday"][number, days[0] : days[-1] + 1] = (
            n_multiday[batch.stops] - n_multiday[batch.starts]
        )
    empty = []
    for d in np.flatnonzero(fits.n == 0).tolist():
        on_day = slice(batch.starts[d], batch.stops[d])
        candidates = np.isfinite(target[on_day]) & stage.counts(covered[on_day])
        status = "no_exposures" if candidates.any() else "no_returns"
        results.by_date["status"][number, days[d]] = STATUSES.index(status)
        if (candidates & np.isfinite(dense[:, on_day]).all(axis=0)).any():
            empty.append(_EmptyDay(number, int(days[d])))
    # rows of days in between, on which the exchange is closed, have NaN and no weight
    specific_return[rows], weight[number][rows] = fits.specific_return, fits.weight
    return empty


def _store(
    results: EstimatesRun, number: int, stage: StageRegression, first: int, fits: RegressionResults
) -> None:
    """Write the results by factor and by date of trading days from `first` on."""
    has_regression, run = fits.n > 0, slice(first, first + len(fits.n))
    by_factor, by_date = results.by_factor, results.by_date
    for name in BLANK:
        by_factor[name][run, stage.order] = getattr(fits, name)
    known_returns = np.where(has_regression[:, None], stage.known.returns[run], 0.0)
    by_factor["factor_returns"][run, stage.known_order] = known_returns
    by_factor["has_exposure"][run, stage.known_order] = has_regression[:, None]
    by_date["status"][number, run] = _status(fits)
    solver = np.where(fits.solved_by_svd, *map(SOLVERS.index, ("svd", "normal_equations")))
    by_date["solver"][number, run] = np.where(has_regression, solver, SOLVERS.index("none"))
    by_date["n"][number, run], by_date["rank"][number, run] = fits.n, fits.rank
    by_date["r2"][number, run], by_date["condition"][number, run] = fits.r2, fits.condition_number
    by_date["clipped"][number, run] = fits.n_clipped


def _status(fits: RegressionResults) -> NDArray[np.int8]:
    """(days,) index into STATUSES of days with a regression."""
    masks = {
        "exact_fit": fits.is_exact_fit,
        "no_spread": ~fits.has_spread,
        "not_converged": ~fits.has_converged,
        "rank_deficient": fits.is_rank_deficient,
    }
    status = np.zeros(len(fits.n), np.int8)
    for name, mask in masks.items():
        status[mask] = STATUSES.index(name)
    return status


def _refuse_empty(results: EstimatesRun, empty: Sequence[_EmptyDay]) -> None:
    """DataError that names the days of each stage."""
    faults = []
    for number in sorted({item.stage for item in empty}):
        days = sorted(item.day for item in empty if item.stage == number)
        where = "estimation_universe" if len(results.by_date["status"]) == 1 else f"stage {number + 1}"
        problem = (
            "no asset is left to estimate on, though assets have returns and exposures; widen its filters or "
            "upload the market caps and memberships of the trading day before"
        )
        examples = tuple(str(results.dates[day]) for day in days[:5])
        faults.append(Fault("empty_estimation_universe", where, problem, None, len(days), examples))
    if faults:
        raise cannot_be_estimated(faults)
