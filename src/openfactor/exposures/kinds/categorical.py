"""Categorical groups of the dataset."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.columns import SparseColumns
from openfactor.exposures.columns import CategoricalBlock
from openfactor.exposures.kinds.sources import Sources
from openfactor.settings.exposures import CategoricalExposureGroupSettings
from openfactor.settings.factors import Factors
from openfactor.settings.validation import hierarchy_factors


class Categories(NamedTuple):
    """The categories of a group, and what factors they make."""

    source: SparseColumns
    """In the panel."""
    factors: Factors
    """Factor to its categories."""
    column: NDArray[np.int32]
    """(categories + 1,) the factor of each category of the panel, -1 for those left out and for none."""


def categories_of(group: CategoricalExposureGroupSettings, sources: Sources) -> Categories:
    """The categories of a group, restricted to the universe."""
    panel_group = sources.data.panel.sparse[group.hierarchy.name]
    factors = hierarchy_factors(group, sources.menu, sources.universe)
    position = {leaf: k for k, leaves in enumerate(factors.values()) for leaf in leaves}
    column = np.array([*(position.get(c, -1) for c in panel_group.categories), -1], np.int32)
    return Categories(panel_group, factors, column)


def categorical_block(
    group: CategoricalExposureGroupSettings, sources: Sources, first: int
) -> CategoricalBlock:
    """The columns of a categorical group, from column `first` on."""
    source, factors, column = categories_of(group, sources)
    return CategoricalBlock(
        group.factor_group, tuple(factors), first, (source,), (column,), (len(factors),)
    )  # fmt: skip
