"""Returns in per cent instead of fractions: on days, of listings, of some listings on some days."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Mask, RowNumbers
from openfactor.dataset.quality.registry import Draft, check, counted, of_days, of_rows

LARGE_SHARE = 2 / 3
"""Share of a listing's returns in a window that are large if they are per cent."""
FEWEST_SHARE, FEWEST = 0.1, 5
"""Listings with large returns, on a day on which others are quiet, that make the day suspect."""


@check(
    "returns_unit",
    looks_at="Median absolute return of each day; absolute returns of each listing that exceed "
    "`typical_return` in any `median_days` consecutive returns; listings with such returns on days on "
    "which a quarter of the listings stay below an eighth of it. For weekly and monthly returns, the limit "
    "is larger by the square root of their days.",
    reports="Severe for days whose median absolute return exceeds `typical_return`, for listings in "
    "which two thirds of consecutive returns do, and for days on which a tenth of the listings do: per cent "
    "instead of fractions. A warning when more than half of the returns of every day are below 0.00002.",
    thresholds=("typical_return", "fewest_names", "median_days"),
    remedy="give returns as fractions: 0.01 for 1 %",
    needs="price",
)
def returns_unit(evidence: Evidence) -> Iterator[Draft]:
    n_compared = int((evidence.n_returns >= evidence.settings.fewest_names).sum())
    days = _days(evidence)
    if len(days):
        median = np.median([_size(evidence, d, 0.5) for d in days[:50]])
        yield of_days(
            evidence, days, upload="price", severity="severe", out_of=n_compared, cap_share=1.0,
            message=f"returns look like per cent on {len(days):,} of {counted(n_compared, 'day')}: their "
            f"median absolute return is {median:.2g}",
        )  # fmt: skip
    else:
        yield from _tiny(evidence)
    yield from _large_returns(evidence, _of_listings(evidence), "most of the time")
    yield from _large_returns(evidence, _of_some_listings(evidence), "while most other returns are small")


def _large_returns(evidence: Evidence, rows: RowNumbers, when: str) -> Iterator[Draft]:
    if len(rows):
        panel = evidence.dataset.panel
        n_listings, n_days = len(np.unique(panel.listing[rows])), len(np.unique(evidence.day[rows]))
        yield of_rows(
            evidence, rows, upload="price", out_of=int(evidence.n_returns.sum()), severity="severe",
            message=f"{counted(len(rows), 'return')} of {counted(n_listings, 'listing')} on "
            f"{counted(n_days, 'day')} look like per cent: they exceed {evidence.typical_return:.2g} {when}",
            values=[f"{r:+.4g}" for r in panel.local_return[rows[:3]]],
        )  # fmt: skip


def in_per_cent(evidence: Evidence) -> RowNumbers:
    """Rows that `returns_unit` reports, sorted: other oddities of theirs follow from the unit."""
    on_days = evidence.large[np.isin(evidence.day[evidence.large], _days(evidence))]
    return np.unique(np.concatenate([on_days, _of_listings(evidence), _of_some_listings(evidence)]))


def without(rows: RowNumbers, others: RowNumbers) -> RowNumbers:
    """The rows that are not in the others."""
    return rows[~np.isin(rows, others)] if len(others) else rows


def _large(evidence: Evidence) -> RowNumbers:
    rows = evidence.large
    return rows[np.abs(evidence.dataset.panel.local_return[rows]) > evidence.typical_return]


def _counts(evidence: Evidence, rows: RowNumbers) -> np.ndarray:
    return np.bincount(evidence.day[rows], minlength=len(evidence.days))


def _above_median(evidence: Evidence, rows: RowNumbers) -> np.ndarray:
    """Days on which more than half of the returns are in the rows."""
    n = evidence.n_returns
    return np.flatnonzero((n >= evidence.settings.fewest_names) & (2 * _counts(evidence, rows) > n))


def _everywhere(evidence: Evidence) -> bool:
    """Whether most days have a median absolute return above the limit."""
    compared = evidence.n_returns >= evidence.settings.fewest_names
    return 2 * len(_above_median(evidence, _large(evidence))) > int(compared.sum())


def _days(evidence: Evidence) -> np.ndarray:
    """Days with a median absolute return above the limit, which single listings do not explain."""
    return _above_median(evidence, without(_large(evidence), _of_listings(evidence)))


def _of_listings(evidence: Evidence) -> RowNumbers:
    """Large returns of listings that have many in a row, unless most listings do."""
    panel, window = evidence.dataset.panel, evidence.settings.median_days
    rows = _large(evidence)
    if _everywhere(evidence):
        return rows[:0]
    often = np.bincount(panel.listing[rows], minlength=len(evidence.listing_ids)) >= LARGE_SHARE * window
    if not often.any():
        return rows[:0]
    has = np.flatnonzero(often[panel.listing] & np.isfinite(panel.local_return))
    has = has[np.argsort(panel.listing[has], kind="stable")]
    is_large = np.isin(has, rows)
    before = np.concatenate([[0], np.cumsum(is_large)])
    first = np.arange(len(has) - window + 1)
    whole = panel.listing[has[first]] == panel.listing[has[first + window - 1]]
    bad = first[whole & (before[first + window] - before[first] >= LARGE_SHARE * window)]
    marks = np.zeros(len(has) + 1, np.int64)
    np.add.at(marks, bad, 1)
    np.add.at(marks, bad + window, -1)
    return np.sort(has[(np.cumsum(marks)[:-1] > 0) & is_large])


def _of_some_listings(evidence: Evidence) -> RowNumbers:
    """Large returns on days on which many listings have one while a quarter of the market is quiet."""
    n = evidence.n_returns
    rows = without(_large(evidence), _of_listings(evidence))
    rows = rows[~np.isin(evidence.day[rows], _days(evidence))]
    count = _counts(evidence, rows)
    days = np.flatnonzero(
        (count >= np.maximum(FEWEST_SHARE * n, FEWEST)) & (n >= evidence.settings.fewest_names)
    )
    quiet = [d for d in days.tolist() if _size(evidence, d, 0.25) <= evidence.typical_return / 8]
    return rows[np.isin(evidence.day[rows], quiet)]


def _size(evidence: Evidence, day: int, quantile: float) -> float:
    """Quantile of a day's absolute returns."""
    panel = evidence.dataset.panel
    return float(np.nanquantile(np.abs(panel.local_return[panel.rows_of(day)]), quantile))


def _tiny(evidence: Evidence) -> Iterator[Draft]:
    returns = evidence.dataset.panel.local_return
    compared: Mask = evidence.n_returns >= evidence.settings.fewest_names
    small = evidence.per_day((returns < 2e-5) & (returns > -2e-5))
    if compared.any() and (2 * small > evidence.n_returns)[compared].all() and np.nanmax(np.abs(returns)) > 0:
        yield {
            "upload": "price",
            "severity": "warning",
            "message": "more than half of the returns of every day are below 0.00002",
            "count": int(compared.sum()),
            "cap_share": 1.0,
        }
