"""Products of groups of the dataset."""

from __future__ import annotations

from itertools import product

from openfactor.exposures.columns import CategoricalBlock, ProductColumns
from openfactor.exposures.kinds.categorical import categories_of
from openfactor.exposures.kinds.continuous import continuous_columns
from openfactor.exposures.kinds.sources import Sources
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    InteractionExposureGroupSettings,
)


def product_columns(group: InteractionExposureGroupSettings, sources: Sources) -> list[ProductColumns]:
    """The dense columns of an interaction, which it has if all of its members are continuous."""
    if group.is_categorical:
        return []
    columns = tuple(continuous_columns(member, sources) for member in _members(group)[0])
    return [ProductColumns(group.factor_group, columns)]


def product_blocks(
    group: InteractionExposureGroupSettings, sources: Sources, first: int
) -> list[CategoricalBlock]:
    """The blocks of an interaction with categorical members, from column `first` on: one for each combination
    of continuous factors.
    """
    continuous, categorical = _members(group)
    if not categorical:
        return []
    dense = {id(member): continuous_columns(member, sources) for member in continuous}
    categories = {id(member): categories_of(member, sources) for member in categorical}
    blocks = []
    for combination in product(*(range(len(columns.factors)) for columns in dense.values())):
        factor_of = dict(zip(dense, combination, strict=True))
        names = [
            [dense[key].factors[factor_of[key]]] if key in dense else list(categories[key].factors)
            for key in map(id, group.exposure_groups)
        ]
        factors = tuple(":".join(name) for name in product(*names))
        blocks.append(
            CategoricalBlock(
                group=group.factor_group,
                factors=factors,
                first=first,
                sources=tuple(member.source for member in categories.values()),
                columns=tuple(member.column for member in categories.values()),
                sizes=tuple(len(member.factors) for member in categories.values()),
                scale=tuple((dense[key], factor) for key, factor in factor_of.items()),
            )
        )
        first += len(factors)
    return blocks


def _members(
    group: InteractionExposureGroupSettings,
) -> tuple[list[ContinuousExposureGroupSettings], list[CategoricalExposureGroupSettings]]:
    members = group.exposure_groups
    return (
        [member for member in members if isinstance(member, ContinuousExposureGroupSettings)],
        [member for member in members if isinstance(member, CategoricalExposureGroupSettings)],
    )
