"""Closes compared with returns, market caps and previous closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Float, Mask, RowNumbers
from openfactor.dataset.quality.percent import in_per_cent, without
from openfactor.dataset.quality.registry import Draft, check, counted, of_rows, severe_if

NONE = np.zeros(0, np.int64)
MOST_EXAMINED = 1000
"""Returns of the size of a split that are compared with caps, one by one."""
SPLITS = np.array([2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100, 3 / 2, 4 / 3, 5 / 4])


def near_split(ratio: Float, tolerance: float) -> Mask:
    """Whether prices change as in a split or a consolidation (2, 1/2, 3, 3/2, ...), give or take a day's
    move.
    """
    with np.errstate(divide="ignore"):
        size = np.abs(np.log(ratio))
    return np.asarray((np.abs(size[:, None] - np.log(SPLITS)) < np.log1p(tolerance)).any(axis=1))


@check(
    "unadjusted_split",
    looks_at="Returns near the ratio of a split, compared with the change of the market cap: since the "
    "previous price or, where caps are carried forward, from one cap to the next.",
    reports="Severe: according to the return the company halved, according to its market cap it did not. "
    "Returns between -23 % and +30 % are not considered.",
    thresholds=("split_tolerance",),
    remedy="adjust the return for the split",
    needs="price",
)
def unadjusted_split(evidence: Evidence) -> Iterator[Draft]:
    panel = evidence.dataset.panel
    rows = without(evidence.large, in_per_cent(evidence))
    rows = rows[evidence.previous[rows] >= 0]
    with np.errstate(divide="ignore"):
        size = np.log1p(panel.local_return[rows])
        rows = rows[
            (np.abs(size) > np.log(1.3)) & near_split(np.exp(size), evidence.settings.split_tolerance)
        ]
    rows = rows[[_cap_stays(evidence, row) for row in rows[:MOST_EXAMINED].tolist()]] if len(rows) else rows
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe",
            message=f"{counted(len(rows), 'return')} of the size of a split, while the cap did not change",
            values=[f"{r:+,.1%}" for r in panel.local_return[rows[:3]]],
            out_of=int(evidence.n_returns.sum()),
        )  # fmt: skip


def _cap_stays(evidence: Evidence, row: int) -> bool:
    """Whether the cap does not follow a return: from the last row before with another cap than its
    predecessor, to the first row after with a new one.
    """
    cap, returns = evidence.dataset.panel.market_cap, evidence.dataset.panel.local_return
    start = stop = int(evidence.previous[row])
    moved, old = 0.0, cap[start]
    while stop >= 0 and cap[stop] == old:  # the cap is carried forward: look for the next one
        stop = int(evidence.following[stop])
        moved += 0.0 if stop < 0 or stop == row or np.isnan(returns[stop]) else np.log1p(returns[stop])
    before = int(evidence.previous[start])
    while stop != row and before >= 0 and cap[before] == old:  # and for the day on which it was given
        moved += 0.0 if np.isnan(returns[start]) else np.log1p(returns[start])
        start, before = before, int(evidence.previous[before])
    if stop < 0 or not np.isfinite(cap[stop]) or not old > 0 or not cap[stop] > 0:
        return False
    return bool(abs(np.log(cap[stop] / old) - moved) < np.log(1.2))


@check(
    "close_against_return",
    looks_at="Return compared with the change of the close since the listing's previous price.",
    reports="A warning when more than `return_disagrees` of returns differ by more than `return_tolerance`, "
    "severe above `return_disagrees_severe`; a warning when any differs by more than 30 %. Information "
    "when closes change by the ratio of a split and returns do not: the closes are not adjusted.",
    thresholds=("return_tolerance", "return_disagrees", "return_disagrees_severe"),
    remedy="check which is right; returns of another day or listing, or in another currency, look like this",
    needs="price",
)
def close_against_return(evidence: Evidence) -> Iterator[Draft]:
    settings, closes = evidence.settings, evidence.closes
    if closes is None:
        return
    compared = _compare(evidence, closes)
    n, per_cent = compared.n, in_per_cent(evidence)
    differing, far_off, splits = (
        without(np.concatenate([NONE, *rows]), per_cent)
        for rows in (compared.differing, compared.far_off, compared.splits)
    )

    def draft(rows: RowNumbers, **fields: str) -> Draft:
        values = _both(evidence, closes, rows)
        return of_rows(evidence, rows, upload="price", out_of=n, values=values, **fields)  # type: ignore[arg-type]

    if len(differing) > settings.return_disagrees * n:
        yield draft(
            differing,
            severity=severe_if(len(differing) > settings.return_disagrees_severe * n),
            message=f"{counted(len(differing), 'return')} differ from the change of the close by more than "
            f"{settings.return_tolerance:.0%}",
        )
    elif len(far_off):
        verb = "differs" if len(far_off) == 1 else "differ"
        yield draft(
            far_off,
            severity="warning",
            message=f"{counted(len(far_off), 'return')} {verb} from the change of close by more than 30 %",
        )
    if len(splits):
        verb = "changes" if len(splits) == 1 else "change"
        yield draft(
            splits,
            severity="info",
            message=f"{counted(len(splits), 'close')} {verb} by the ratio of a split, unlike the return: "
            "closes are not adjusted",
            remedy="nothing, if returns are adjusted; do not derive returns from these closes",
        )


@dataclass
class _Compared:
    """Rows whose return differs from the change of the close, in blocks."""

    n: int = 0
    """Rows compared."""
    differing: list[RowNumbers] = field(default_factory=list)
    far_off: list[RowNumbers] = field(default_factory=list)
    """By more than 30 %."""
    splits: list[RowNumbers] = field(default_factory=list)
    """By the ratio of a split."""


def _compare(evidence: Evidence, closes: Float) -> _Compared:
    settings, returns, out = evidence.settings, evidence.dataset.panel.local_return, _Compared()
    for block, before in evidence.moves():
        with np.errstate(divide="ignore", invalid="ignore"):
            all_ratios = closes[block] / closes[before]
        all_gross = 1 + returns[block]
        known = np.isfinite(all_ratios) & np.isfinite(all_gross) & (all_ratios > 0)
        rows, ratio, gross = block[known], all_ratios[known], all_gross[known]
        out.n += len(rows)
        apart = np.flatnonzero(np.abs(gross - ratio) > settings.return_tolerance * np.maximum(1, ratio))
        rows, ratio, gross = rows[apart], ratio[apart], np.maximum(gross[apart], 1e-9)
        quiet = (np.abs(gross - 1) < 0.3) & (np.abs(np.log(gross)) < np.abs(np.log(ratio)))
        is_split = quiet & near_split(ratio / gross, settings.return_tolerance)
        is_unit = np.abs(np.log(ratio)) > np.log(settings.unit_jump)  # see price_unit
        is_far = np.abs(gross - ratio) > 0.3 * np.maximum(1, ratio)
        out.splits.append(rows[is_split & ~is_unit])
        out.differing.append(rows[~is_split])
        out.far_off.append(rows[~is_split & ~is_unit & is_far])
    return out


def _both(evidence: Evidence, closes: Float, rows: RowNumbers) -> list[str]:
    first = rows[:3]
    moved = closes[first] / closes[evidence.previous[first]] - 1
    returns = evidence.dataset.panel.local_return[first]
    return [f"return {r:+.1%}, close {c:+.1%}" for r, c in zip(returns, moved, strict=True)]


@check(
    "price_unit",
    looks_at="Closes that change by a factor of more than `unit_jump`, such as 100 between pence and pounds.",
    reports="Severe.",
    thresholds=("unit_jump",),
    remedy="give all closes of a listing in one unit",
    needs="price",
)
def price_unit(evidence: Evidence) -> Iterator[Draft]:
    closes, factor = evidence.closes, evidence.settings.unit_jump
    if closes is None:
        return
    rows, n_compared = evidence.jumps(closes, factor)
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe", out_of=n_compared,
            message=f"{counted(len(rows), 'change')} of the close by a factor of more than {factor:g}",
            values=[f"{closes[evidence.previous[r]]:,.6g} to {closes[r]:,.6g}" for r in rows[:3]],
        )  # fmt: skip
