"""Closes against returns, against caps and against the closes before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Float, Mask, RowNumbers
from openfactor.dataset.quality.percent import in_per_cent, without
from openfactor.dataset.quality.registry import Draft, check, of_rows

NONE = np.zeros(0, np.int64)
LOOKED_AT = 1000
"""Returns of the size of a split that are held against caps, one by one."""
SPLITS = np.array([2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100, 3 / 2, 4 / 3, 5 / 4])


def near_split(ratio: Float, tolerance: float) -> Mask:
    """Whether prices change as they do in a split or a consolidation: by 2, 1/2, 3, 3/2, ..., up to the move
    of a day."""
    with np.errstate(divide="ignore"):
        size = np.abs(np.log(ratio))
    return np.asarray((np.abs(size[:, None] - np.log(SPLITS)) < np.log1p(tolerance)).any(axis=1))


def _ratios(evidence: Evidence) -> Iterator[tuple[RowNumbers, Float, Float]]:
    """Rows, close over the close before, and 1 + return; where all are known."""
    closes, returns = evidence.closes, evidence.dataset.panel.local_return
    if closes is None:
        return
    for rows, before in evidence.moves():
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = closes[rows] / closes[before]
        gross = 1 + returns[rows]
        known = np.isfinite(ratio) & np.isfinite(gross) & (ratio > 0)
        yield rows[known], ratio[known], gross[known]


@check(
    "unadjusted_split",
    looks_at="Returns near the ratio of a split, against the change of the market cap: since the price "
    "before or, where caps are carried, from one cap to the next.",
    reports="Severe: the return says that the company halved, its market cap says that it did not. "
    "Returns between -23 % and +30 % are no evidence.",
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
    rows = rows[[_cap_stays(evidence, row) for row in rows[:LOOKED_AT].tolist()]] if len(rows) else rows
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe",
            message=f"{len(rows):,} return{'s' * (len(rows) > 1)} of the size of a split, while the "
            "market cap stayed",
            values=[f"{r:+,.1%}" for r in panel.local_return[rows[:3]]],
            out_of=int(evidence.n_returns.sum()),
        )  # fmt: skip


def _cap_stays(evidence: Evidence, row: int) -> bool:
    """Whether the cap does not follow a return: from the last row before with another cap than the one
    before it, to the first row after with a new one."""
    cap, returns = evidence.dataset.panel.market_cap, evidence.dataset.panel.local_return
    start = stop = int(evidence.previous[row])
    moved, old = 0.0, cap[start]
    while stop >= 0 and cap[stop] == old:  # the cap is carried on: look for the next one
        stop = int(evidence.following[stop])
        moved += 0.0 if stop < 0 or stop == row or np.isnan(returns[stop]) else np.log1p(returns[stop])
    before = int(evidence.previous[start])
    while stop != row and before >= 0 and cap[before] == old:  # and for the day that it is of
        moved += 0.0 if np.isnan(returns[start]) else np.log1p(returns[start])
        start, before = before, int(evidence.previous[before])
    if stop < 0 or not np.isfinite(cap[stop]) or not old > 0 or not cap[stop] > 0:
        return False
    return bool(abs(np.log(cap[stop] / old) - moved) < np.log(1.2))


@check(
    "close_against_return",
    looks_at="Return against the change of the close since the listing's price before.",
    reports="A warning when more than `return_disagrees` of returns differ by more than `return_tolerance`, "
    "severe above `return_disagrees_severe`; a warning when any differ by more than 30 %. Information "
    "when closes change by the ratio of a split and returns do not: closes that are not adjusted.",
    thresholds=("return_tolerance", "return_disagrees", "return_disagrees_severe"),
    remedy="see which is right; returns of another day, another name, or in another currency look like this",
    needs="price",
)
def close_against_return(evidence: Evidence) -> Iterator[Draft]:
    settings, closes = evidence.settings, evidence.closes
    if closes is None:
        return
    n, small, large, splits = 0, [], [], []
    for rows, ratio, gross in _ratios(evidence):
        n += len(rows)
        apart = np.flatnonzero(np.abs(gross - ratio) > settings.return_tolerance * np.maximum(1, ratio))
        rows, ratio, gross = rows[apart], ratio[apart], np.maximum(gross[apart], 1e-9)
        quiet = (np.abs(gross - 1) < 0.3) & (np.abs(np.log(gross)) < np.abs(np.log(ratio)))
        adjusted = quiet & near_split(ratio / gross, settings.return_tolerance)
        unit = np.abs(np.log(ratio)) > np.log(settings.unit_jump)  # see price_unit
        splits.append(rows[adjusted & ~unit])
        small.append(rows[~adjusted])
        far = np.abs(gross - ratio) > 0.3 * np.maximum(1, ratio)
        large.append(rows[~adjusted & ~unit & far])
    known = in_per_cent(evidence)
    some, far_off, split = (without(np.concatenate([NONE, *part]), known) for part in (small, large, splits))
    given: dict[str, Any] = {"upload": "price", "out_of": n}
    if len(some) > settings.return_disagrees * n:
        yield of_rows(
            evidence, some, values=_both(evidence, closes, some), **given,
            severity="severe" if len(some) > settings.return_disagrees_severe * n else "warning",
            message=f"{len(some):,} returns and changes of close differ by more than "
            f"{settings.return_tolerance:.0%}",
        )  # fmt: skip
    elif len(far_off):
        yield of_rows(
            evidence, far_off, severity="warning", values=_both(evidence, closes, far_off), **given,
            message=f"{len(far_off):,} return{'s' * (len(far_off) > 1)} and changes of close differ by more "
            "than 30 %",
        )  # fmt: skip
    if len(split):
        yield of_rows(
            evidence, split, severity="info", values=_both(evidence, closes, split), **given,
            message=f"{len(split):,} close{'s' * (len(split) > 1)} change by the ratio of a split, while the "
            "return does not: closes are not adjusted",
            remedy="nothing, where returns are adjusted; do not derive returns from these closes",
        )  # fmt: skip


def _both(evidence: Evidence, closes: Float, rows: RowNumbers) -> list[str]:
    shown = rows[:3]
    moved = closes[shown] / closes[evidence.previous[shown]] - 1
    returns = evidence.dataset.panel.local_return[shown]
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
    closes, found, n = evidence.closes, [], 0
    if closes is None:
        return
    limit = evidence.settings.unit_jump
    for rows, before in evidence.moves():
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = closes[rows] / closes[before]
        n += int(np.isfinite(ratio).sum())
        found.append(rows[(ratio > limit) | (ratio < 1 / limit)])
    rows = np.concatenate([np.zeros(0, np.int64), *found])
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe", out_of=n,
            message=f"{len(rows):,} close{'s' * (len(rows) > 1)} change by a factor of more than "
            f"{evidence.settings.unit_jump:g}",
            values=[f"{closes[evidence.previous[r]]:,.6g} to {closes[r]:,.6g}" for r in rows[:3]],
        )  # fmt: skip
