"""Days as users write them."""

from __future__ import annotations

import datetime as dt

from openfactor.errors import SettingsError

DateLike = str | dt.date | dt.datetime
"""A date, a datetime (its time is ignored), or an ISO 8601 text such as "2024-01-31"; "" means None."""


def as_date(value: DateLike | None) -> dt.date | None:
    """The date; None for None and "".

    Raises
    ------
    SettingsError
        The text is not a date.
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if not isinstance(value, str):
        return value
    try:
        return dt.datetime.fromisoformat(value).date() if value else None
    except ValueError as error:
        raise SettingsError(f"{value!r} is not a date:", ['write it as "2024-01-31"']) from error
