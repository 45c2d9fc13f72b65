"""Numbers and days that the examples share."""

from __future__ import annotations

import datetime as dt

INF = float("inf")
DAY, NEXT_DAY = dt.date(2024, 2, 29), dt.date(2024, 3, 1)
MOMENT = dt.datetime(2024, 2, 29, 23, 59, 59, 123456)
