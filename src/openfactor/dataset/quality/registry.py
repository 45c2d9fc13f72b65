"""What a check is, and how it drafts findings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Mask, RowNumbers
from openfactor.results.quality import Finding, Severity

Draft = dict[str, Any]
"""Fields of a finding; check and remedy default to those of the check."""
Find = Callable[[Evidence], Iterator[Draft]]


@dataclass(frozen=True)
class Check:
    """One data quality check."""

    name: str
    looks_at: str
    """What it compares."""
    reports: str
    """When it reports a finding, and how severe that is."""
    thresholds: tuple[str, ...]
    """Fields of `DataQualitySettings`."""
    remedy: str
    needs: str | None
    """Upload without which it does not run, so that a derived dataset does not repeat its reference."""
    find: Find

    def run(self, evidence: Evidence) -> list[Finding]:
        """Its findings."""
        if self.needs is not None and self.needs not in evidence.uploads:
            return []
        defaults = {"check": self.name, "remedy": self.remedy}
        return [Finding.model_validate(defaults | draft) for draft in self.find(evidence)]


def check(
    name: str,
    *,
    looks_at: str,
    reports: str,
    remedy: str,
    thresholds: tuple[str, ...] = (),
    needs: str | None = None,
) -> Callable[[Find], Check]:
    """Turns a function that drafts findings into a check."""
    return lambda find: Check(name, looks_at, reports, thresholds, remedy, needs, find)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number and what it counts."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def severe_if(is_severe: bool | np.bool_) -> Severity:
    """Severe, or a warning."""
    return "severe" if is_severe else "warning"


def of_rows(
    evidence: Evidence,
    rows: RowNumbers,
    *,
    upload: str,
    severity: Severity,
    message: str,
    values: Sequence[str] | None = None,
    out_of: int | None = None,
    **more: Any,
) -> Draft:
    """A finding about rows of the panel.

    Parameters
    ----------
    rows : ascending
    values : text for each of the first rows
    out_of : number of rows compared
    """
    return {
        "upload": upload,
        "severity": severity,
        "message": message,
        "count": len(rows),
        "share": len(rows) / out_of if out_of else None,
        "cap_share": evidence.cap_share(rows),
        "first_date": evidence.date(int(rows[0])),
        "last_date": evidence.date(int(rows[-1])),
        "examples": evidence.examples(rows, values),
        "newest": bool(evidence.day[rows[-1]] >= evidence.newest),
        **more,
    }


def of_days(
    evidence: Evidence,
    days: np.ndarray,
    *,
    upload: str,
    severity: Severity,
    message: str,
    cap_of: Mask | None = None,
    out_of: int | None = None,
    **more: Any,
) -> Draft:
    """A finding about stored days.

    Parameters
    ----------
    days : indices, ascending
    cap_of : (rows,) listings whose cap it concerns; all of them by default
    out_of : number of days compared
    """
    draft = {
        "upload": upload,
        "severity": severity,
        "message": message,
        "count": len(days),
        "share": len(days) / out_of if out_of else None,
        "first_date": evidence.dataset.days[days[0]],
        "last_date": evidence.dataset.days[days[-1]],
        "newest": bool(days[-1] >= evidence.newest),
        **more,
    }
    return draft if "cap_share" in draft else draft | {"cap_share": evidence.cap_share_of(days, cap_of)}


def of_dates(
    dates: Sequence[dt.date], *, upload: str, severity: Severity, message: str, **more: Any
) -> Draft:
    """A finding about dates of an upload, ascending."""
    return {
        "upload": upload,
        "severity": severity,
        "message": message,
        "count": len(dates),
        "first_date": dates[0],
        "last_date": dates[-1],
        **more,
    }
