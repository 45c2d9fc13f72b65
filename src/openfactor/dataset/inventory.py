"""The inventory of an exposures upload: which rows it has, and which of them a dataset uses.

Rows of assets that the id map does not know are counted. They add no factor and no date, and no rule is
checked on them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import polars as pl

from openfactor.dataset.coding import code_companies
from openfactor.dataset.factor_groups import GroupPlan
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.resolving import count_unknown
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import Fault


def exposure_inventory(rows: pl.LazyFrame) -> pl.DataFrame:
    """Rows of an exposures upload by date, asset_id_type, factor_group and factor.

    Returns
    -------
    These columns, and rows (their number), held (whether any exposure is not 0) and partial (whether any is
    neither 0 nor 1).
    """
    value = pl.col("exposure")
    return (
        rows.group_by("date", "asset_id_type", "factor_group", "factor")
        .agg(rows=pl.len(), held=(value != 0).any(), partial=((value != 0) & (value != 1)).any())
        .collect(engine="streaming")
    )


def used_factors(
    rows: pl.LazyFrame,
    inventory: pl.DataFrame,
    identifiers: Identifiers,
    row_counts: RowCounts,
    source: str = "exposures",
) -> pl.DataFrame:
    """The part of an inventory whose factors an asset of the id map has."""
    factor = ["factor_group", "factor"]
    types = inventory["asset_id_type"].unique().to_list()
    unseen = inventory.select(factor).unique()
    fullest = inventory.group_by("date").agg(pl.col("rows").sum()).sort("rows", "date")["date"].tail(1)
    # one day settles most factors; the whole history is read for the others only
    for sample in (rows.filter(pl.col("date").is_in(fullest.implode())), rows):
        if len(unseen):
            of_unseen = sample.filter(pl.col("factor").is_in(unseen["factor"].implode()))
            coded = code_companies(identifiers, of_unseen, factor, types)
            seen = coded.select(factor).unique().collect(engine="streaming")
            unseen = unseen.join(seen, on=factor, how="anti")
    unused = inventory.join(unseen, on=factor, how="semi").group_by("asset_id_type").agg(pl.col("rows").sum())
    count_unknown(row_counts, source, unused, {}, identifiers.company_types)
    return inventory.join(unseen, on=factor, how="anti", maintain_order="left")


def used_dates(
    rows: pl.LazyFrame, inventory: pl.DataFrame, identifiers: Identifiers, days: Collection[dt.date]
) -> set[dt.date]:
    """The dates of an inventory that are among `days`, or on which an asset of the id map has a row."""
    dates = set(inventory["date"].unique())
    other = pl.Series(sorted(dates - set(days)), dtype=pl.Date)
    if not len(other):
        return dates
    groups = inventory["factor_group"].unique()
    candidates = rows.filter(
        pl.col("date").is_in(other.implode()) & pl.col("factor_group").is_in(groups.implode())
    )
    types = inventory["asset_id_type"].unique().to_list()
    coded = code_companies(identifiers, candidates, [], types)
    used = coded.select("date").unique().collect(engine="streaming")
    return dates - (set(other) - set(used["date"]))


def unknown_factors(inventory: pl.DataFrame, plans: Sequence[GroupPlan], upload: str) -> list[Fault]:
    """Factors, and replacements of factors, that are no leaves of the hierarchy of their group."""
    return [fault for plan in plans for fault in _unknown_in_group(inventory, plan, upload)]


def _unknown_in_group(inventory: pl.DataFrame, plan: GroupPlan, upload: str) -> list[Fault]:
    if plan.tree is None:
        return []
    faults = []
    rows = inventory.filter(pl.col("factor_group") == plan.name)
    if plan.sparse:
        rows = rows.filter("held")  # an exposure of 0 is no membership
    names = rows["factor"].replace(dict(plan.overrides))
    strangers = sorted(set(names) - set(plan.tree.leaves))
    if strangers:
        count = int(rows.filter(names.is_in(strangers))["rows"].sum())
        inner = [code for code in strangers if code in plan.tree.nodes]
        hint = f"; {', '.join(inner[:5])} has codes below it" if inner else ""
        faults.append(
            Fault("not_a_leaf", upload, f"{len(strangers)} factors of {plan.name!r} ({count:,} rows) are not "
                  f"leaves of its hierarchy: {', '.join(strangers[:10])}"
                  f"{', ...' if len(strangers) > 10 else ''}{hint}; add them to the hierarchy, or fix "
                  "the exposures", "factor")
        )  # fmt: skip
    if strangers := sorted(set(plan.overrides.values()) - set(plan.tree.leaves)):
        message = f"categorical_overrides of {plan.name!r} lead to {', '.join(strangers)}"
        faults.append(Fault("not_a_leaf", upload, f"{message}, no leaf of its hierarchy"))
    return faults
