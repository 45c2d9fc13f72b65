"""Text as dates: only what is written like a date in full is one."""

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
"""Midnight where the stamp was made, whatever its distance from Greenwich."""


def _shape(form: str) -> str:
    """The pattern of all that may be read in a format: parsers of dates take shorter numbers, too."""
    if form == "%Y%m%d":
        return r"^\d{8}$"
    return "^" + re.sub("%[YmdbB]", lambda m: _DIGITS[m[0]], form.replace(".", r"\.")) + "$"


_SHAPES = {form: _shape(form) for form in FORMATS}


def read_dates(series: pl.Series) -> pl.Series | str:
    """Text as dates in the one format that reads most of it; the reason if two read it differently.

    Empty where a text is no date.
    """
    texts = series.drop_nulls().unique()
    clean = texts.str.strip_chars().str.replace(_MIDNIGHT, "")
    best, chosen = _in_format(clean, FORMATS[0]), FORMATS[0]
    for form in FORMATS[1:]:
        if not best.null_count() and chosen != _DAY_OR_MONTH:
            break
        days = _in_format(clean, form)
        if days.null_count() < best.null_count():
            best, chosen = days, form
        elif chosen == _DAY_OR_MONTH and days.null_count() == best.null_count() and (days != best).any():
            return "day and month could be either way round; write 2024-12-31"
    return in_calendar(series.replace_strict(texts, best, default=None, return_dtype=pl.Date))


def _in_format(texts: pl.Series, form: str) -> pl.Series:
    shaped = texts.set(~texts.str.contains(_SHAPES[form]), None)
    return shaped.str.to_date(form, strict=False, exact=True)


def in_calendar(days: pl.Series) -> pl.Series:
    """Without the days that no calendar has, which damaged files hold and nothing can show."""
    beyond = ~days.is_between(dt.date.min, dt.date.max).fill_null(True)
    return days.set(beyond, None) if beyond.any() else days
