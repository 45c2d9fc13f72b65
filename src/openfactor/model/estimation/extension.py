"""Adds new days to estimates."""

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
    if new.pairs != old.pairs:
        return fit(dataset)
    return _joined(old, kept, new, dataset, start)


def days_kept(old: Estimates, dataset: RiskDataset, settings: FactorRiskModelSettings) -> int:
    """Number of trading days that `extend` keeps; 0 if it estimates everything again.

    Parameters
    ----------
    old
        Of the same settings.
    """
    if _needs_all(settings) or old.dictionary_hash != dataset.dictionary_hash:
        return 0
    calendar = trading_days(dataset.closed, settings.inline_universe.calendar.filters, len(dataset.days))
    kept = _unchanged(old, dataset, calendar)
    return kept if kept >= _FEWEST_KEPT else 0


def _joined(old: Estimates, kept: int, new: Estimates, dataset: RiskDataset, start: int) -> Estimates:
    """The first `kept` trading days of `old`, and `new` without its first day, the stored day `start`."""
    by_factor = {
        name: np.concatenate([getattr(old, name)[:kept], getattr(new, name)[1:]]) for name in BY_FACTOR
    }
    by_date = {
        name: np.concatenate([getattr(old, name)[:, :kept], getattr(new, name)[:, 1:]], axis=1)
        for name in BY_DATE
    }
    (piece,), row = new.rows.pieces, int(dataset.panel.offsets[start])
    return Estimates(
        fingerprint=new.fingerprint,
        dates=(*old.dates[:kept], *new.dates[1:]),
        pairs=old.pairs,
        stage=old.stage,
        **by_factor,
        **by_date,
        rows=RowValues(dataset.panel.n_rows, (*old.rows.until(row), Piece(row, piece.arrays))),
        content_hashes=dataset.content_hashes,
        dictionary_hash=dataset.dictionary_hash,
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
