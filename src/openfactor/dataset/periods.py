"""How many trading periods of a calendar make a year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

DAILY = 252.0
"""Periods a year of a history that is too short to tell."""
FIRST_GAPS = 20
"""Distances between trading days, from the first on, that decide; so no later day changes what they said."""
FEWEST_GAPS = 3
"""Of a calendar that is not daily; a daily one needs them all, to show on which days it trades."""
A_DAY_OF_THE_WEEK = DAILY / 5
"""Trading days a year for each day of the week that is one, holidays taken off."""
RARE = np.array([52.0, 26.0, 24.0, 12.0, 6.0, 4.0, 2.0, 1.0])
"""Periods a year of calendars that are not daily."""


def periods_per_year(days: Sequence[dt.date]) -> float | None:
    """Trading periods a year, told by the first of these trading days; None: there are too few.

    Days that are mostly less than four apart count by the days of the week among them: 252 for five, 365 for
    all seven. Others have the usual number next to a year over their median distance: 52 a week apart, 12 a
    month apart.
    """
    first = np.array(days[: FIRST_GAPS + 1], dtype="datetime64[D]")
    gaps = np.diff(first).astype(int)
    if len(gaps) < FEWEST_GAPS:
        return None
    distance = float(np.median(gaps))
    if distance >= 4:
        return float(RARE[np.abs(np.log(RARE * distance / 365.25)).argmin()])
    if len(gaps) < FIRST_GAPS:
        return None
    on_weekday = np.bincount(first.astype(int) % 7, minlength=7)
    n_weekdays = int((5 * on_weekday >= 2 * on_weekday.max()).sum())
    return 365.0 if n_weekdays == 7 else float(round(A_DAY_OF_THE_WEEK * n_weekdays))


def change_of_frequency(days: Sequence[dt.date]) -> list[str]:
    """A sentence if the last trading days come more or less often than the first."""
    first, last = periods_per_year(days), periods_per_year(days[-FIRST_GAPS - 1 :])
    if first is None or last is None or first == last:
        return []
    return [
        f"the first trading days are about {first:g} a year and the last ones about {last:g}; risk is "
        f"annualised with {first:g}: set periods_per_year, or leave out the days of the other frequency"
    ]
