"""Continuous groups of the dataset."""

from __future__ import annotations

from openfactor.exposures.columns import DenseColumns
from openfactor.exposures.kinds.sources import Sources
from openfactor.settings.exposures import ContinuousExposureGroupSettings
from openfactor.settings.validation import hierarchy_factors


def continuous_columns(group: ContinuousExposureGroupSettings, sources: Sources) -> DenseColumns:
    """The columns of a continuous group."""
    leaves = sources.data.panel.dense[group.hierarchy.name]
    factors = hierarchy_factors(group, sources.menu, sources.universe)
    return DenseColumns(
        group.factor_group,
        tuple(factors),
        tuple(tuple(leaves[leaf] for leaf in members) for members in factors.values()),
        winsorize=group.winsorize,
        standardize=group.standardize_method == "equal_weighted",
        net_of=tuple(group.net_of),
    )
