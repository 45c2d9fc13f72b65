"""Takes new days into estimates that are there."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.calendar import trading_days
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.model.estimation.daily_regressions import estimate
from openfactor.model.estimation.estimates import BY_DATE, BY_FACTOR, Estimates, Piece, RowValues
from openfactor.settings.model import FactorRiskModelSettings

_FEWEST_KEPT = 2
"""Trading days with which there is something to take over: the first has no regression."""
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
    """What `estimate` gives, to the last bit, taking over the days of which nothing changed since `old`.

    `old` is of the same settings. Where they name uploads or known factors, whose past may have changed, or
    where the factors are others, everything is estimated again. Parameters and errors as `estimate`.
    """
    context = context or Context()
    fit = partial(estimate, settings=settings, fingerprint=fingerprint, read=read, context=context)
    if _needs_all(settings) or old.structure != dataset.dictionary_hash:
        return fit(dataset)
    calendar = trading_days(dataset.closed, settings.inline_universe.calendar.filters, len(dataset.days))
    kept = _unchanged(old, dataset, calendar)
    if kept < _FEWEST_KEPT:
        return fit(dataset)
    start = int(calendar[kept - 1])
    few = len(calendar) - kept < FEW_DAYS
    new = fit(dataset.slice_days(start, len(dataset.days)), context=context.on(1) if few else context)
    if new.pairs != old.pairs:
        return fit(dataset)
    row = int(dataset.panel.offsets[start])
    by_factor = {
        name: np.concatenate([getattr(old, name)[:kept], getattr(new, name)[1:]]) for name in BY_FACTOR
    }
    by_date = {
        name: np.concatenate([getattr(old, name)[:, :kept], getattr(new, name)[:, 1:]], axis=1)
        for name in BY_DATE
    }
    (piece,) = new.rows.pieces
    return Estimates(
        fingerprint=fingerprint,
        dates=(*old.dates[:kept], *new.dates[1:]),
        pairs=old.pairs,
        stage=old.stage,
        **by_factor,
        **by_date,
        rows=RowValues(dataset.panel.n_rows, (*old.rows.until(row), Piece(row, piece.arrays))),
        digests=dataset.content_hashes,
        structure=dataset.dictionary_hash,
    )


def days_kept(old: Estimates, dataset: RiskDataset, settings: FactorRiskModelSettings) -> int:
    """How many trading days `extend` would take over; 0 if it would estimate everything again.

    `old` is of the same settings.
    """
    if _needs_all(settings) or old.structure != dataset.dictionary_hash:
        return 0
    calendar = trading_days(dataset.closed, settings.inline_universe.calendar.filters, len(dataset.days))
    kept = _unchanged(old, dataset, calendar)
    return kept if kept >= _FEWEST_KEPT else 0


def _needs_all(settings: FactorRiskModelSettings) -> bool:
    """The past of a model can change though that of its dataset did not."""
    known = any(stage.construction.known_factor_map for stage in settings.stages)
    return known or bool(settings.get_references())


def _unchanged(old: Estimates, dataset: RiskDataset, calendar: NDArray[np.int64]) -> int:
    """How many of the first trading days are the same, with the same data up to them."""
    n = min(len(old.digests), len(dataset.content_hashes))
    changed = np.flatnonzero(old.digests[:n] != dataset.content_hashes[:n])
    same_days = int(changed[0]) if len(changed) else n
    count = 0
    for day, date in zip(calendar.tolist(), old.dates, strict=False):
        if day >= same_days or dataset.days[day] != date:
            break
        count += 1
    return count
