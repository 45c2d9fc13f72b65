"""Identifiers and factor groups of a root dataset, read and checked before rows are laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from openfactor.dataset import checks
from openfactor.dataset.ambiguity import ambiguous_rows
from openfactor.dataset.assembly import raise_faults
from openfactor.dataset.coding import with_carriers
from openfactor.dataset.factor_groups import GroupPlan
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.idmap import project
from openfactor.dataset.inventory import exposure_inventory, unknown_factors, used_factors
from openfactor.dataset.numbering import numbered
from openfactor.dataset.reading import UploadReader, read_tree
from openfactor.dataset.resolving import count_unknown
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import Fault
from openfactor.settings.riskdataset import RootRiskDatasetSettings

Uploads = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True)
class RootInputs:
    """Checked uploads of a root dataset."""

    uploads: Uploads
    identifiers: Identifiers
    plans: list[GroupPlan]
    inventory: pl.DataFrame
    """Of the exposures upload: the groups of the settings, as far as assets of the id map have them."""
    rows_by_type: dict[str, pl.DataFrame]
    """Upload to asset_id_type, rows."""


def read_inputs(
    settings: RootRiskDatasetSettings, uploads: Uploads, read: UploadReader, row_counts: RowCounts
) -> RootInputs:
    """Read and check all that can be checked before rows are laid out.

    Raises
    ------
    DataError: faults of the uploads, all of them.
    """
    inventory = exposure_inventory(uploads["exposures"])
    rows_by_type = _count_rows(uploads, inventory, row_counts)
    idmap = uploads["idmap"].collect()
    identifiers, faults = project(
        idmap, settings.master_id_type, settings.master_id_core_type, settings.as_of_date
    )
    faults += checks.id_types(rows_by_type, idmap, identifiers)
    for name in rows_by_type:
        rows = uploads[name]
        if name == "exposures":
            rows = rows.filter(pl.col("factor_group").is_in(list(settings.groups)))
        faults += ambiguous_rows(identifiers, rows, name, of_listings=name == "price")
    price_types = rows_by_type["price"]["asset_id_type"].to_list()
    identifiers = numbered(identifiers, uploads["price"], price_types)
    cap_types = rows_by_type["market_cap"]["asset_id_type"].to_list()
    identifiers = with_carriers(identifiers, uploads["market_cap"], cap_types)
    of_groups, group_faults = _used_groups(settings, inventory, rows_by_type, identifiers, row_counts)
    plans, plan_faults = _plan_groups(settings, read)
    faults += [*group_faults, *plan_faults]
    if identifiers.n_listings:
        declared = set(of_groups["factor_group"])
        of_groups = used_factors(uploads["exposures"], of_groups, identifiers, row_counts)
        empty = declared - set(of_groups["factor_group"])
        faults += checks.known_groups(uploads["exposures"], empty, identifiers)
        faults += unknown_factors(of_groups, plans, "exposures")
    raise_faults(faults)
    return RootInputs(uploads, identifiers, plans, of_groups, rows_by_type)


def _count_rows(uploads: Uploads, inventory: pl.DataFrame, row_counts: RowCounts) -> dict[str, pl.DataFrame]:
    """Upload to asset_id_type, rows; of those that name assets. Counts the rows of all."""
    by_type = {"exposures": inventory.group_by("asset_id_type").agg(pl.col("rows").sum())}
    for name in ("price", "market_cap"):
        by_type[name] = uploads[name].group_by("asset_id_type").agg(rows=pl.len()).collect()
    for name, rows in uploads.items():
        row_counts.read[name] = (
            int(by_type[name]["rows"].sum()) if name in by_type else rows.select(pl.len()).collect().item()
        )
    return by_type


def _used_groups(
    settings: RootRiskDatasetSettings,
    inventory: pl.DataFrame,
    rows_by_type: Mapping[str, pl.DataFrame],
    identifiers: Identifiers,
    row_counts: RowCounts,
) -> tuple[pl.DataFrame, list[Fault]]:
    """The inventory of the groups of the settings, in known id types; faults for groups without rows."""
    is_known = pl.col("asset_id_type").is_in(identifiers.company_types)
    unknown_types = rows_by_type["exposures"].filter(~is_known)
    count_unknown(row_counts, "exposures", unknown_types, {}, identifiers.company_types)
    resolved = inventory.filter(is_known)
    groups = resolved.group_by("factor_group").agg(pl.col("rows").sum()).sort("factor_group")
    for group, count in groups.rows():
        if group not in settings.groups:
            row_counts.drop("exposures", f"factor group {group} is not in the settings", count)
    faults = checks.factor_groups(groups["factor_group"].to_list(), settings.groups)
    return resolved.filter(pl.col("factor_group").is_in(list(settings.groups))), faults


def _plan_groups(
    settings: RootRiskDatasetSettings, read: UploadReader
) -> tuple[list[GroupPlan], list[Fault]]:
    """How to read each group; faults of their hierarchies."""
    plans, faults = [], []
    for group, source in settings.groups.items():
        tree, tree_faults = read_tree(source, read) if source else (None, [])
        faults += tree_faults
        plan = GroupPlan(
            group,
            sparse=group in settings.sparse_factor_groups,
            tree=tree,
            forward_fill=settings.has_changes(group),
            max_age=settings.max_age(group),
        )
        plans.append(plan)
    return plans, faults
