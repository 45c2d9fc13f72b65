"""Groups of an upload of exposures, without a dataset that has them."""

from __future__ import annotations

import polars as pl

from openfactor.dataset.ambiguity import ambiguous_rows
from openfactor.dataset.betas import chosen
from openfactor.dataset.checks import known_groups
from openfactor.dataset.factor_groups import GroupPlan
from openfactor.dataset.inventory import exposure_inventory, used_factors
from openfactor.dataset.loadings import read_loadings
from openfactor.dataset.panel_index import index_of_panel
from openfactor.dataset.row_counts import RowCounts
from openfactor.datawarnings import warn
from openfactor.errors import DataError, Fault, SettingsError
from openfactor.exposures.columns import DenseColumns
from openfactor.exposures.kinds.sources import Sources
from openfactor.settings.exposures import InlineUploadedExposureGroupSettings
from openfactor.settings.hierarchies import unknown


def uploaded_columns(group: InlineUploadedExposureGroupSettings, sources: Sources) -> DenseColumns:
    """The columns of a group of an upload.

    Raises
    ------
    SettingsError
        A group or factors that the upload does not have.
    DataError
        Identifiers that lead to two companies on one day, or exposures that the precision of the dataset
        cannot hold.
    """
    name, source = group.factor_group, group.exposure_source
    rows, row_counts = sources.read("exposures", source), RowCounts()
    identifiers = sources.data.identifiers
    used = _used_factors(group, sources, rows, row_counts)
    known = used["factor"].unique().sort().to_list()
    names = chosen(known, group.include, group.exclude, f"group {name!r}")
    plan = GroupPlan(name, sparse=False, forward_fill=group.forward_fill, max_age=group.max_age)
    loadings, faults = read_loadings(
        rows, used, [plan], index_of_panel(sources.data),
        identifiers, sources.data.exposure_dtype, row_counts, source, sources.context,
    )  # fmt: skip
    faults += ambiguous_rows(identifiers, rows.filter(pl.col("factor_group") == name), "exposures")
    _warn_of_unknown_assets(group, row_counts)
    _refuse(group, faults)
    return DenseColumns(
        name,
        tuple(names),
        tuple((loadings.dense[name][factor],) for factor in names),
        winsorize=group.winsorize,
        gaussianize=group.gaussianize,
        keep_zeros=group.gaussianize_maintain_zeros,
        fill=group.fill_miss,
        standardize=group.standardize_method == "equal_weighted",
        net_of=tuple(group.net_of),
    )


def _used_factors(
    group: InlineUploadedExposureGroupSettings, sources: Sources, rows: pl.LazyFrame, row_counts: RowCounts
) -> pl.DataFrame:
    """The part of the upload's inventory that belongs to factors of the group with rows of known assets."""
    identifiers = sources.data.identifiers
    inventory = exposure_inventory(rows)
    inventory = inventory.filter(pl.col("asset_id_type").is_in(identifiers.company_types))
    of_group = inventory.filter(pl.col("factor_group") == group.factor_group)
    if not len(of_group):
        groups = inventory["factor_group"].unique().sort().to_list()
        raise SettingsError(
            f"the upload {group.exposure_source!r} has no such group:", [unknown(group.factor_group, groups)]
        )
    used = used_factors(rows, of_group, identifiers, row_counts, group.exposure_source)
    if not len(used):
        _refuse(group, known_groups(rows, [group.factor_group], identifiers, group.exposure_source))
    return used


def _warn_of_unknown_assets(group: InlineUploadedExposureGroupSettings, row_counts: RowCounts) -> None:
    dropped = row_counts.dropped[group.exposure_source]
    if unknown_rows := sum(n for reason, n in dropped.items() if reason.startswith("unknown asset")):
        warn(
            f"{unknown_rows:,} rows of group {group.factor_group!r} in the upload {group.exposure_source!r} "
            "are of assets that the dataset does not know"
        )


def _refuse(group: InlineUploadedExposureGroupSettings, faults: list[Fault]) -> None:
    if faults:
        raise DataError(f"the upload {group.exposure_source!r} does not fit the dataset:", faults)
