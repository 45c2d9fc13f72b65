"""Builds a risk dataset on top of another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from openfactor.context import Context, Step
from openfactor.dataset.assembly import raise_faults, report_of
from openfactor.dataset.coverage import coverage_by_date
from openfactor.dataset.entries.entry import Derivation, DerivedRows, Entry
from openfactor.dataset.entries.table import entry_of
from openfactor.dataset.factor_groups import FactorGroups
from openfactor.dataset.panel import Panel
from openfactor.dataset.panel_index import panel_of
from openfactor.dataset.quality import known_checks, with_quality
from openfactor.dataset.reading import UploadReader
from openfactor.dataset.reuse import GroupReuse
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.row_counts import RowCounts
from openfactor.dataset.trims import derived_rows
from openfactor.errors import SettingsError
from openfactor.settings.hierarchies import unknown
from openfactor.settings.riskdataset import DerivedRiskDatasetSettings

Entries = Sequence[Entry[Any]]


def derive(
    settings: DerivedRiskDatasetSettings,
    reference: RiskDataset,
    read: UploadReader,
    recipe: str,
    reuse: GroupReuse | None = None,
    context: Context | None = None,
) -> RiskDataset:
    """A dataset on top of another one.

    Parameters
    ----------
    reference : the other dataset
    read : returns the rows of uploads
    recipe : hash of the settings, the reference and the versions of the uploads
    reuse : factor groups that need not be built again

    Raises
    ------
    SettingsError: the reference lacks what the settings name. DataError: faults of the uploads, all of them.
    CancelledError: the request was cancelled.
    """
    known_checks(settings.quality)
    with (context or Context()).step("building a risk dataset", unit="steps") as step:
        derivation = Derivation(settings, reference, read, RowCounts(), reuse or GroupReuse(), step.context)
        return _derive(derivation, recipe, step)


def _derive(derivation: Derivation, recipe: str, step: Step) -> RiskDataset:
    settings, reference = derivation.settings, derivation.reference
    step.say("uploads", 1)
    entries = [entry_of(entry, derivation) for entry in settings.exposures]
    raise_faults([fault for entry in entries for fault in entry.inspect()])
    _check(settings, reference, entries)
    rows, groups = derived_rows(settings, reference, entries), FactorGroups()
    for depends_on_others in (False, True):
        faults = []
        for entry in entries:
            if entry.depends_on_others == depends_on_others:
                step.say(entry.settings.exposure_type, 1)
                faults += entry.build(rows, groups)
        raise_faults(faults)
    dataset = _assemble(derivation, recipe, rows, groups)
    step.say("data quality", 1)
    uploads = {name: upload for entry in entries for name, upload in entry.uploads().items()}
    return with_quality(
        dataset, uploads, _inventories(entries), derivation.row_counts, reference.report, step.context
    )


def _inventories(entries: Entries) -> dict[str, pl.DataFrame]:
    """Upload to the inventories of all entries that read it."""
    frames: dict[str, list[pl.DataFrame]] = {}
    for entry in entries:
        for name, inventory in entry.inventories().items():
            frames.setdefault(name, []).append(inventory)
    return {name: pl.concat(inventories) for name, inventories in frames.items()}


def _check(settings: DerivedRiskDatasetSettings, reference: RiskDataset, entries: Entries) -> None:
    """SettingsError with everything that the reference lacks, and with groups of several entries."""
    continuous = [group for entry in entries for group in entry.continuous_groups()]
    groups = continuous + [group for entry in entries for group in entry.categorical_groups()]
    problems = [problem for entry in entries for problem in entry.problems(continuous)]
    repeated = sorted({group for group in groups if groups.count(group) > 1})
    problems += [f"the factor group {group!r} comes from several entries" for group in repeated]
    if not groups:
        problems.append("no factor group is left")
    problems += [
        f"exchange_codes: {unknown(code, reference.closed)}"
        for code in settings.exchange_codes or ()
        if code not in reference.closed
    ]
    if problems:
        raise SettingsError("the settings do not fit the reference dataset:", problems)


def _assemble(derivation: Derivation, recipe: str, rows: DerivedRows, groups: FactorGroups) -> RiskDataset:
    settings, reference, row_counts = derivation.settings, derivation.reference, derivation.row_counts
    panel = panel_of(
        rows.index, reference.panel.market_cap[rows.source], reference.panel.idio_vol[rows.source],
        groups.dense, groups.sparse,
    )  # fmt: skip
    row_counts.drop("reference", "return that begins before the first day", _begun_before(panel))
    before_first = np.full((1, len(reference.currencies)), np.nan)
    codes, closures, days = settings.exchange_codes, reference.closures, rows.index.days
    return RiskDataset(
        recipe=recipe,
        settings=settings,
        exposure_dtype=reference.exposure_dtype,
        days=tuple(days),
        identifiers=reference.identifiers,
        currencies=reference.currencies,
        usd_per_unit=np.concatenate([reference.usd_per_unit, before_first])[rows.source_day],
        closures=closures if codes is None else closures.filter(pl.col("exchange").is_in(codes)),
        panel=panel,
        trees=groups.trees,
        series=reference.series,
        coverage=coverage_by_date(panel, days),
        report=report_of(panel, days, reference.identifiers, row_counts),
        group_recipes=derivation.reuse.recipes,
    ).with_periods(settings.periods_per_year, reference.report)


def _begun_before(panel: Panel) -> int:
    """Listings without a price on the first day whose next price has a return: no row explains it."""
    first_day = panel.rows_of(0)
    unpriced = panel.listing[first_day][panel.stale[first_day]]
    if not len(unpriced):
        return 0
    later = np.flatnonzero(np.isin(panel.listing, unpriced) & panel.priced)
    _, first = np.unique(panel.listing[later], return_index=True)
    return int(np.isfinite(panel.local_return[later[first]]).sum())
