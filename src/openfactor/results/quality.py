"""Findings of the data quality checks, coverage and freshness."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from openfactor.settings.values import Value

if TYPE_CHECKING:
    import polars as pl

Severity = Literal["info", "warning", "severe"]
SEVERITIES: tuple[Severity, ...] = ("severe", "warning", "info")
WIDTH = 108


class Example(Value):
    """One place that a finding is about."""

    asset: str | None = None
    """Listing, in the master identifier type; or a currency, factor or exchange."""
    date: dt.date | None = None
    """The day."""
    value: str | None = None
    """The value there, with its unit if it has one."""

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.asset, self.date, self.value) if part is not None)


class Finding(Value):
    """One fault of the data: which check found it, where, how bad it is, and what to do."""

    check: str
    """Name of the check."""
    upload: str
    """Data type of the upload; in derived datasets with the name of the upload."""
    where: str | None = None
    """Factor group, currency or exchange."""
    severity: Severity
    """`severe`: results will be wrong or missing."""
    message: str
    """What is wrong, as a sentence."""
    remedy: str
    """What to do, as a sentence."""
    first_date: dt.date | None = None
    """First day affected."""
    last_date: dt.date | None = None
    """Last day affected."""
    count: int = 0
    """Number of rows; of days, names or ids if `message` says so."""
    share: float | None = None
    """`count` as a fraction of what was checked."""
    cap_share: float | None = None
    """Market cap of the affected rows, as a fraction of that of all rows of their days."""
    examples: tuple[Example, ...] = ()
    """The first few places."""
    newest: bool = False
    """Whether it concerns the newest day with prices."""

    @property
    def summary(self) -> str:
        """Message and remedy in one sentence."""
        return f"{self.message}; {self.remedy}"

    def __str__(self) -> str:
        place = " ".join(part for part in (self.upload, self.where) if part)
        shares = [percent(self.share)] if self.share is not None else []
        shares += [f"{percent(self.cap_share)} of cap"] if self.cap_share is not None else []
        head = f"{self.severity.upper():8s}{self.check:22s}{place:28s}{span(self.first_date, self.last_date)}"
        lines = [f"{head:84s}{', '.join(shares)}".rstrip(), *_wrapped(self.message)]
        if self.examples:
            lines += _wrapped("such as " + "; ".join(map(str, self.examples)))
        return "\n".join([*lines, *_wrapped(f"-> {self.remedy}")])


def percent(share: float) -> str:
    """A fraction as a percentage; tiny ones are not rounded to 0."""
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def span(first: dt.date | None, last: dt.date | None) -> str:
    """Two dates, or one if they are equal."""
    if first is None or last is None:
        return ""
    return str(first) if first == last else f"{first} to {last}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by severity, severe ones first; otherwise in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def findings_frame(findings: Sequence[Finding]) -> pl.DataFrame:
    """One row per finding: severity, check, upload, where, first_date, last_date, count, share, cap_share,
    newest, examples, message, remedy.
    """
    import polars as pl

    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "severity": pl.Enum(SEVERITIES), "check": pl.String, "upload": pl.String, "where": pl.String,
        "first_date": pl.Date, "last_date": pl.Date, "count": pl.Int64, "share": pl.Float64,
        "cap_share": pl.Float64, "newest": pl.Boolean, "examples": pl.String, "message": pl.String,
        "remedy": pl.String,
    }  # fmt: skip
    rows = [
        finding.model_dump(exclude={"examples"}) | {"examples": "; ".join(map(str, finding.examples))}
        for finding in findings
    ]
    return pl.DataFrame(rows, schema=schema)


class CoverageLine(Value):
    """How many listings an input covers on the newest day with prices."""

    what: str
    """Column of the coverage by day."""
    newest: int
    """Listings covered on the newest day."""
    day_before: int | None
    """Listings covered on the stored day before; None if there is none."""
    median: float
    """Median number of listings covered on the trailing days before the newest."""


class Freshness(Value):
    """The last date of a source."""

    upload: str
    """Data type of the upload."""
    where: str | None = None
    """Currency, factor group, factor or series."""
    first_date: dt.date
    """First date."""
    last_date: dt.date
    """Last date up to the newest day with prices."""
    age: int
    """Calendar days from the last date to the newest day with prices, over which values are carried
    forward."""
    interval: int
    """95th percentile of the calendar days between consecutive dates; 0 for a single date."""

    def __str__(self) -> str:
        place = " ".join(part for part in (self.upload, self.where) if part)
        return f"{place} of {self.last_date}, {self.age:,} day{'s' * (self.age > 1)} old"


def coverage_table(lines: Sequence[CoverageLine], day: dt.date | None) -> str:
    """The lines as a table of text."""
    width = max([12, *(len(line.what) for line in lines)])
    head = f"{'coverage on ' + str(day) if day else '':{width + 2}s}{'listings':>10s}"
    rows = [f"  {head}{'day before':>12s}{'median':>10s}"]
    for line in lines:
        before = "" if line.day_before is None else f"{line.day_before:,}"
        rows.append(
            f"    {line.what.replace('_', ' '):{width}s}{line.newest:>10,}{before:>12s}{line.median:>10,.0f}"
        )
    return "\n".join(rows)
