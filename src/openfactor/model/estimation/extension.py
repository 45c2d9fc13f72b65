"""Adds new days to estimates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.calendar import trading_days
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.model.estimation.daily_regressions import estimate
from openfactor.model.estimation.estimates import Estimates, EstimatesRun
from openfactor.settings.model import FactorRiskModelSettings

_FEWEST_KEPT = 2
"""Trading days from which estimates are worth keeping: the first has no regression."""
FEW_DAYS = 32
"""New days for which other threads are not worth starting."""


def extend(
    old: Estimates,
    dataset: RiskDataset,
    settings: FactorRiskModelSettings,
    fingerprint: str,
    *,
    read: UploadReader = no_uploads,
    context: Context | None = None,
) -> Estimates:
    """The result of `estimate`, to the last bit, keeping the days on which nothing changed since `old`.

    Where the settings name uploads or known factors, whose past may have changed, or where the factors are
    others, everything is estimated again.

    Parameters
    ----------
    old
        Of the same settings.
    dataset, settings, fingerprint, read, context
        As for `estimate`, which also says what is raised.
    """
    context = context or Context()
    fit = partial(estimate, settings=settings, fingerprint=fingerprint, read=read, context=context)
    kept = days_kept(old, dataset, settings)
    if not kept:
        return fit(dataset)
    calendar = trading_days(dataset.closed, settings.inline_universe.calendar.filters, len(dataset.days))
    start = int(calendar[kept - 1])
    is_short = len(calendar) - kept < FEW_DAYS
    new = fit(dataset.slice_days(start, len(dataset.days)), context=context.on(1) if is_short else context)
    if not _has_factors(new, old):
        return fit(dataset)
    return replace(new, runs=tuple(_joined(old, kept, new, dataset, start)))


def days_kept(old: Estimates, dataset: RiskDataset, settings: FactorRiskModelSettings) -> int:
    """Number of trading days that `extend` keeps; 0 if it estimates everything again.

    Parameters
    ----------
    old
        Of the same settings.
    """
    if _needs_all(settings) or not dataset.dictionary.extends(old.dictionary):
        return 0
    calendar = trading_days(dataset.closed, settings.inline_universe.calendar.filters, len(dataset.days))
    kept = _unchanged(old, dataset, calendar)
    if kept < _FEWEST_KEPT:
        return 0
    at = _run_of(int(calendar[kept - 1]), dataset)
    has_same_runs = [run.n_days for run in old.runs[:at]] == [run.n_days for run in dataset.panel.runs[:at]]
    return kept if has_same_runs else 0


def _run_of(day: int, dataset: RiskDataset) -> int:
    """The run of a stored day."""
    return int(np.searchsorted(dataset.panel.first_days, day, side="right")) - 1


def _has_factors(new: Estimates, old: Estimates) -> bool:
    """Whether the new estimates have all factors of the old ones, in the same stages."""
    stages = dict(zip(new.pairs, new.stage.tolist(), strict=True))
    return all(stages.get(pair) == stage for pair, stage in zip(old.pairs, old.stage.tolist(), strict=True))


def _joined(
    old: Estimates, kept: int, new: Estimates, dataset: RiskDataset, start: int
) -> Iterator[EstimatesRun]:
    """The runs of the first `kept` trading days of `old`, and those of `new` without its first day, the
    stored day `start`. Old runs that end before it are the same objects.
    """
    panel, at = dataset.panel, _run_of(start, dataset)
    yield from old.runs[:at]
    before, after = old.runs[at], new.runs[0]
    first_date = sum(len(run.dates) for run in old.runs[:at])
    day, row = start - int(panel.first_days[at]), int(panel.offsets[start] - panel.starts[at])
    yield _one_run(
        before.slice(slice(day), slice(kept - first_date), slice(row)),
        after.slice(slice(None), slice(1, None), slice(None)),
    )
    yield from new.runs[1:]


def _one_run(before: EstimatesRun, after: EstimatesRun) -> EstimatesRun:
    """The run of which these are the beginning and the rest, which has all factors of the beginning."""
    return EstimatesRun(
        pairs=after.pairs,
        dates=(*before.dates, *after.dates),
        by_factor={
            name: np.concatenate([before.of_factor(name, after.pairs), values])
            for name, values in after.by_factor.items()
        },
        by_date={
            name: np.concatenate([before.by_date[name], values], axis=1)
            for name, values in after.by_date.items()
        },
        by_row=tuple(np.concatenate(parts) for parts in zip(before.by_row, after.by_row, strict=True)),
        content_hashes=np.concatenate([before.content_hashes, after.content_hashes]),
    )


def _needs_all(settings: FactorRiskModelSettings) -> bool:
    """The past of the model can change although that of its dataset did not."""
    has_known_factors = any(stage.construction.known_factor_map for stage in settings.stages)
    return has_known_factors or bool(settings.get_references())


def _unchanged(old: Estimates, dataset: RiskDataset, calendar: NDArray[np.int64]) -> int:
    """Number of trading days from the first on that are the same, with the same data up to them."""
    n = min(len(old.content_hashes), len(dataset.content_hashes))
    changed = np.flatnonzero(old.content_hashes[:n] != dataset.content_hashes[:n])
    first_changed = int(changed[0]) if len(changed) else n
    count = 0
    for day, date in zip(calendar.tolist(), old.dates, strict=False):
        if day >= first_changed or dataset.days[day] != date:
            break
        count += 1
    return count
