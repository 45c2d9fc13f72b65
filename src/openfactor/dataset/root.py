"""Builds a root risk dataset from the rows of its uploads, run by run."""

from __future__ import annotations

import numpy as np
import polars as pl

from openfactor.context import Context, Step
from openfactor.dataset import checks
from openfactor.dataset.assembly import raise_faults, report_of
from openfactor.dataset.caps import CapStage
from openfactor.dataset.coverage import coverage_by_date, first_dates
from openfactor.dataset.factor_groups import trees_of
from openfactor.dataset.loadings import ExposureStage
from openfactor.dataset.panel import Panel, PanelRun
from openfactor.dataset.panel_index import panel_run
from openfactor.dataset.priced_rows import PricedRun, RowLayout
from openfactor.dataset.quality import known_checks, with_quality
from openfactor.dataset.reading import UploadReader
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.root_inputs import RootInputs, read_inputs
from openfactor.dataset.row_counts import RowCounts
from openfactor.settings.riskdataset import RootRiskDatasetSettings

NO_SERIES = pl.DataFrame(schema={"date": pl.Date, "series": pl.String, "value": pl.Float64})


def build(
    settings: RootRiskDatasetSettings, read: UploadReader, recipe: str, context: Context | None = None
) -> RiskDataset:
    """A dataset made from uploads.

    Parameters
    ----------
    read : returns the rows of uploads, validated when they were uploaded
    recipe : hash of the settings and the versions of the uploads

    Raises
    ------
    DataError: faults of the uploads, all of them. CancelledError: the request was cancelled.
    """
    known_checks(settings.quality)
    with (context or Context()).step("building a risk dataset", unit="steps") as step:
        return _build(settings, read, recipe, step)


def _build(settings: RootRiskDatasetSettings, read: UploadReader, recipe: str, step: Step) -> RiskDataset:
    row_counts = RowCounts()
    uploads = {data_type: read(data_type, name) for data_type, name in settings.sources.items()}
    step.say("identifiers", 1)
    inputs = read_inputs(settings, uploads, read, row_counts)
    step.say("prices, caps and exposures", 1)
    stages = _Stages(settings, inputs)
    runs = stages.fold(step)
    stages.finish(row_counts)
    days = [day for priced in stages.priced for day in priced.days.dates]
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
        coverage=coverage_by_date(panel, days, first_dates(inputs.inventory)),
        report=report_of(panel, days, inputs.identifiers, row_counts),
    ).with_periods(settings.periods_per_year)
    step.say("data quality", 1)
    inventories = {"exposures": inputs.inventory}
    return with_quality(dataset, uploads, inventories, row_counts, context=step.context)


class _Stages:
    """What the fold over runs consists of: the rows of a run, then its exposures and caps."""

    def __init__(self, settings: RootRiskDatasetSettings, inputs: RootInputs) -> None:
        self._inputs = inputs
        identifiers = inputs.identifiers
        self.layout = RowLayout(settings, inputs)
        self.exposures = ExposureStage(
            inputs.uploads["exposures"], inputs.inventory, inputs.plans, identifiers, settings.exposure_dtype
        )
        caps = inputs.uploads["market_cap"]
        counts = caps.group_by("date", "asset_id_type").agg(rows=pl.len()).collect(engine="streaming")
        self.caps = CapStage(caps, counts, identifiers, self.layout.rates, settings)
        self.priced: list[PricedRun] = []

    def fold(self, step: Step) -> list[PanelRun]:
        """The runs of the panel; CancelledError if the request was cancelled."""
        runs = []
        with step.context.step("laying out months", unit="months") as advance:
            for priced in self.layout.runs():
                loadings = self.exposures.advance(priced.index, advance.context)
                caps = self.caps.advance(priced.index)
                runs.append(
                    panel_run(priced.index, caps.market_cap, caps.idio_vol, loadings.dense, loadings.sparse)
                )
                self.priced.append(priced)
                advance()
        return runs

    def finish(self, row_counts: RowCounts) -> None:
        """Count all rows; DataError with the faults of all runs."""
        faults = self.layout.faults(self.priced)
        faults += checks.rates("market_cap", self.caps.currencies(), self.layout.fx)
        raise_faults([*faults, *self.exposures.faults()])
        for counts in (*(priced.row_counts for priced in self.priced), self.layout.rest):
            row_counts.add(counts)
        self.exposures.count(row_counts, self.priced[-1].days.dates[-1])
        self.caps.count(row_counts)
