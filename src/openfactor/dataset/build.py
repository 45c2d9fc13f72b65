"""Builds a root risk dataset from the rows of its uploads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context, Step
from openfactor.dataset import checks
from openfactor.dataset.ambiguity import ambiguous_rows
from openfactor.dataset.calendar import closed_days, counted_days
from openfactor.dataset.caps import Caps
from openfactor.dataset.coding import rows_of_listings, with_carriers
from openfactor.dataset.content_hash import index_hash
from openfactor.dataset.coverage import coverage_by_date
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.idmap import project
from openfactor.dataset.lives import Life, stated_spans
from openfactor.dataset.loadings import (
    GroupPlan,
    Loadings,
    exposure_inventory,
    read_loadings,
    unknown_factors,
)
from openfactor.dataset.panel import Panel
from openfactor.dataset.panel_index import (
    PanelIndex,
    build_index,
    panel_of,
)
from openfactor.dataset.prices import read_prices
from openfactor.dataset.quality import known_checks, with_quality
from openfactor.dataset.rates import Rates
from openfactor.dataset.reading import UploadReader, read_tree
from openfactor.dataset.resolving import count_unknown
from openfactor.dataset.reuse import GroupReuse
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.row_counts import RowCounts
from openfactor.dataset.usage import used_dates, used_factors
from openfactor.errors import DataError, Fault
from openfactor.results import BuildReport
from openfactor.settings.hierarchies import Tree
from openfactor.settings.riskdataset import RootRiskDatasetSettings
from openfactor.uploads import DATA_TYPES

Float = NDArray[np.float64]
NO_SERIES = pl.DataFrame(schema={"date": pl.Date, "series": pl.String, "value": pl.Float64})


@dataclass(frozen=True)
class _Start:
    """What is known before a row of the panel is laid."""

    identifiers: Identifiers
    plans: list[GroupPlan]
    found: pl.DataFrame
    """What assets of the id map have in the exposures upload, in the groups of the settings."""
    counts: dict[str, pl.DataFrame]
    """Upload to asset_id_type and rows."""


def build(
    settings: RootRiskDatasetSettings,
    read: UploadReader,
    recipe: str,
    reuse: GroupReuse | None = None,
    context: Context | None = None,
) -> RiskDataset:
    """The dataset.

    Parameters
    ----------
    read : gives the rows of each upload, as validated when they were uploaded
    recipe : names the settings and the versions of the uploads
    reuse : factor groups that need not be built again

    Raises
    ------
    DataError: the uploads do not fit together; every fault is named. CancelledError: the request was
    cancelled.
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
    start = _identify(settings, uploads, read, row_counts)
    step.say("prices", 1)
    fx = uploads["exchange_rates"].collect()
    rates = Rates(fx, uploads["price"].select(pl.col("ccy").unique()).collect()["ccy"])
    prices = read_prices(
        uploads["price"], start.counts["price"], start.identifiers, rates, row_counts, settings.empty_returns
    )
    priced = prices.filter("quoted")
    if not len(priced):
        stop_on([checks.no_listing(uploads["price"], start.identifiers)])
    price_days = priced["date"].unique()
    dates = used_dates(uploads["exposures"], start.found, start.identifiers, price_days)
    days = sorted(dates.union(price_days))
    priced_days = np.isin(np.array(days, "datetime64[D]"), price_days.to_numpy())
    closures = uploads["exchange_dates"].select("exchange", "date").sort("exchange", "date").collect()
    closed = closed_days(closures, days)
    life = Life(
        counted_days(closed, priced_days),
        settings.max_days_without_price,
        stated_spans(uploads["idmap"].collect(), start.identifiers, settings.as_of_date),
    )
    rows = build_index(prices, days, life, start.identifiers, row_counts)
    date = pl.col("date")
    uses = priced.group_by("ccy").agg(first_use=date.min(), last_use=date.max(), rows=pl.len())
    names = pl.Series([rates.names[code] for code in uses["ccy"]], dtype=pl.String)
    faults = checks.rates("price", uses.with_columns(ccy=names), fx)
    faults += checks.returns(rows, start.identifiers, settings.max_return)
    if len(
        row_counts.unused_returns
    ):  # held against what is used; a look at the upload only where it may matter
        faults += DATA_TYPES["price"].table_faults(rows_of_listings(start.identifiers, uploads["price"]))
    del prices, priced
    loadings, lost = _loadings(settings, uploads["exposures"], start, rows, row_counts, reuse, step)
    step.say("market caps", 1)
    caps = Caps(uploads["market_cap"], start.counts["market_cap"], start.identifiers, settings)
    uses, counts = caps.in_use(rows, row_counts)
    stop_on([*faults, *checks.rates("market_cap", uses, fx), *lost])
    usd = rates.table(np.array(days, "datetime64[D]"))
    cap, idio_vol = caps.carry(counts, rows, rates.currencies, usd, row_counts)
    panel = panel_of(rows, cap, idio_vol, loadings.dense, loadings.sparse)
    built = RiskDataset(
        recipe=recipe,
        settings=settings,
        exposure_dtype=settings.exposure_dtype,
        days=tuple(days),
        identifiers=start.identifiers,
        currencies=rates.currencies,
        usd_per_unit=usd,
        closures=closures,
        panel=panel,
        trees=trees_of(start.plans, loadings),
        series=uploads["series"].collect() if "series" in uploads else NO_SERIES,
        coverage=coverage_by_date(panel, days),
        report=report_of(panel, days, start.identifiers, row_counts),
        group_recipes=reuse.recipes,
    ).with_periods(settings.periods_per_year)
    step.say("data quality", 1)
    return with_quality(built, uploads, {"exposures": start.found}, row_counts, context=step.context)


def report_of(
    panel: Panel, days: list[dt.date], identifiers: Identifiers, row_counts: RowCounts
) -> BuildReport:
    """The build report of a panel."""
    return BuildReport(
        first_date=str(days[0]),
        last_date=str(days[-1]),
        n_days=len(days),
        n_listings=len(np.unique(panel.listing)),
        n_companies=len(np.unique(identifiers.table["company"].to_numpy()[panel.listing])),
        n_rows=panel.n_rows,
        rows_read=row_counts.read,
        rows_dropped=dict(row_counts.dropped),
        rows_worked_out=dict(row_counts.worked_out),
        warnings=[],
    )


def trees_of(plans: list[GroupPlan], loadings: Loadings) -> dict[str, Tree]:
    """Group to tree: that of its hierarchy, without factors of a continuous group that nobody has an
    exposure to; or the flat list of its factors."""
    trees = {}
    for plan in plans:
        here = loadings.sparse[plan.name].categories if plan.sparse else tuple(loadings.dense[plan.name])
        if plan.tree is None:
            trees[plan.name] = Tree(list(here))
        else:
            trees[plan.name] = plan.tree if plan.sparse else plan.tree.below(here)
    return trees


def _identify(
    settings: RootRiskDatasetSettings,
    uploads: Mapping[str, pl.LazyFrame],
    read: UploadReader,
    row_counts: RowCounts,
) -> _Start:
    """Listings, companies and trees, after everything that can be checked without them."""
    idmap, master = uploads["idmap"].collect(), settings.master_id_type
    found = exposure_inventory(uploads["exposures"])
    counts = {"exposures": found.group_by("asset_id_type").agg(pl.col("rows").sum())}
    for name in ("price", "market_cap"):
        counts[name] = uploads[name].group_by("asset_id_type").agg(rows=pl.len()).collect()
    for name, rows in uploads.items():
        row_counts.read[name] = (
            int(counts[name]["rows"].sum()) if name in counts else rows.select(pl.len()).collect().item()
        )
    identifiers, faults = project(idmap, master, settings.master_id_core_type, settings.as_of_date)
    faults += checks.id_types(counts, idmap, identifiers)
    for name in counts:
        some = uploads[name]
        if name == "exposures":
            some = some.filter(pl.col("factor_group").is_in(list(settings.groups)))
        faults += ambiguous_rows(identifiers, some, name, of_listings=name == "price")
    is_known = pl.col("asset_id_type").is_in(identifiers.company_types)
    unresolved = counts["exposures"].filter(~is_known)
    count_unknown(row_counts, "exposures", unresolved, {}, identifiers.company_types)
    identifiers = with_carriers(
        identifiers, uploads["market_cap"], counts["market_cap"]["asset_id_type"].to_list()
    )
    resolved = found.filter(is_known)
    groups = resolved.group_by("factor_group").agg(pl.col("rows").sum()).sort("factor_group")
    faults += checks.factor_groups(groups["factor_group"].to_list(), settings.groups)
    for group, count in groups.rows():
        if group not in settings.groups:
            row_counts.drop("exposures", f"factor group {group} is not in the settings", count)
    plans = []
    for group, source in settings.groups.items():
        tree, wrong = read_tree(source, read) if source else (None, [])
        faults += wrong
        plans.append(
            GroupPlan(
                group,
                group in settings.sparse_factor_groups,
                tree,
                forward_fill=settings.has_changes(group),
                max_age=settings.max_age(group),
            )
        )
    found = resolved.filter(pl.col("factor_group").is_in(list(settings.groups)))
    if identifiers.n_listings:
        declared = set(found["factor_group"])
        found = used_factors(uploads["exposures"], found, identifiers, row_counts)
        empty = declared - set(found["factor_group"])
        faults += checks.known_groups(uploads["exposures"], empty, identifiers)
        faults += unknown_factors(found, plans, "exposures")
    stop_on(faults)
    return _Start(identifiers, plans, found, counts)


def _loadings(
    settings: RootRiskDatasetSettings,
    exposures: pl.LazyFrame,
    start: _Start,
    rows: PanelIndex,
    row_counts: RowCounts,
    reuse: GroupReuse,
    step: Step,
) -> tuple[Loadings, list[Fault]]:
    """The factor groups, read or, if nothing that they are made from has changed, taken over."""
    plans = repr([(plan.name, plan.sparse, plan.forward_fill, plan.max_age) for plan in start.plans])
    content = index_hash(rows, start.identifiers)
    reuse.record(
        "exposures", [f"exposures/{settings.exposures_source}"], content, plans, settings.exposure_dtype
    )
    taken_over = reuse.take_over("exposures", list(settings.groups), row_counts)
    if taken_over is not None:
        return taken_over, []
    return read_loadings(
        exposures, start.found, start.plans, rows, start.identifiers, settings.exposure_dtype, row_counts,
        context=step.context,
    )  # fmt: skip


def stop_on(faults: list[Fault]) -> None:
    """Raise DataError with the faults, if there are any."""
    if faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        raise DataError(f"the uploads do not make a risk dataset, {count}:", faults)
