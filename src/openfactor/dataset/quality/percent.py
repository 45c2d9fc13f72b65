"""Returns in per cent where fractions are meant: on days, of names, of some names on some days."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Mask, RowNumbers
from openfactor.dataset.quality.registry import Draft, check, of_rows

MOST_OF = 2 / 3
"""Share of a name's returns in a window that are large, when they are per cent."""
SOME_NAMES, AT_LEAST = 0.1, 5
"""Names with large returns, beside a quiet market, that make a day suspect."""


@check(
    "returns_unit",
    looks_at="Median absolute return of each day; absolute returns of each name that exceed "
    "`typical_return`, in any `median_days` returns in a row; names with such returns on days on which a "
    "quarter of the names stay below an eighth of it. Weekly and monthly returns may be "
    "larger by the root of their days.",
    reports="Severe for days whose typical return exceeds `typical_return`, for names of whose returns two "
    "thirds in a row do, and for days on which a tenth of the names do: per cent instead of fractions. A "
    "warning when more than half of the returns of every day are below 0.00002.",
    thresholds=("typical_return", "fewest_names", "median_days"),
    remedy="give returns as fractions: 0.01 for 1 %",
    needs="price",
)
def returns_unit(evidence: Evidence) -> Iterator[Draft]:
    panel, n = evidence.dataset.panel, evidence.n_returns
    compared = n >= evidence.settings.fewest_names
    days = _days(evidence)
    if len(days):
        yield {
            "upload": "price",
            "severity": "severe",
            "message": f"returns look like per cent on {len(days):,} of {compared.sum():,} days: their "
            f"median absolute return is {np.median([_size(evidence, d, 0.5) for d in days[:50]]):.2g}",
            "count": len(days),
            "share": float(len(days) / compared.sum()),
            "cap_share": 1.0,
            "first_date": evidence.dataset.days[days[0]],
            "last_date": evidence.dataset.days[days[-1]],
            "newest": bool(days[-1] >= evidence.newest),
        }
    else:
        yield from _tiny(evidence, compared)
    for rows, where in ((_of_names(evidence), "names"), (_of_some_names(evidence), "days")):
        if len(rows):
            names, dates = len(np.unique(panel.listing[rows])), len(np.unique(evidence.day[rows]))
            which = f"{names:,} name{'s' * (names > 1)} on {dates:,} day{'s' * (dates > 1)}"
            yield of_rows(
                evidence, rows, upload="price", out_of=int(n.sum()), severity="severe",
                message=f"{len(rows):,} returns of {which} look like per cent: they exceed "
                f"{evidence.typical_return:.2g}"
                + (", while most others are small" if where == "days" else " most of the time"),
                values=[f"{r:+.4g}" for r in panel.local_return[rows[:3]]],
            )  # fmt: skip


def in_per_cent(evidence: Evidence) -> RowNumbers:
    """Rows that `returns_unit` reports, sorted; what else is strange about them follows from it."""
    mine = evidence.large[np.isin(evidence.day[evidence.large], _days(evidence))]
    return np.unique(np.concatenate([mine, _of_names(evidence), _of_some_names(evidence)]))


def without(rows: RowNumbers, others: RowNumbers) -> RowNumbers:
    """The rows that are not among the others."""
    return rows[~np.isin(rows, others)] if len(others) else rows


def _large(evidence: Evidence) -> RowNumbers:
    rows = evidence.large
    return rows[np.abs(evidence.dataset.panel.local_return[rows]) > evidence.typical_return]


def _counts(evidence: Evidence, rows: RowNumbers) -> np.ndarray:
    return np.bincount(evidence.day[rows], minlength=len(evidence.days))


def _above_median(evidence: Evidence, rows: RowNumbers) -> np.ndarray:
    """Days of which more than half of the returns are among the rows."""
    n = evidence.n_returns
    return np.flatnonzero((n >= evidence.settings.fewest_names) & (2 * _counts(evidence, rows) > n))


def _everywhere(evidence: Evidence) -> bool:
    """Whether most days have a median above the limit."""
    compared = evidence.n_returns >= evidence.settings.fewest_names
    return 2 * len(_above_median(evidence, _large(evidence))) > int(compared.sum())


def _days(evidence: Evidence) -> np.ndarray:
    """Days with a median above the limit, not for the sake of a few names."""
    return _above_median(evidence, without(_large(evidence), _of_names(evidence)))


def _of_names(evidence: Evidence) -> RowNumbers:
    """Large returns of names that have many in a row, where not all names do."""
    panel, window = evidence.dataset.panel, evidence.settings.median_days
    rows = _large(evidence)
    if _everywhere(evidence):
        return rows[:0]
    often = np.bincount(panel.listing[rows], minlength=len(evidence.names)) >= MOST_OF * window
    if not often.any():
        return rows[:0]
    has = np.flatnonzero(often[panel.listing] & np.isfinite(panel.local_return))
    has = has[np.argsort(panel.listing[has], kind="stable")]
    is_large = np.isin(has, rows)
    before = np.concatenate([[0], np.cumsum(is_large)])
    first = np.arange(len(has) - window + 1)
    whole = panel.listing[has[first]] == panel.listing[has[first + window - 1]]
    bad = first[whole & (before[first + window] - before[first] >= MOST_OF * window)]
    marks = np.zeros(len(has) + 1, np.int64)
    np.add.at(marks, bad, 1)
    np.add.at(marks, bad + window, -1)
    return np.sort(has[(np.cumsum(marks)[:-1] > 0) & is_large])


def _of_some_names(evidence: Evidence) -> RowNumbers:
    """Large returns on days on which many names have one while a quarter of the market is quiet."""
    n = evidence.n_returns
    rows = without(_large(evidence), _of_names(evidence))
    rows = rows[~np.isin(evidence.day[rows], _days(evidence))]
    count = _counts(evidence, rows)
    days = np.flatnonzero(
        (count >= np.maximum(SOME_NAMES * n, AT_LEAST)) & (n >= evidence.settings.fewest_names)
    )
    quiet = [d for d in days.tolist() if _size(evidence, d, 0.25) <= evidence.typical_return / 8]
    return rows[np.isin(evidence.day[rows], quiet)]


def _size(evidence: Evidence, day: int, quantile: float) -> float:
    """Quantile of a day's absolute returns."""
    panel = evidence.dataset.panel
    return float(np.nanquantile(np.abs(panel.local_return[panel.rows_of(day)]), quantile))


def _tiny(evidence: Evidence, compared: Mask) -> Iterator[Draft]:
    returns = evidence.dataset.panel.local_return
    small = evidence.per_day((returns < 2e-5) & (returns > -2e-5))
    if compared.any() and (2 * small > evidence.n_returns)[compared].all() and np.nanmax(np.abs(returns)) > 0:
        yield {
            "upload": "price",
            "severity": "warning",
            "message": "more than half of the returns of every day are below 0.00002",
            "count": int(compared.sum()),
            "cap_share": 1.0,
        }
