"""Closed days that cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Mask
from openfactor.dataset.quality.registry import Draft, check
from openfactor.settings.findings import Example

WEEKS = 4
"""Weeks that it takes to see on which days of the week an exchange trades."""


@check(
    "closures_are_sessions",
    looks_at="Days with prices that each exchange lists as closed.",
    reports="Severe when an exchange is closed on more than half of the days with prices; a warning above a "
    "quarter, if no other exchange is open then. Needs ten days.",
    remedy="exchange_dates takes the days on which an exchange is closed, not those on which it trades",
    needs="exchange_dates",
)
def closures_are_sessions(evidence: Evidence) -> Iterator[Draft]:
    sessions = evidence.n_priced > 0
    n = int(sessions.sum())
    if n < 10:
        return
    everywhere = np.logical_and.reduce(list(evidence.closed.values()) or [np.zeros(len(sessions), np.bool_)])
    for exchange, closed in evidence.closed.items():
        shut = np.flatnonzero(sessions & closed)
        alone = float((sessions & everywhere).sum() / n)
        if len(shut) > n / 2 or alone > 0.25:
            yield {
                "upload": "exchange_dates",
                "where": exchange,
                "severity": "severe" if len(shut) > n / 2 else "warning",
                "message": f"{exchange} is listed as closed on {len(shut):,} of {n:,} days with prices, "
                f"which leaves {n - len(shut):,} trading days",
                "count": len(shut),
                "share": len(shut) / n,
                "first_date": evidence.dataset.days[shut[0]],
                "last_date": evidence.dataset.days[shut[-1]],
            }


@check(
    "open_weekend",
    looks_at="Prices on days of an exchange's weekend that it does not list as closed. The weekend is "
    "what the "
    "exchange closes on in most weeks, with the one or two days of the week without regular prices; where "
    "neither tells, Saturday and Sunday.",
    reports="Severe, for each such day is a trading day of its own.",
    remedy="list the weekends in exchange_dates, or remove the prices",
    needs="exchange_dates",
)
def open_weekend(evidence: Evidence) -> Iterator[Draft]:
    weekday = (evidence.days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    priced = evidence.n_priced > 0
    for exchange, closed in evidence.closed.items():
        weekend = np.isin(weekday, _weekend(evidence, exchange, weekday))
        open_days = np.flatnonzero(weekend & priced & ~closed)
        if len(open_days):
            shown = [evidence.dataset.days[d] for d in open_days]
            first = ", ".join(f"{d} ({d:%a})" for d in shown[:5])
            yield {
                "upload": "exchange_dates",
                "where": exchange,
                "severity": "severe",
                "message": f"{exchange} trades on {len(open_days)} weekend days "
                f"with prices, which exchange_dates does not list as closed: {first}"
                f"{', ...' if len(shown) > 5 else ''}",
                "count": len(open_days),
                "first_date": shown[0],
                "last_date": shown[-1],
                "newest": bool(open_days[-1] >= evidence.newest),
            }


def _weekend(evidence: Evidence, exchange: str, weekday: np.ndarray) -> list[int]:
    """Days of the week, Monday 0."""
    rows = evidence.dataset.closures.filter(exchange=exchange)["date"].to_numpy().astype("datetime64[D]")
    span = evidence.days[-1] - evidence.days[0]
    weeks = int(span.astype(int)) // 7
    within = rows[(rows >= evidence.days[0]) & (rows <= evidence.days[-1])]
    listed = np.bincount((within.astype(np.int64) + 3) % 7, minlength=7) >= weeks / 2
    usual = np.median(evidence.n_priced[evidence.n_priced > 0])
    regular: Mask = evidence.n_priced >= usual / 2
    quiet = np.bincount(weekday[regular], minlength=7) < weeks / 2
    if weeks >= WEEKS:
        told = np.zeros(7, np.bool_)
        told |= listed if listed.sum() <= 3 else False
        told |= quiet if quiet.sum() <= 2 else False
        if told.any():
            return np.flatnonzero(told).tolist()
    return [5, 6]


@check(
    "thin_day",
    looks_at="Listings with a price on days on which no exchange is closed, against the median of the "
    "`median_days` days before.",
    reports="Severe when the day has less than a tenth: a holiday that is in no calendar, or a delivery that "
    "broke off. Needs `fewest_names` names.",
    thresholds=("median_days", "fewest_names"),
    remedy="list the day as closed, or upload its prices again",
    needs="price",
)
def thin_day(evidence: Evidence) -> Iterator[Draft]:
    counts, settings = evidence.n_priced, evidence.settings
    days = np.flatnonzero((counts > 0) & evidence.open_everywhere)
    thin = []
    for i in np.flatnonzero(counts[days] < counts.max() / 10).tolist():
        if i == 0:
            continue
        usual = np.median(counts[days[max(0, i - settings.median_days) : i]])
        if usual >= settings.fewest_names and counts[days[i]] < usual / 10:
            thin.append(int(days[i]))
    if thin:
        yield {
            "upload": "price",
            "severity": "severe",
            "message": f"{len(thin)} open day{'s' * (len(thin) > 1)} with prices of less than a tenth of the "
            "usual names",
            "count": len(thin),
            "share": len(thin) / len(days),
            "first_date": evidence.dataset.days[thin[0]],
            "last_date": evidence.dataset.days[thin[-1]],
            "examples": tuple(
                Example(date=evidence.dataset.days[d], value=f"{counts[d]:,} names") for d in thin[:3]
            ),
            "newest": thin[-1] >= evidence.newest,
        }
