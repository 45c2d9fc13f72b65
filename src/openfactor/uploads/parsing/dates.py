"""Text as dates; only dates with day, month and four-digit year are read."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

FORMATS = (
    "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y", "%d%b%Y",
    "%d-%B-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%m/%d/%Y", "%d/%m/%Y",
)  # fmt: skip
_DAY_OR_MONTH = "%m/%d/%Y"
_DIGITS = {"%Y": r"\d{4}", "%m": r"\d{1,2}", "%d": r"\d{1,2}", "%b": r"[A-Za-z]{3}", "%B": r"[A-Za-z]{3,9}"}
_MIDNIGHT = (
    r"(?i)[T ](00:00(:00([.,]0+)?)?|12:00(:00([.,]0+)?)? ?AM)"
    r"( ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?))?$"
)
"""Midnight local time, with any offset from UTC."""


def _shape(form: str) -> str:
    """The pattern that a text must have: the parser of dates takes shorter numbers, too."""
    if form == "%Y%m%d":
        return r"^\d{8}$"
    return "^" + re.sub("%[YmdbB]", lambda m: _DIGITS[m[0]], form.replace(".", r"\.")) + "$"


_SHAPES = {form: _shape(form) for form in FORMATS}


class AmbiguousDatesError(ValueError):
    """Day and month of a column of dates could be either way round."""


def read_dates(series: pl.Series) -> pl.Series:
    """Text as dates in the one format that reads most of it; null where a text is no date.

    Raises
    ------
    AmbiguousDatesError
        Two formats read as much, and differently.
    """
    texts = series.drop_nulls().unique()
    stripped = texts.str.strip_chars().str.replace(_MIDNIGHT, "")
    best, chosen = _in_format(stripped, FORMATS[0]), FORMATS[0]
    for form in FORMATS[1:]:
        if not best.null_count() and chosen != _DAY_OR_MONTH:
            break
        days = _in_format(stripped, form)
        if days.null_count() < best.null_count():
            best, chosen = days, form
        elif chosen == _DAY_OR_MONTH and days.null_count() == best.null_count() and (days != best).any():
            raise AmbiguousDatesError("day and month could be either way round; write 2024-12-31")
    return in_calendar(series.replace_strict(texts, best, default=None, return_dtype=pl.Date))


def _in_format(texts: pl.Series, form: str) -> pl.Series:
    shaped = texts.set(~texts.str.contains(_SHAPES[form]), None)
    return shaped.str.to_date(form, strict=False, exact=True)


def in_calendar(days: pl.Series) -> pl.Series:
    """The days, with null for those beyond years 1 to 9999, which damaged files hold and Python lacks."""
    beyond = ~days.is_between(dt.date.min, dt.date.max).fill_null(True)
    return days.set(beyond, None) if beyond.any() else days
