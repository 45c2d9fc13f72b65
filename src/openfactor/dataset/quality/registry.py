"""What a check is, and how it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from openfactor.dataset.quality.evidence import Evidence, RowNumbers
from openfactor.results.quality import Finding, Severity

Draft = dict[str, Any]
"""Fields of a finding; check and remedy come from the check, unless they are given."""
Find = Callable[[Evidence], Iterator[Draft]]


@dataclass(frozen=True)
class Check:
    """One data quality check."""

    name: str
    looks_at: str
    """What it compares."""
    reports: str
    """When it reports something, and how severe that is."""
    thresholds: tuple[str, ...]
    """Fields of `DataQualitySettings`."""
    remedy: str
    needs: str | None
    """Upload without which it does not run: a derived dataset does not repeat what its reference told."""
    find: Find

    def run(self, evidence: Evidence) -> list[Finding]:
        """Its findings."""
        if self.needs is not None and self.needs not in evidence.uploads:
            return []
        given = {"check": self.name, "remedy": self.remedy}
        return [Finding.model_validate(given | draft) for draft in self.find(evidence)]


def check(
    name: str,
    *,
    looks_at: str,
    reports: str,
    remedy: str,
    thresholds: tuple[str, ...] = (),
    needs: str | None = None,
) -> Callable[[Find], Check]:
    """Makes a check of the function that finds."""
    return lambda find: Check(name, looks_at, reports, thresholds, remedy, needs, find)


def of_rows(
    evidence: Evidence,
    rows: RowNumbers,
    *,
    upload: str,
    severity: Severity,
    message: str,
    values: list[str] | None = None,
    out_of: int | None = None,
    **more: Any,
) -> Draft:
    """A finding about rows of the panel, ascending; `out_of` rows were looked at."""
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
