"""Runs the regressions of every trading day."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context, Step
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.timing import PARTS, Timeline, rows_before, timeline
from openfactor.errors import Fault
from openfactor.model.estimation.design import Regression, regression_of
from openfactor.model.estimation.estimates import (
    SOLVERS,
    STATUSES,
    Estimates,
    Piece,
    RowValues,
)
from openfactor.model.estimation.inputs import Inputs
from openfactor.model.estimation.known import cannot_be_estimated, known_factors
from openfactor.numerics.cross_section import RegressionBatch, RegressionResults
from openfactor.settings.model import FactorRiskModelSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
_ROWS_AT_ONCE = 32_000
"""Rows of the panel that one call of the kernels gets, where days need not be looked at one by one."""


@dataclass(frozen=True)
class _Job:
    """What the days of one estimation share."""

    dataset: RiskDataset
    stages: tuple[Regression, ...]
    pairs: tuple[tuple[str, str], ...]
    time: Timeline
    universe: Mask


def estimate(
    dataset: RiskDataset,
    settings: FactorRiskModelSettings,
    fingerprint: str,
    *,
    read: UploadReader = no_uploads,
    context: Context | None = None,
) -> Estimates:
    """Factor and specific returns of every trading day.

    Settings are taken as valid on the dataset. `read` gives the uploads that they name.
    Cancelling the request, from another thread, ends the work within a few days' time.

    Raises
    ------
    DataError: names with returns and exposures, but an empty estimation universe; days on which a known
    factor has no return; names the days. CancelledError: the request was cancelled.
    """
    context = context or Context()
    with ThreadPoolExecutor(context.threads) as pool:
        job = _prepare(dataset, settings, read, pool, context)
        results = _empty(job, fingerprint)
        days = np.arange(1, len(job.time.dates))
        parts = np.array_split(days, min(PARTS, max(len(days), 1)))
        # the step ends before the pool: after a failure the other threads stop at their next day
        with context.step("regressions", len(days)) as advance:
            list(pool.map(lambda days: _run(job, results, days, advance), parts))
    _refuse_empty(results)
    return results.estimates


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
            regression_of(stage, exposures, estimation, pairs, known_factors(dataset, time, stage, exposures))
            for stage, exposures, estimation in zip(
                settings.stages, inputs.columns, inputs.estimation, strict=True
            )
        ),
        pairs=pairs,
        time=time,
        universe=inputs.universe,
    )


@dataclass(frozen=True)
class _Results:
    estimates: Estimates
    empty: list[tuple[int, int]]
    """Stage and day of regressions that had candidates, but nobody to estimate on."""


def _empty(job: _Job, fingerprint: str) -> _Results:
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
    of_stage = np.zeros(k, np.int64)
    for number, stage in enumerate(job.stages):
        of_stage[[*stage.order, *stage.known_order]] = number
    return _Results(
        Estimates(
            fingerprint=fingerprint,
            dates=job.time.dates,
            pairs=job.pairs,
            stage=of_stage,
            factor_returns=np.zeros((t, k)),
            standard_errors=np.full((t, k), np.nan),
            vif=np.full((t, k), np.nan),
            effective_names=np.full((t, k), np.nan),
            has_exposure=np.zeros((t, k), np.bool_),
            status=status,
            solver=np.zeros((s, t), np.int8),
            n=np.zeros((s, t), np.int64),
            rank=np.zeros((s, t), np.int64),
            r2=np.full((s, t), np.nan),
            condition=np.full((s, t), np.nan),
            clipped=np.zeros((s, t), np.int64),
            multiday=np.zeros((s, t), np.int64),
            rows=RowValues(
                rows, (Piece(0, (job.time.forward_return, specific, job.time.covered, *weights)),)
            ),
            digests=job.dataset.content_hashes,
            structure=job.dataset.dictionary_hash,
        ),
        [],
    )


def _run(job: _Job, results: _Results, days: NDArray[np.int64], advance: Step) -> None:
    """Regress a run of days."""
    widest = int(np.diff(job.dataset.panel.offsets).max(initial=0))
    room = max(widest, _ROWS_AT_ONCE) * max(stage.exposures.n_dense for stage in job.stages)
    buffer = np.empty(room)
    for batch in _batches(job, days):
        for number, stage in enumerate(job.stages):
            _regress(job, results, number, stage, batch, buffer)
        advance(len(batch))


def _batches(job: _Job, days: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Runs of trading days that are regressed in one go."""
    if not all(stage.by_row for stage in job.stages):
        yield from days[:, None]
        return
    start = 0
    first_row = job.dataset.panel.offsets[job.time.days[days - 1]]
    last_row = job.dataset.panel.offsets[job.time.days[days - 1] + 1]
    while start < len(days):
        fits = int(np.searchsorted(last_row[start:], first_row[start] + _ROWS_AT_ONCE, side="right"))
        stop = start + max(fits, 1)
        yield days[start:stop]
        start = stop


def _regress(
    job: _Job, results: _Results, number: int, stage: Regression, days: NDArray[np.int64], buffer: Float
) -> None:
    """One stage of trading days that follow each other."""
    panel, out = job.dataset.panel, results.estimates
    each = [rows_before(panel, job.time.days, int(i)) for i in days]
    rows = slice(each[0].start, each[-1].stop)
    starts = np.array([r.start - rows.start for r in each])
    stops = np.array([r.stop - rows.start for r in each])
    target = (out.asset_return if number == 0 else out.specific_return)[rows]
    dense, codes, loads = stage.exposures.evaluate(rows, buffer)
    caps, covered = panel.market_cap[rows], job.time.covered[rows]
    weights = stage.weights(rows, caps, panel.idio_vol[rows], covered)
    if stage.exposures.may_miss_products:
        weights[np.isnan(loads).any(axis=0)] = 0.0
    regression_batch = RegressionBatch(
        dense, codes, loads, weights, target, np.where(caps > 0, caps, 0.0), starts, stops
    )
    fits = stage.fit(int(days[0]), regression_batch)
    done, run = fits.n > 0, slice(int(days[0]), int(days[-1]) + 1)
    out.factor_returns[run, stage.order] = fits.factor_returns
    out.standard_errors[run, stage.order] = fits.standard_errors
    out.vif[run, stage.order] = fits.vif
    out.effective_names[run, stage.order] = fits.effective_names
    out.has_exposure[run, stage.order] = fits.has_exposure
    out.factor_returns[run, stage.known_order] = np.where(done[:, None], stage.known.returns[run], 0.0)
    out.has_exposure[run, stage.known_order] = done[:, None]
    out.status[number, run] = _status(fits)
    solver = np.where(fits.solved_by_svd, *map(SOLVERS.index, ("svd", "normal_equations")))
    out.solver[number, run] = np.where(done, solver, SOLVERS.index("none"))
    out.n[number, run], out.rank[number, run] = fits.n, fits.rank
    out.r2[number, run], out.condition[number, run] = fits.r2, fits.condition_number
    out.clipped[number, run] = fits.n_clipped
    if covered.max(initial=0) > 1:
        several = np.concatenate([[0], np.cumsum((covered > 1) & (fits.weight > 0))])
        out.multiday[number, run] = several[stops] - several[starts]
    for d in np.flatnonzero(~done).tolist():
        mine, day = slice(starts[d], stops[d]), run.start + d
        candidates = np.isfinite(target[mine]) & stage.counts(covered[mine])
        out.status[number, day] = STATUSES.index("no_exposures" if candidates.any() else "no_returns")
        if (candidates & np.isfinite(dense[:, mine]).all(axis=0)).any():
            results.empty.append((number, day))
    # rows of days in between, on which the exchange is closed, have NaN and no weight
    out.specific_return[rows], out.weight[number][rows] = fits.specific_return, fits.weight


def _status(fits: RegressionResults) -> NDArray[np.int8]:
    """(B,) index into STATUSES of days with a regression."""
    found = {
        "exact_fit": fits.is_exact_fit,
        "no_spread": ~fits.has_spread,
        "not_converged": ~fits.has_converged,
        "rank_deficient": fits.is_rank_deficient,
    }
    out = np.zeros(len(fits.n), np.int8)
    for name, held in found.items():
        out[held] = STATUSES.index(name)
    return out


def _refuse_empty(results: _Results) -> None:
    faults = []
    for number in sorted({number for number, _ in results.empty}):
        days = sorted(day for stage, day in results.empty if stage == number)
        where = "estimation_universe" if len(results.estimates.status) == 1 else f"stage {number + 1}"
        faults.append(
            Fault("empty_estimation_universe", where, "no asset is left to estimate on, though assets have "
                  "returns and exposures; widen its filters or upload the market caps and memberships of the "
                  "trading day before", None, len(days),
                  tuple(str(results.estimates.dates[day]) for day in days[:5]))
        )  # fmt: skip
    if faults:
        raise cannot_be_estimated(faults)
