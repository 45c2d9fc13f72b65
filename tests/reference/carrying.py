"""What was known of a company on a day, by looking back from each row on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def latest_slowly(
    events: Sequence[tuple[int, int, float]], rows: Sequence[tuple[int, int]], limit: int
) -> list[float]:
    """Of each row (day, company) the last value on or before its day; events (day, company, value)."""
    out = []
    for day, company in rows:
        known = [(d, value) for d, c, value in events if c == company and d <= day]
        out.append(known[-1][1] if known and day - known[-1][0] <= limit else np.nan)
    return out


def held_slowly(
    events: Mapping[int, Mapping[int, Any]],
    rows: Sequence[tuple[int, int]],
    priced: set[tuple[int, int]],
    forward_fill: bool,
    company_of: Sequence[int],
    limit: int,
) -> list[Any]:
    """What each row (day, listing) holds by the rule of snapshots, by recursion over its own days.

    events : day to company to its value; company_of : of each listing
    """

    def holds(day: int, listing: int) -> Any:
        if (day, listing) not in rows:
            return None
        company = company_of[listing]
        days = [d for d in events if d <= day and (events[d] if not forward_fill else company in events[d])]
        if days and company in events[max(days)]:
            return events[max(days)][company]
        return None if (day, listing) in priced else holds(day - 1, listing)

    def is_young(day: int, listing: int) -> bool:
        own = [d for d in events if d <= day and company_of[listing] in events[d]]
        return bool(own) and day - max(own) <= limit

    return [holds(d, i) if is_young(d, i) else None for d, i in rows]
