"""Trading periods per year of a calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

DAILY = 252.0
"""Periods per year of a history that is too short to tell."""
FIRST_GAPS = 20
"""Distances between the first trading days that decide, so that no later day changes the result."""
FEWEST_GAPS = 3
"""Distances needed for a calendar that is not daily; a daily one needs all, to show on which days it
trades."""
A_DAY_OF_THE_WEEK = DAILY / 5
"""Trading days per year for each day of the week with trading, less holidays."""
RARE = np.array([52.0, 26.0, 24.0, 12.0, 6.0, 4.0, 2.0, 1.0])
"""Periods per year of calendars that are not daily."""


def periods_per_year(days: Sequence[dt.date]) -> float | None:
    """Trading periods per year, inferred from the first of these trading days; None if they are too few.

    If days are mostly less than four days apart, the number of weekdays with trading decides: 252 for five,
    365 for seven. Otherwise it is the usual number closest to a year divided by their median distance: 52 for
    weekly days, 12 for monthly ones.
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
    """A warning if the last trading days are more or less frequent than the first, or none."""
    first, last = periods_per_year(days), periods_per_year(days[-FIRST_GAPS - 1 :])
    if first is None or last is None or first == last:
        return []
    return [
        f"trading days come about {first:g} times per year at first and {last:g} times at last; risk is "
        f"annualised with {first:g}: set periods_per_year, or leave out the days of the other frequency"
    ]
