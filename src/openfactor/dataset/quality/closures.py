"""Closed days that look wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Mask
from openfactor.dataset.quality.registry import Draft, check, counted, of_days, severe_if
from openfactor.results.quality import Example

WEEKS = 4
"""Weeks needed to see on which days of the week an exchange trades."""


@check(
    "closures_are_sessions",
    looks_at="Days with prices on which an exchange is listed as closed: of all, and of any 63 and 21 in a "
    "row.",
    reports="Severe when an exchange is closed on more than half of any 63 consecutive days with prices (of "
    "all, if there are fewer). A warning when it is closed on four fifths of any 21, or when all exchanges "
    "are closed on more than a quarter of the days with prices. Needs ten days.",
    remedy="give exchange_dates the days on which an exchange is closed, not those on which it trades",
    needs="exchange_dates",
)
def closures_are_sessions(evidence: Evidence) -> Iterator[Draft]:
    sessions = np.flatnonzero(evidence.n_priced > 0)
    n, dates = len(sessions), evidence.dataset.days
    if n < 10:
        return
    everywhere = np.logical_and.reduce(list(evidence.closed.values()) or [np.zeros(len(evidence.days), bool)])
    for exchange, closed in evidence.closed.items():
        shut = closed[sessions]
        quarter, month = _in_a_row(shut, 63, 1 / 2), _in_a_row(shut, 21, 4 / 5)
        together = shut if everywhere[sessions].mean() > 0.25 else np.zeros(n, np.bool_)
        suspect = next((mask for mask in (quarter, month, together) if mask.any()), None)
        if suspect is None:
            continue
        days = sessions[suspect & shut]
        period = sessions[np.flatnonzero(suspect)[0] : np.flatnonzero(suspect)[-1] + 1]
        n_open = int((~closed[period]).sum())
        yield of_days(
            evidence, days, upload="exchange_dates", where=exchange, severity=severe_if(quarter.any()),
            message=f"{exchange} is listed as closed on {len(period) - n_open:,} of {len(period):,} days "
            f"with prices from {dates[period[0]]} to {dates[period[-1]]}, which leaves "
            f"{counted(n_open, 'trading day')}",
            out_of=n, cap_of=evidence.dataset.panel.priced, newest=bool(closed[evidence.newest]),
        )  # fmt: skip


def _in_a_row(shut: Mask, window: int, share: float) -> Mask:
    """Days in any `window` consecutive ones of which more than a share is in the mask.

    With fewer days than a window of 63 or more, all of them are one window.
    """
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
    looks_at="Prices on weekend days that an exchange does not list as closed. The weekend is the days of "
    "the week that the exchange lists as closed in most weeks; if that is less than two days, also the one "
    "or two days of the week without regular prices; if neither tells, Saturday and Sunday.",
    reports="Severe: each such day is treated as a trading day.",
    remedy="list the weekends in exchange_dates, or remove the prices",
    needs="exchange_dates",
)
def open_weekend(evidence: Evidence) -> Iterator[Draft]:
    weekday = (evidence.days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    priced = evidence.n_priced > 0
    for exchange, closed in evidence.closed.items():
        weekend = np.isin(weekday, _weekend(evidence, exchange, weekday))
        days = np.flatnonzero(weekend & priced & ~closed)
        if len(days):
            dates = [evidence.dataset.days[d] for d in days]
            first = ", ".join(f"{d} ({d:%a})" for d in dates[:5])
            yield of_days(
                evidence, days, upload="exchange_dates", where=exchange, severity="severe",
                message=f"{exchange} has prices on {counted(len(days), 'weekend day')} that exchange_dates "
                f"does not list as closed: {first}{', ...' if len(dates) > 5 else ''}",
                out_of=int(priced.sum()), cap_of=evidence.dataset.panel.priced,
            )  # fmt: skip


def _weekend(evidence: Evidence, exchange: str, weekday: np.ndarray) -> list[int]:
    """Days of the week, Monday 0."""
    closures = evidence.dataset.closures.filter(exchange=exchange)["date"].to_numpy().astype("datetime64[D]")
    weeks = int((evidence.days[-1] - evidence.days[0]).astype(int)) // 7
    inside = closures[(closures >= evidence.days[0]) & (closures <= evidence.days[-1])]
    listed = np.bincount((inside.astype(np.int64) + 3) % 7, minlength=7) >= weeks / 2
    usual = np.median(evidence.n_priced[evidence.n_priced > 0])
    regular: Mask = evidence.n_priced >= usual / 2
    quiet = np.bincount(weekday[regular], minlength=7) < weeks / 2
    if weeks >= WEEKS:
        weekend = np.zeros(7, np.bool_)
        weekend |= listed if listed.sum() <= 3 else False
        # where the weekend is listed, other exchanges, which may trade on other days, do not matter
        weekend |= quiet if weekend.sum() < 2 and quiet.sum() <= 2 else False
        if weekend.any():
            return np.flatnonzero(weekend).tolist()
    return [5, 6]


@check(
    "thin_day",
    looks_at="Number of listings with a price on days on which no exchange is closed, compared with the "
    "median of the previous `median_days` days.",
    reports="Severe when the day has less than a tenth: an unlisted holiday, or an incomplete delivery. "
    "Needs `fewest_names` listings.",
    thresholds=("median_days", "fewest_names"),
    remedy="list the day as closed, or upload its prices again",
    needs="price",
)
def thin_day(evidence: Evidence) -> Iterator[Draft]:
    thin = np.array(thin_days(evidence), np.int64)
    if len(thin):
        counts = evidence.n_priced
        priced = evidence.cap_share_of(thin, evidence.dataset.panel.priced)
        yield of_days(
            evidence, thin, upload="price", severity="severe",
            message=f"{counted(len(thin), 'open day')} with prices of less than a tenth of the usual "
            "listings",
            out_of=int(((counts > 0) & evidence.open_everywhere).sum()),
            cap_share=None if priced is None else 1 - priced,
            examples=tuple(
                Example(date=evidence.dataset.days[d], value=f"{counts[d]:,} listings")
                for d in thin[:3].tolist()
            ),
        )  # fmt: skip


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
