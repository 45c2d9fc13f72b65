"""Runs the regression of every trading day."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.panel import RiskDataset
from openfactor.dataset.reading import Read, no_uploads
from openfactor.dataset.timing import PARTS, Timeline, rows_before, timeline
from openfactor.errors import DataError, Fault
from openfactor.exposures import CrossSection, Exposures, companies, members, resolve
from openfactor.model.estimation.estimates import SOLVERS, STATUSES, Estimates
from openfactor.numerics.cross_section import CAP_WEIGHTED, EQUAL, NONE, Design, fit_day
from openfactor.numerics.weighting import regression_weights
from openfactor.settings.model import FactorRiskModelSettings, ModelConstructionSettings

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
_KINDS = {"none": NONE, "equal_weights": EQUAL, "mcap_weighted": CAP_WEIGHTED}


@dataclass(frozen=True)
class _Job:
    """What the days of one estimation share."""

    dataset: RiskDataset
    construction: ModelConstructionSettings
    exposures: Exposures
    design: Design
    order: NDArray[np.int64]
    """Columns of the design in the order of the results."""
    time: Timeline
    universe: Mask
    estimation: Mask


def estimate(
    dataset: RiskDataset,
    settings: FactorRiskModelSettings,
    fingerprint: str,
    *,
    read: Read = no_uploads,
    threads: int | None = None,
    progress: Callable[[int], None] = lambda days: None,
) -> Estimates:
    """Factor and specific returns of every trading day.

    Settings are taken as valid on the dataset. `read` gives the uploads that they name, `progress` is called
    with the number of days done since it was last called, `threads` defaults to the number of processors.

    Raises
    ------
    DataError: names with returns and exposures, but an empty estimation universe; names the days.
    """
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        job = _prepare(dataset, settings, read, pool, threads)
        results = _empty(job, fingerprint)
        parts = np.array_split(np.arange(1, len(job.time.dates)), PARTS)
        for done, empty_days in pool.map(lambda days: _run(job, results, days), parts):
            progress(done)
            results.empty_days.extend(empty_days)
    if results.empty_days:
        dates = [str(job.time.dates[i]) for i in sorted(results.empty_days)]
        raise DataError(
            "the model cannot be estimated, 1 fault:",
            [
                Fault("empty_estimation_universe", "estimation_universe", "no asset is left to estimate on, "
                      "though assets have returns and exposures; widen its filters or upload the market "
                      "caps and memberships of the trading day before", None, len(dates), tuple(dates[:5]))
            ],
        )  # fmt: skip
    return results.estimates


def _prepare(
    dataset: RiskDataset,
    settings: FactorRiskModelSettings,
    read: Read,
    pool: ThreadPoolExecutor,
    threads: int | None,
) -> _Job:
    construction, chosen = settings.inline_construction, settings.inline_universe
    universe, estimation = sets_of(dataset, settings, read)
    exposures = columns_of(dataset, settings, universe, estimation, read, threads)
    pairs = exposures.pairs
    runs = exposures.constrained
    thresholds = settings.min_names
    shrunk = [np.full(len(b.factors), thresholds.get(b.group, 0.0)) for b in exposures.blocks]
    min_names = np.concatenate([np.zeros(exposures.n_dense), *shrunk])
    lower, upper = construction.return_clip_bounds
    design = Design(
        n_dense=exposures.n_dense,
        group_first=np.array([first for _, first, _ in runs], np.int64),
        group_last=np.array([last for _, _, last in runs], np.int64),
        zero_sum=np.array(
            [_KINDS[construction.zero_sum_constraints.get(b.group, "none")] for b, _, _ in runs], np.int64
        ),
        min_names=min_names,
        diagonal=exposures.diagonal,
        clip=(-np.inf if lower is None else lower, np.inf if upper is None else upper),
    )
    currency = construction.currency if construction.fx_convert_returns else None
    return _Job(
        dataset=dataset,
        construction=construction,
        exposures=exposures,
        design=design,
        order=np.array(sorted(range(len(pairs)), key=lambda k: pairs[k]), np.int64),
        time=timeline(dataset, chosen.calendar, currency, pool),
        universe=universe,
        estimation=estimation,
    )


def columns_of(
    dataset: RiskDataset,
    settings: FactorRiskModelSettings,
    universe: Mask,
    estimation: Mask,
    read: Read,
    threads: int | None = None,
) -> Exposures:
    """The columns of the model; universe, estimation : as `sets_of`."""
    reference = CrossSection(companies(dataset, universe), estimation)
    return resolve(dataset, settings.inline_exposures, settings.inline_universe, reference, read, threads)


def sets_of(dataset: RiskDataset, settings: FactorRiskModelSettings, read: Read) -> tuple[Mask, Mask]:
    """(rows,) the model's universe, and those of it whose returns are estimated on."""
    universe = members(dataset, settings.inline_universe, read)
    estimation = universe & dataset.panel.main
    estimated_on = settings.inline_construction.estimated_on
    if estimated_on is not None:
        estimation = estimation & members(dataset, estimated_on, read)
    return universe, estimation


@dataclass(frozen=True)
class _Results:
    estimates: Estimates
    empty_days: list[int]


def _empty(job: _Job, fingerprint: str) -> _Results:
    t, k, rows = len(job.time.dates), len(job.order), job.dataset.panel.n_rows
    pairs = job.exposures.pairs
    if not job.universe.all():
        job.time.forward_return[~job.universe] = np.nan
    specific = np.zeros(rows)  # touched first by the threads that fill it
    for d in np.setdiff1d(np.arange(len(job.dataset.days)), job.time.days[:-1]):
        specific[job.dataset.panel.rows_of(int(d))] = np.nan
    status = np.zeros(t, np.int8)
    status[:1] = STATUSES.index("first_day")
    return _Results(
        Estimates(
            fingerprint=fingerprint,
            dates=job.time.dates,
            pairs=tuple(pairs[i] for i in job.order),
            factor_returns=np.zeros((t, k)),
            standard_errors=np.full((t, k), np.nan),
            effective_names=np.full((t, k), np.nan),
            exposed=np.zeros((t, k), np.bool_),
            status=status,
            solver=np.zeros(t, np.int8),
            n=np.zeros(t, np.int64),
            rank=np.zeros(t, np.int64),
            r2=np.full(t, np.nan),
            condition=np.full(t, np.nan),
            asset_return=job.time.forward_return,
            specific_return=specific,
            weight=np.zeros(rows),
        ),
        [],
    )


def _run(job: _Job, results: _Results, days: NDArray[np.int64]) -> tuple[int, list[int]]:
    """Regress a run of days; the number of days and those whose estimation universe was empty."""
    panel, out = job.dataset.panel, results.estimates
    widest = int(np.diff(panel.offsets).max(initial=0))
    buffer = np.empty(job.exposures.n_dense * widest)
    empty: list[int] = []
    for i in days:
        rows = rows_before(panel, job.time.days, i)
        returns = job.time.forward_return[rows]
        dense, codes, loads = job.exposures.at(rows, buffer)
        caps = panel.cap[rows]
        weights = regression_weights(job.construction.weights, caps, panel.idio_vol[rows])
        weights *= job.estimation[rows]
        if job.exposures.may_miss_products:
            weights[np.isnan(loads).any(axis=0)] = 0.0
        fit = fit_day(job.design, dense, codes, loads, weights, returns, caps)
        if fit is None:
            candidates = np.isfinite(returns)
            complete = candidates & np.isfinite(dense).all(axis=0)
            out.status[i] = STATUSES.index("no_exposures" if candidates.any() else "no_returns")
            out.specific_return[rows] = np.nan
            if complete.any():
                empty.append(int(i))
            continue
        out.factor_returns[i] = fit.factor_returns[job.order]
        out.standard_errors[i] = fit.standard_errors[job.order]
        out.effective_names[i] = fit.effective_names[job.order]
        out.exposed[i] = fit.active[job.order]
        out.status[i] = STATUSES.index("rank_deficient" if fit.rank_deficient else "ok")
        out.solver[i] = SOLVERS.index("svd" if fit.orthogonal else "normal_equations")
        out.n[i], out.rank[i], out.r2[i], out.condition[i] = fit.n, fit.rank, fit.r2, fit.condition
        out.specific_return[rows] = fit.specific
        out.weight[rows] = fit.omega
    return len(days), empty
