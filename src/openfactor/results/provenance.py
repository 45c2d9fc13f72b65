"""Which data a result stands on."""

from __future__ import annotations

import datetime as dt

from openfactor.settings.values import Value


class DataVersion(Value):
    """The data of a risk dataset at one moment. Two results with equal versions saw the same data."""

    dataset: str
    """Name of the risk dataset, which may have newer data by now."""
    fingerprint: str
    """Of the dataset's settings and of all that it was built from: `cache_key` of `list_riskdatasets()`."""
    first_date: dt.date
    last_date: dt.date
    """First and last stored day."""
    uploads: dict[str, int] = {}
    """"<data type>/<name>" to the version of each upload that was read."""

    def __str__(self) -> str:
        return f"{self.dataset!r} ({self.first_date} to {self.last_date}, data {self.fingerprint[:8]})"
