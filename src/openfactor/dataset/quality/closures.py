"""Closed days that cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Mask
from openfactor.dataset.quality.registry import Draft, check
from openfactor.results.quality import Example

WEEKS = 4
"""Weeks that it takes to see on which days of the week an exchange trades."""


@check(
    "closures_are_sessions",
    looks_at="Days with prices that each exchange lists as closed: of all, and of any 63 and 21 in a row.",
    reports="Severe when an exchange is closed on more than half of 63 days with prices in a row (of all, if "
    "there are fewer); a warning when it is on four fifths of 21, or above a quarter of all while no other "
    "exchange is open. Needs ten days.",
    remedy="exchange_dates takes the days on which an exchange is closed, not those on which it trades",
    needs="exchange_dates",
)
def closures_are_sessions(evidence: Evidence) -> Iterator[Draft]:
    sessions = np.flatnonzero(evidence.n_priced > 0)
    n = len(sessions)
    if n < 10:
        return
    everywhere = np.logical_and.reduce(list(evidence.closed.values()) or [np.zeros(len(evidence.days), bool)])
    for exchange, closed in evidence.closed.items():
        shut = closed[sessions]
        quarter, month = _in_a_row(shut, 63, 1 / 2), _in_a_row(shut, 21, 4 / 5)
        alone = shut if everywhere[sessions].mean() > 0.25 else np.zeros(n, np.bool_)
        which = next((mask for mask in (quarter, month, alone) if mask.any()), None)
        if which is None:
            continue
        days = sessions[which & shut]
        span = sessions[np.flatnonzero(which)[0] : np.flatnonzero(which)[-1] + 1]
        first, last = evidence.dataset.days[span[0]], evidence.dataset.days[span[-1]]
        open_days = int((~closed[span]).sum())
        yield {
            "upload": "exchange_dates",
            "where": exchange,
            "severity": "severe" if quarter.any() else "warning",
            "message": f"{exchange} is listed as closed on {len(span) - open_days:,} of {len(span):,} days "
            f"with prices from {first} to {last}, which leaves {open_days:,} trading days",
            "count": len(days),
            "share": len(days) / n,
            "cap_share": evidence.cap_share_of(days, evidence.dataset.panel.priced),
            "first_date": evidence.dataset.days[days[0]],
            "last_date": evidence.dataset.days[days[-1]],
            "newest": bool(closed[evidence.newest]),
        }


def _in_a_row(shut: Mask, window: int, share: float) -> Mask:
    """Days that belong to any `window` in a row (to all, if there are fewer than 63) of which more than a
    share is in the mask."""
    n = len(shut)
    if n < window:
        return np.full(n, bool(window >= 63 and shut.mean() > share))
    sums = np.concatenate([[0], np.cumsum(shut)])
    begins = np.flatnonzero(sums[window:] - sums[:-window] > share * window)
    marks = np.zeros(n + 1, np.int64)
    np.add.at(marks, begins, 1)
    np.add.at(marks, begins + window, -1)
    return np.asarray(np.cumsum(marks)[:-1] > 0)


@check(
    "open_weekend",
    looks_at="Prices on days of an exchange's weekend that it does not list as closed. The weekend is "
    "what the exchange closes on in most weeks; where that is less than two days, with the one or two days "
    "of the week without regular prices; where neither tells, Saturday and Sunday.",
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
                "share": len(open_days) / int(priced.sum()),
                "cap_share": evidence.cap_share_of(open_days, evidence.dataset.panel.priced),
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
        # where the weekend is listed, other exchanges do not matter, which may trade on other days
        told |= quiet if told.sum() < 2 and quiet.sum() <= 2 else False
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
    thin = thin_days(evidence)
    if thin:
        counts = evidence.n_priced
        compared = int(((counts > 0) & evidence.open_everywhere).sum())
        priced = evidence.cap_share_of(np.array(thin), evidence.dataset.panel.priced)
        yield {
            "upload": "price",
            "severity": "severe",
            "message": f"{len(thin)} open day{'s' * (len(thin) > 1)} with prices of less than a tenth of the "
            "usual names",
            "count": len(thin),
            "share": len(thin) / compared,
            "cap_share": None if priced is None else 1 - priced,
            "first_date": evidence.dataset.days[thin[0]],
            "last_date": evidence.dataset.days[thin[-1]],
            "examples": tuple(
                Example(date=evidence.dataset.days[d], value=f"{counts[d]:,} names") for d in thin[:3]
            ),
            "newest": thin[-1] >= evidence.newest,
        }


def thin_days(evidence: Evidence) -> list[int]:
    """Days with less than a tenth of the usual prices."""
    counts, settings = evidence.n_priced, evidence.settings
    days = np.flatnonzero((counts > 0) & evidence.open_everywhere)
    thin = []
    for i in np.flatnonzero(counts[days] < counts.max(initial=0) / 10).tolist():
        usual = np.median(counts[days[max(0, i - settings.median_days) : i]]) if i else 0
        if usual >= settings.fewest_names and counts[days[i]] < usual / 10:
            thin.append(int(days[i]))
    return thin
