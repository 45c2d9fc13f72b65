"""Runs the checks and adds their findings to the build report of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from openfactor.context import Context
from openfactor.dataset.quality.coverage import newest_lines
from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.spans import freshness
from openfactor.dataset.quality.table import CHECKS
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import DataError, Fault, SettingsError
from openfactor.results import BuildReport
from openfactor.results.quality import Finding, in_order
from openfactor.settings.hierarchies import unknown
from openfactor.settings.quality import DataQualitySettings

OF_REFERENCE = "reference: "
"""Prefix of the upload of a finding of the reference dataset."""


def known_checks(settings: DataQualitySettings) -> None:
    """SettingsError if `treatment` names a check that does not exist."""
    names = [check.name for check in CHECKS]
    problems = [unknown(name, names) for name in settings.treatment if name not in names]
    if problems:
        raise SettingsError("unknown data quality checks in `treatment`:", problems)


def with_quality(
    dataset: RiskDataset,
    uploads: Mapping[str, pl.LazyFrame],
    inventories: Mapping[str, pl.DataFrame],
    row_counts: RowCounts,
    reference: BuildReport | None = None,
    context: Context | None = None,
) -> RiskDataset:
    """Run all checks on a dataset and add their findings to its report; severe ones become warnings too.

    Parameters
    ----------
    uploads : that it was built from
    inventories : exposures upload to its `exposure_inventory`
    reference : report of the dataset that it is built on, whose severe findings it repeats

    Raises
    ------
    DataError: findings of checks that the settings treat as `refuse`, all of them. CancelledError: the
    request was cancelled.
    """
    settings = dataset.settings.quality
    evidence = Evidence(dataset, uploads, inventories, row_counts, settings)
    findings: list[Finding] = []
    with (context or Context()).step("data quality", len(CHECKS), unit="checks") as advance:
        for check in CHECKS:
            if settings.treatment.get(check.name) != "off":
                findings += check.run(evidence)
            advance()
    refused = [finding for finding in findings if settings.treatment.get(finding.check) == "refuse"]
    if refused:
        raise DataError("data quality checks refuse the uploads:", [_fault(finding) for finding in refused])
    treated = [
        finding.model_copy(update={"severity": settings.treatment.get(finding.check, finding.severity)})
        for finding in findings
    ]
    severe = [finding.summary for finding in in_order(treated) if finding.severity == "severe"]
    treated += _inherited(dataset, reference)
    report = dataset.report.model_copy(
        update={
            "quality": in_order(treated),
            "newest_day": dataset.days[evidence.newest],
            "newest_coverage": newest_lines(evidence),
            "freshness": freshness(evidence),
            "warnings": [*dataset.report.warnings, *severe],
        }
    )
    return replace(dataset, report=report)


def _inherited(dataset: RiskDataset, reference: BuildReport | None) -> list[Finding]:
    """Severe findings of the reference about data that the dataset takes from it."""
    if reference is None:
        return []
    groups = {*dataset.panel.dense, *dataset.panel.sparse}
    inherited = []
    for finding in reference.quality:
        about_group = finding.upload.removeprefix(OF_REFERENCE).startswith("exposures") and finding.where
        group = finding.where.split(".")[0] if about_group and finding.where else None
        if finding.severity == "severe" and (group is None or group in groups):
            upload = OF_REFERENCE + finding.upload.removeprefix(OF_REFERENCE)
            newest = finding.newest and reference.newest_day in dataset.days
            inherited.append(finding.model_copy(update={"upload": upload, "newest": newest}))
    return inherited


def _fault(finding: Finding) -> Fault:
    return Fault(
        finding.check, finding.upload, finding.summary, count=finding.count,
        examples=tuple(map(str, finding.examples)),
    )  # fmt: skip
