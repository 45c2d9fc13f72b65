"""Kinds of exposure groups: how the columns of each are built.

To add one, write its settings, a file here, and an entry of `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openfactor.exposures.columns import CategoricalBlock
from openfactor.exposures.factor_columns import Dense
from openfactor.exposures.kinds.betas import beta_columns
from openfactor.exposures.kinds.categorical import categorical_block
from openfactor.exposures.kinds.continuous import continuous_columns
from openfactor.exposures.kinds.interaction import product_blocks, product_columns
from openfactor.exposures.kinds.sources import Sources
from openfactor.exposures.kinds.uploaded import uploaded_columns
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    TimeSeriesBetaExposureGroupSettings,
)


@dataclass(frozen=True)
class GroupKind:
    """A kind of exposure group."""

    dense: Callable[[Any, Sources], list[Dense]] = lambda group, sources: []
    """Dense columns of a group's settings."""
    blocks: Callable[[Any, Sources, int], list[CategoricalBlock]] = lambda group, sources, first: []
    """Blocks of categories of a group's settings, from a column on."""


KINDS: dict[type, GroupKind] = {
    ContinuousExposureGroupSettings: GroupKind(lambda group, sources: [continuous_columns(group, sources)]),
    TimeSeriesBetaExposureGroupSettings: GroupKind(lambda group, sources: [beta_columns(group, sources)]),
    InlineUploadedExposureGroupSettings: GroupKind(lambda group, sources: [uploaded_columns(group, sources)]),
    CategoricalExposureGroupSettings: GroupKind(
        blocks=lambda group, sources, first: [categorical_block(group, sources, first)]
    ),
    InteractionExposureGroupSettings: GroupKind(
        lambda group, sources: [*product_columns(group, sources)], product_blocks
    ),
}
"""Settings of a group to its kind."""

__all__ = ["KINDS", "GroupKind", "Sources"]
