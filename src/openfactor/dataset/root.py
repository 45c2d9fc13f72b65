"""Builds a root risk dataset from the rows of its uploads."""

from __future__ import annotations

import numpy as np
import polars as pl

from openfactor.context import Context, Step
from openfactor.dataset import checks
from openfactor.dataset.assembly import raise_faults, report_of
from openfactor.dataset.caps import Caps
from openfactor.dataset.content_hash import index_hash
from openfactor.dataset.coverage import coverage_by_date
from openfactor.dataset.factor_groups import Loadings, trees_of
from openfactor.dataset.loadings import read_loadings
from openfactor.dataset.panel_index import PanelIndex, panel_of
from openfactor.dataset.priced_rows import lay_out_rows
from openfactor.dataset.quality import known_checks, with_quality
from openfactor.dataset.reading import UploadReader
from openfactor.dataset.reuse import GroupReuse
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.root_inputs import RootInputs, read_inputs
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import Fault
from openfactor.settings.riskdataset import RootRiskDatasetSettings

NO_SERIES = pl.DataFrame(schema={"date": pl.Date, "series": pl.String, "value": pl.Float64})


def build(
    settings: RootRiskDatasetSettings,
    read: UploadReader,
    recipe: str,
    reuse: GroupReuse | None = None,
    context: Context | None = None,
) -> RiskDataset:
    """A dataset made from uploads.

    Parameters
    ----------
    read : returns the rows of uploads, validated when they were uploaded
    recipe : hash of the settings and the versions of the uploads
    reuse : factor groups that need not be built again

    Raises
    ------
    DataError: faults of the uploads, all of them. CancelledError: the request was cancelled.
    """
    known_checks(settings.quality)
    with (context or Context()).step("building a risk dataset", unit="steps") as step:
        return _build(settings, read, recipe, reuse or GroupReuse(), step)


def _build(
    settings: RootRiskDatasetSettings, read: UploadReader, recipe: str, reuse: GroupReuse, step: Step
) -> RiskDataset:
    row_counts = RowCounts()
    uploads = {data_type: read(data_type, name) for data_type, name in settings.sources.items()}
    step.say("identifiers", 1)
    inputs = read_inputs(settings, uploads, read, row_counts)
    step.say("prices", 1)
    priced = lay_out_rows(settings, inputs, row_counts)
    index, rates = priced.index, priced.rates
    loadings, faults = _loadings(settings, inputs, index, row_counts, reuse, step)
    step.say("market caps", 1)
    caps = Caps(uploads["market_cap"], inputs.rows_by_type["market_cap"], inputs.identifiers, settings)
    currencies, rows_by_date = caps.in_use(index, row_counts)
    raise_faults([*priced.faults, *checks.rates("market_cap", currencies, priced.fx), *faults])
    usd_per_unit = rates.table(np.array(index.days, "datetime64[D]"))
    market_cap, idio_vol = caps.carry(rows_by_date, index, rates.currencies, usd_per_unit, row_counts)
    panel = panel_of(index, market_cap, idio_vol, loadings.dense, loadings.sparse)
    dataset = RiskDataset(
        recipe=recipe,
        settings=settings,
        exposure_dtype=settings.exposure_dtype,
        days=tuple(index.days),
        identifiers=inputs.identifiers,
        currencies=rates.currencies,
        usd_per_unit=usd_per_unit,
        closures=priced.closures,
        panel=panel,
        trees=trees_of(inputs.plans, loadings),
        series=uploads["series"].collect() if "series" in uploads else NO_SERIES,
        coverage=coverage_by_date(panel, index.days),
        report=report_of(panel, index.days, inputs.identifiers, row_counts),
        group_recipes=reuse.recipes,
    ).with_periods(settings.periods_per_year)
    step.say("data quality", 1)
    inventories = {"exposures": inputs.inventory}
    return with_quality(dataset, uploads, inventories, row_counts, context=step.context)


def _loadings(
    settings: RootRiskDatasetSettings,
    inputs: RootInputs,
    index: PanelIndex,
    row_counts: RowCounts,
    reuse: GroupReuse,
    step: Step,
) -> tuple[Loadings, list[Fault]]:
    """The factor groups, taken over if nothing that they are made from has changed."""
    plans = repr([(plan.name, plan.sparse, plan.forward_fill, plan.max_age) for plan in inputs.plans])
    index_content = index_hash(index, inputs.identifiers)
    reuse.record(
        "exposures", [f"exposures/{settings.exposures_source}"], index_content, plans, settings.exposure_dtype
    )
    loadings = reuse.take_over("exposures", list(settings.groups), row_counts)
    if loadings is not None:
        return loadings, []
    return read_loadings(
        inputs.uploads["exposures"], inputs.inventory, inputs.plans, index, inputs.identifiers,
        settings.exposure_dtype, row_counts, context=step.context,
    )  # fmt: skip
