"""The inventory of an exposures upload: which rows it has, and which of them a dataset uses.

Rows of assets that the id map does not know are counted. They add no factor and no date, and no rule is
checked on them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from openfactor.dataset.coding import code_companies
from openfactor.dataset.factor_groups import GroupPlan
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.resolving import count_unknown
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import Fault

_FACTOR = ["factor_group", "factor"]


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
    """The part of an inventory that a dataset uses: each factor from the first row of an asset of the id map.

    Returns
    -------
    The columns of the inventory, and first_held: the first date on which an asset of the id map has an
    exposure to the factor that is not 0; null if there is none.
    """
    first = _first_uses(rows, inventory, identifiers)
    with_first = inventory.join(first, on=_FACTOR, how="left", maintain_order="left")
    is_used = (pl.col("date") >= pl.col("first_date")).fill_null(value=False)
    unused = with_first.filter(~is_used).group_by("asset_id_type").agg(pl.col("rows").sum())
    count_unknown(row_counts, source, unused, {}, identifiers.company_types)
    return with_first.filter(is_used).drop("first_date")


def _first_uses(rows: pl.LazyFrame, inventory: pl.DataFrame, identifiers: Identifiers) -> pl.DataFrame:
    """factor_group, factor, first_date (of a row of an asset of the id map), first_held (see `used_factors`).

    Factors without such a row are left out.
    """
    date, types = pl.col("date"), inventory["asset_id_type"].unique().to_list()

    def uses(sample: pl.LazyFrame) -> pl.DataFrame:
        coded = code_companies(identifiers, sample, [*_FACTOR, "exposure"], types)
        first_held = date.filter(pl.col("exposure") != 0).min()
        first = coded.group_by(_FACTOR).agg(first_date=date.min(), first_held=first_held)
        return first.collect(engine="streaming")

    bounds = inventory.group_by(_FACTOR).agg(date.min(), held=date.filter(pl.col("held")).min())
    # the first dates of all assets settle most factors; the whole history is read for the others only
    dates = pl.concat([bounds["date"], bounds["held"].drop_nulls()]).unique()
    settled = (
        uses(rows.filter(date.is_in(dates.implode())))
        .join(bounds, on=_FACTOR)
        .filter(pl.col("first_date") == date, pl.col("first_held").eq_missing(pl.col("held")))
        .drop("date", "held")
    )
    others = bounds.join(settled, on=_FACTOR, how="anti").select(_FACTOR)
    if not len(others):
        return settled
    of_others = rows.filter(pl.col("factor").is_in(others["factor"].unique().implode()))
    return pl.concat([settled, uses(of_others).join(others, on=_FACTOR, how="semi")])


def categories_in_order(inventory: pl.DataFrame, overrides: Mapping[str, str]) -> list[str]:
    """The categories of a group by the first date on which an asset of the id map has one, then by name.

    Parameters
    ----------
    inventory : of the group, see `used_factors`; overrides : factor to its category, if that has another name
    """
    names = pl.col("factor").replace(dict(overrides))
    held = inventory.filter(pl.col("first_held").is_not_null())
    return (
        held.group_by(names).agg(pl.col("first_held").min()).sort("first_held", "factor")["factor"].to_list()
    )


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
