"""The data that a result was computed from."""

from __future__ import annotations

import datetime as dt

from openfactor.settings.values import Value


class DataVersion(Value):
    """The data of a risk dataset at one moment: results with equal versions come from the same data."""

    dataset: str
    """Name of the risk dataset, which may have newer data since."""
    fingerprint: str
    """Hash of the dataset's settings and everything it was built from: `cache_key` of
    `list_riskdatasets()`."""
    first_date: dt.date
    """First stored day."""
    last_date: dt.date
    """Last stored day."""
    uploads: dict[str, int] = {}
    """"<data type>/<name>" of each upload that was read to its version."""

    def __str__(self) -> str:
        return f"{self.dataset!r} ({self.first_date} to {self.last_date}, data {self.fingerprint[:8]})"
