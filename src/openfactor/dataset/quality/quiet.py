"""Prices that stand still or are missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check, of_rows

FEWEST_PRICES = 6
"""Prices in a row that tell anything, however rarely they come."""
HALF, NEARLY_ALL, SELDOM = 0.5, 0.9, 0.1


@check(
    "unchanged_price",
    looks_at="Closes of a listing in a row that are the same; returns of exactly 0 where there are no "
    "closes.",
    reports="A warning for names whose price stands still for `unchanged_days` prices (of weekly and monthly "
    "prices, for as long in time, and at least six); severe when on one day `quiet_severe` of the names do.",
    thresholds=("unchanged_days", "quiet_severe", "fewest_names"),
    remedy="see whether they trade: a price that is only repeated belongs left out",
    needs="price",
)
def unchanged_price(evidence: Evidence) -> Iterator[Draft]:
    panel, chosen = evidence.dataset.panel, evidence.settings
    of_year = min(1.0, evidence.dataset.report.periods_per_year / 252)
    limit = min(chosen.unchanged_days, max(FEWEST_PRICES, round(chosen.unchanged_days * of_year)))
    found = np.flatnonzero(evidence.unchanged == limit)
    if len(found):
        still = evidence.per_day(evidence.unchanged >= limit)
        counts = np.maximum(evidence.n_priced, 1)
        worst, now = int(np.argmax(still / counts)), int(still[evidence.newest])
        many = still[worst] / counts[worst] >= chosen.quiet_severe and counts[worst] >= chosen.fewest_names
        names = len(np.unique(panel.listing[found]))
        yield of_rows(
            evidence, found, upload="price", severity="severe" if many else "warning",
            message=f"{names:,} name{'s' * (names > 1)} whose price stands still for {limit} "
            f"prices or more ({now:,} of them on the newest day)",
            count=names, share=float(still[worst] / counts[worst]), newest=now > 0,
        )  # fmt: skip


@check(
    "repeated_day",
    looks_at="Share of the prices of each day that are those of the day before.",
    reports="A warning when it is half or more on a day, of at least `fewest_names` names, and less than a "
    "tenth on most days: a delivery that repeats the day before, or a holiday with prices. Severe when it is "
    "nine tenths.",
    thresholds=("fewest_names",),
    remedy="upload the day again; where there was no trading, leave its prices out",
    needs="price",
)
def repeated_day(evidence: Evidence) -> Iterator[Draft]:
    counts = evidence.per_day(evidence.previous >= 0)
    days = np.flatnonzero(counts >= evidence.settings.fewest_names)
    if not len(days):
        return
    share = evidence.per_day(evidence.unchanged > 0)[days] / counts[days]
    bad = share >= HALF
    if bad.any() and np.median(share) < SELDOM:
        first = evidence.dataset.panel.rows_of(int(days[bad][0]))
        rows = first.start + np.flatnonzero(evidence.unchanged[first] > 0)
        dates, newest = [evidence.dataset.days[d] for d in days[bad]], bool(days[bad][-1] >= evidence.newest)
        yield of_rows(
            evidence, rows, upload="price",
            severity="severe" if share.max() >= NEARLY_ALL else "warning",
            message=f"{share[bad][0]:.0%} of the prices of {dates[0]} are those of the day before"
            + (f", and so on {len(dates) - 1:,} other days" if len(dates) > 1 else ""),
            count=len(dates), share=len(dates) / len(days), last_date=dates[-1], newest=newest,
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
