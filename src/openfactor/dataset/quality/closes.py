"""Closes against returns, against caps and against the closes before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Float, Mask, Rows
from openfactor.dataset.quality.registry import Draft, check, of_rows

SPLITS = np.array([2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100, 3 / 2, 4 / 3, 5 / 4])


def near_split(ratio: Float, tolerance: float) -> Mask:
    """Whether prices change as they do in a split or a consolidation: by 2, 1/2, 3, 3/2, ..., up to the move
    of a day."""
    with np.errstate(divide="ignore"):
        size = np.abs(np.log(ratio))
    return np.asarray((np.abs(size[:, None] - np.log(SPLITS)) < np.log1p(tolerance)).any(axis=1))


def _ratios(evidence: Evidence) -> Iterator[tuple[Rows, Rows, Float, Float]]:
    """Rows, rows before, close over the close before, and 1 + return; where all are known."""
    closes, returns = evidence.closes, evidence.dataset.panel.local_return
    if closes is None:
        return
    for rows, before in evidence.moves():
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = closes[rows] / closes[before]
        gross = 1 + returns[rows]
        known = np.isfinite(ratio) & np.isfinite(gross) & (ratio > 0)
        yield rows[known], before[known], ratio[known], gross[known]


@check(
    "unadjusted_split",
    looks_at="Returns near the ratio of a split whose market cap moves by less than a fifth, or by the "
    "opposite move of the number of shares.",
    reports="Severe: the return says that the company halved, its market cap says that it did not. "
    "Returns of less than 30 % are no evidence.",
    thresholds=("split_tolerance",),
    remedy="adjust the return for the split",
    needs="price",
)
def unadjusted_split(evidence: Evidence) -> Iterator[Draft]:
    panel = evidence.dataset.panel
    found = []
    for rows, before in evidence.moves():
        gross = 1 + panel.local_return[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            cap = np.abs(np.log(panel.cap[rows] / panel.cap[before]))
            bad = (np.abs(np.log(gross)) > np.log(1.3)) & (cap < np.log(1.2))
            fresh = panel.cap[rows] != panel.cap[before]  # a cap that is carried on is no evidence
        at = np.flatnonzero(bad & fresh)
        found.append(rows[at[near_split(gross[at], evidence.settings.split_tolerance)]])
    rows = np.concatenate([np.zeros(0, np.int64), *found])
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe",
            message=f"{len(rows):,} return{'s' * (len(rows) > 1)} of the size of a split, while the "
            "market cap stayed",
            values=[f"{r:+,.1%}" for r in panel.local_return[rows[:3]]],
            out_of=int(np.isfinite(panel.local_return).sum()),
        )  # fmt: skip


@check(
    "close_against_return",
    looks_at="Return against the change of the close since the listing's price before; closes that change by "
    "the ratio of a split while the return does not are unadjusted, and left out.",
    reports="A warning when more than `return_disagrees` of returns differ by more than `return_tolerance`, "
    "severe above `return_disagrees_severe`; a warning when any differ by more than 30 %.",
    thresholds=("return_tolerance", "return_disagrees", "return_disagrees_severe", "split_tolerance"),
    remedy="see which is right; returns of another day, another name, or in another currency look like this",
    needs="price",
)
def close_against_return(evidence: Evidence) -> Iterator[Draft]:
    settings, closes = evidence.settings, evidence.closes
    n, small, large = 0, [], []
    for rows, _, ratio, gross in _ratios(evidence):
        n += len(rows)
        apart = np.flatnonzero(np.abs(gross - ratio) > settings.return_tolerance * np.maximum(1, ratio))
        quiet = np.abs(gross[apart] - 1) < 0.3
        adjusted = quiet & near_split(ratio[apart] / np.maximum(gross[apart], 1e-9), settings.split_tolerance)
        kept = apart[~adjusted]
        small.append(rows[kept])
        large.append(rows[kept[np.abs(gross[kept] - ratio[kept]) > 0.3 * np.maximum(1, ratio[kept])]])
    if closes is None or not n:
        return
    some, far = np.concatenate(small), np.concatenate(large)
    if len(some) > settings.return_disagrees * n:
        severe = len(some) > settings.return_disagrees_severe * n
        yield of_rows(
            evidence, some, upload="price", severity="severe" if severe else "warning", out_of=n,
            message=f"{len(some):,} returns and changes of close differ by more than "
            f"{settings.return_tolerance:.0%}",
            values=_both(evidence, closes, some),
        )  # fmt: skip
    elif len(far):
        yield of_rows(
            evidence, far, upload="price", severity="warning", out_of=n,
            message=f"{len(far):,} return{'s' * (len(far) > 1)} and changes of close differ by more than "
            "30 %",
            values=_both(evidence, closes, far),
        )  # fmt: skip


def _both(evidence: Evidence, closes: Float, rows: Rows) -> list[str]:
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
    for rows, before in evidence.moves():
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.abs(np.log(closes[rows] / closes[before]))
        n += int(np.isfinite(size).sum())
        found.append(rows[size > np.log(evidence.settings.unit_jump)])
    rows = np.concatenate([np.zeros(0, np.int64), *found])
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe", out_of=n,
            message=f"{len(rows):,} close{'s' * (len(rows) > 1)} change by a factor of more than "
            f"{evidence.settings.unit_jump:g}",
            values=[f"{closes[evidence.previous[r]]:,.6g} to {closes[r]:,.6g}" for r in rows[:3]],
        )  # fmt: skip


@check(
    "unchanged_price",
    looks_at="Closes of a listing in a row that are the same; returns of exactly 0 where there are no "
    "closes.",
    reports="A warning for names whose price stands still for `unchanged_days` prices; severe when on one "
    "day `quiet_severe` of the names do.",
    thresholds=("unchanged_days", "quiet_severe", "fewest_names"),
    remedy="see whether they trade: a price that is only repeated belongs left out",
    needs="price",
)
def unchanged_price(evidence: Evidence) -> Iterator[Draft]:
    panel, closes, limit = evidence.dataset.panel, evidence.closes, evidence.settings.unchanged_days
    run = np.zeros(len(evidence.names), np.int32)
    last = np.full(len(evidence.names), np.nan)
    reached, still = [], np.zeros(len(evidence.days), np.int64)
    for d in range(len(evidence.days)):
        mine = panel.rows_of(d)
        rows = np.arange(mine.start, mine.stop)[panel.priced[mine]]
        names, close = panel.listing[rows], None if closes is None else closes[rows]
        same = panel.local_return[rows] == 0
        if close is not None:
            same = np.where(np.isfinite(close), close == last[names], same)
            last[names] = close
        run[names] = np.where(same, run[names] + 1, 0)
        reached.append(rows[run[names] == limit])
        still[d] = (run[names] >= limit).sum()
    found = np.concatenate([np.zeros(0, np.int64), *reached])
    if len(found):
        counts = np.maximum(evidence.n_priced, 1)
        worst = int(np.argmax(still / counts))
        many = still[worst] / counts[worst] >= evidence.settings.quiet_severe
        now = int(still[evidence.newest])
        yield of_rows(
            evidence, found, upload="price",
            severity="severe" if many and counts[worst] >= evidence.settings.fewest_names else "warning",
            message=f"{len(np.unique(panel.listing[found])):,} names whose price stands still for {limit} "
            f"prices or more ({now:,} of them on the newest day)",
            count=len(np.unique(panel.listing[found])), share=float(still[worst] / counts[worst]),
            newest=now > 0,
        )  # fmt: skip


@check(
    "unpriced_name",
    looks_at="Listings that are alive without a price.",
    reports="A warning for names without a price on the last `unpriced_days` stored days; severe when they "
    "are `quiet_severe` of the names.",
    thresholds=("unpriced_days", "quiet_severe", "fewest_names"),
    remedy="mark the end of a listing as delisted; see whether the others are halted or not delivered",
    needs="price",
)
def unpriced_name(evidence: Evidence) -> Iterator[Draft]:
    panel = evidence.dataset.panel
    first = evidence.newest - evidence.settings.unpriced_days
    if first < 0:
        return
    today = panel.rows_of(evidence.newest)
    seen = np.zeros(len(evidence.names), np.bool_)
    rows = slice(panel.rows_of(first + 1).start, today.stop)
    seen[panel.listing[rows][panel.priced[rows]]] = True
    began = np.isin(panel.listing[today], panel.listing[panel.rows_of(first)])
    silent = today.start + np.flatnonzero(began & ~seen[panel.listing[today]])
    n = today.stop - today.start
    if len(silent):
        many = len(silent) / n >= evidence.settings.quiet_severe and n >= evidence.settings.fewest_names
        yield of_rows(
            evidence, silent, upload="price", severity="severe" if many else "warning", out_of=n,
            message=f"{len(silent):,} name{'s' * (len(silent) > 1)} alive on the newest day without a "
            f"price for {evidence.settings.unpriced_days} days",
        )  # fmt: skip
