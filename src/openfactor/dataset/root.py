"""Builds a root risk dataset from the rows of its uploads, month by month."""

from __future__ import annotations

import numpy as np
import polars as pl

from openfactor.context import Context, Step
from openfactor.dataset.assembly import report_of
from openfactor.dataset.coverage import whole_coverage
from openfactor.dataset.factor_groups import trees_of
from openfactor.dataset.panel import Panel
from openfactor.dataset.quality import known_checks, with_quality
from openfactor.dataset.reading import UploadReader
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.root_inputs import read_inputs
from openfactor.dataset.root_stages import Resumption, RootStages
from openfactor.dataset.row_counts import RowCounts
from openfactor.settings.riskdataset import RootRiskDatasetSettings

NO_SERIES = pl.DataFrame(schema={"date": pl.Date, "series": pl.String, "value": pl.Float64})


def build(
    settings: RootRiskDatasetSettings,
    read: UploadReader,
    recipe: str,
    context: Context | None = None,
    resumption: Resumption | None = None,
) -> RiskDataset:
    """A dataset made from uploads.

    Parameters
    ----------
    read : returns the rows of uploads, validated when they were uploaded
    recipe : hash of the settings and the versions of the uploads
    resumption : where to go on, if an earlier dataset of the same settings has the same beginning; the result
        is that of a whole build, to the last bit

    Raises
    ------
    DataError: faults of the uploads, all of them. CancelledError: the request was cancelled.
    """
    known_checks(settings.quality)
    with (context or Context()).step("building a risk dataset", unit="steps") as step:
        return _build(settings, read, recipe, step, resumption)


def _build(
    settings: RootRiskDatasetSettings,
    read: UploadReader,
    recipe: str,
    step: Step,
    resumption: Resumption | None,
) -> RiskDataset:
    row_counts = RowCounts()
    uploads = {data_type: read(data_type, name) for data_type, name in settings.sources.items()}
    step.say("identifiers", 1)
    inputs = read_inputs(settings, uploads, read, row_counts)
    step.say("prices, caps and exposures", 1)
    stages = RootStages(settings, inputs, resumption)
    new_runs = stages.fold(step.context)
    if resumption is not None and not new_runs:  # the last months are gone
        return _build(settings, read, recipe, step, None)
    stages.finish(row_counts)
    new_days = [day for priced in stages.priced for day in priced.days.dates]
    days, runs, coverage = new_days, new_runs, stages.counts_by_day
    if resumption is not None:
        days = [*resumption.dataset.days[: resumption.n_days], *new_days]
        runs = [*resumption.runs, *new_runs]
        coverage = [resumption.dataset.coverage[: resumption.n_days], *coverage]
    panel, rates = Panel(runs), stages.layout.rates
    dataset = RiskDataset(
        recipe=recipe,
        settings=settings,
        exposure_dtype=settings.exposure_dtype,
        days=tuple(days),
        identifiers=inputs.identifiers,
        currencies=rates.currencies,
        usd_per_unit=rates.table(np.array(days, "datetime64[D]")),
        closures=stages.layout.closures,
        panel=panel,
        trees=trees_of(inputs.plans, panel.names),
        series=uploads["series"].collect() if "series" in uploads else NO_SERIES,
        coverage=whole_coverage(coverage, panel),
        report=report_of(panel, days, inputs.identifiers, row_counts),
        states=stages.states,
    ).with_periods(settings.periods_per_year)
    step.say("data quality", 1)
    inventories = {"exposures": inputs.inventory}
    return with_quality(dataset, uploads, inventories, row_counts, context=step.context)
