"""Prices that do not change or are missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check, counted, of_rows, severe_if

FEWEST_PRICES = 6
"""Consecutive prices that mean something, however rarely they come."""
HALF, NEARLY_ALL, SELDOM = 0.5, 0.9, 0.1


@check(
    "unchanged_price",
    looks_at="Consecutive closes of a listing that are equal; returns of exactly 0 where there are no "
    "closes.",
    reports="A warning for listings whose price does not change for `unchanged_days` prices (for weekly "
    "and monthly prices, for as long a time, and at least six prices); severe when `quiet_severe` of the "
    "listings are unchanged on one day.",
    thresholds=("unchanged_days", "quiet_severe", "fewest_names"),
    remedy="check whether they trade; leave out prices that are only repeated",
    needs="price",
)
def unchanged_price(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    per_day = min(1.0, evidence.dataset.report.periods_per_year / 252)
    limit = min(settings.unchanged_days, max(FEWEST_PRICES, round(settings.unchanged_days * per_day)))
    rows = np.flatnonzero(evidence.unchanged == limit)
    if len(rows):
        unchanged = evidence.per_day(evidence.unchanged >= limit)
        counts = np.maximum(evidence.n_priced, 1)
        worst, n_now = int(np.argmax(unchanged / counts)), int(unchanged[evidence.newest])
        share, n_listings = float(unchanged[worst] / counts[worst]), len(np.unique(panel.listing[rows]))
        yield of_rows(
            evidence, rows, upload="price",
            severity=severe_if(share >= settings.quiet_severe and counts[worst] >= settings.fewest_names),
            message=f"{counted(n_listings, 'listing')} with {limit} or more consecutive equal prices "
            f"({n_now:,} of them on the newest day)",
            count=n_listings, share=share, newest=n_now > 0,
        )  # fmt: skip


@check(
    "repeated_day",
    looks_at="Share of the prices of each day that equal those of the day before.",
    reports="A warning when it is half or more on a day, of at least `fewest_names` listings, and less "
    "than a tenth on most days: a delivery that repeats the day before, or prices on a holiday. Severe "
    "when it is nine tenths.",
    thresholds=("fewest_names",),
    remedy="upload the day again; if there was no trading, leave out its prices",
    needs="price",
)
def repeated_day(evidence: Evidence) -> Iterator[Draft]:
    counts = evidence.per_day(evidence.previous >= 0)
    days = np.flatnonzero(counts >= evidence.settings.fewest_names)
    if not len(days):
        return
    share = evidence.per_day(evidence.unchanged > 0)[days] / counts[days]
    is_repeated = share >= HALF
    if is_repeated.any() and np.median(share) < SELDOM:
        first = evidence.dataset.panel.rows_of(int(days[is_repeated][0]))
        rows = first.start + np.flatnonzero(evidence.unchanged[first] > 0)
        dates = [evidence.dataset.days[d] for d in days[is_repeated]]
        others = f"; the same on {counted(len(dates) - 1, 'other day')}" if len(dates) > 1 else ""
        yield of_rows(
            evidence, rows, upload="price", severity=severe_if(share.max() >= NEARLY_ALL),
            message=f"{share[is_repeated][0]:.0%} of the prices of {dates[0]} equal those of the day before"
            f"{others}",
            count=len(dates), share=len(dates) / len(days), last_date=dates[-1],
            newest=bool(days[is_repeated][-1] >= evidence.newest),
        )  # fmt: skip


@check(
    "unpriced_name",
    looks_at="Listings that are alive without a price.",
    reports="A warning for listings without a price on the last `unpriced_days` stored days; severe when "
    "they are `quiet_severe` of all.",
    thresholds=("unpriced_days", "quiet_severe", "fewest_names"),
    remedy="flag listings that have ended as delisted; check whether the others are halted or missing from "
    "the delivery",
    needs="price",
)
def unpriced_name(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    first = evidence.newest - settings.unpriced_days
    if first < 0:
        return
    today = panel.rows_of(evidence.newest)
    has_price = np.zeros(len(evidence.listing_ids), np.bool_)
    rows = slice(panel.rows_of(first + 1).start, today.stop)
    has_price[panel.listing[rows][panel.priced[rows]]] = True
    was_alive = np.isin(panel.listing[today], panel.listing[panel.rows_of(first)])
    unpriced = today.start + np.flatnonzero(was_alive & ~has_price[panel.listing[today]])
    n = today.stop - today.start
    if len(unpriced):
        many = len(unpriced) / n >= settings.quiet_severe and n >= settings.fewest_names
        yield of_rows(
            evidence, unpriced, upload="price", severity=severe_if(many), out_of=n,
            message=f"{counted(len(unpriced), 'listing')} alive on the newest day without a price for "
            f"{settings.unpriced_days} days",
        )  # fmt: skip
