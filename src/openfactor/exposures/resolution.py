"""Settings of exposures become columns on a dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openfactor.context import Context
from openfactor.dataset import RiskDataset
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.errors import SettingsError
from openfactor.exposures.columns import CategoricalBlock, ReferenceMasks
from openfactor.exposures.factor_columns import FactorColumns
from openfactor.exposures.kinds import KINDS, Sources
from openfactor.numerics.weighting import regression_weights
from openfactor.settings.exposures import ExposureGroupSettings, ExposureSettings
from openfactor.settings.universe import UniverseSettings


def resolve(
    dataset: RiskDataset,
    settings: ExposureSettings,
    universe: UniverseSettings,
    reference: ReferenceMasks,
    read: UploadReader = no_uploads,
    context: Context | None = None,
) -> FactorColumns:
    """The columns that settings ask for.

    Parameters
    ----------
    settings
        Valid on the dataset.
    universe
        Restricts the categories to what its filters leave, and has the calendar of betas.
    reference
        The rows that cross-sectional transforms look at.
    read
        Gives uploads, for groups that come from one.

    Raises
    ------
    SettingsError
        A group or factors that an upload does not have; factors that come from several groups.
    DataError
        Exposures of an upload that the precision of the dataset cannot hold, or with ambiguous identifiers.
    """
    menu = dataset.properties.exposure_settings_menu
    sources = Sources(dataset, menu, universe, read, context or Context())
    dense = tuple(
        columns for group in settings.exposures for columns in KINDS[type(group)].dense(group, sources)
    )
    blocks: list[CategoricalBlock] = []
    first = sum(len(columns.factors) for columns in dense)
    for group in _in_order_of_blocks(settings.exposures):
        added = KINDS[type(group)].blocks(group, sources, first)
        first += sum(len(block.factors) for block in added)
        blocks += added
    scheme, panel = settings.orthogonalization_weights, dataset.panel
    needs_weights = any(columns.net_of for columns in dense)
    weights = regression_weights(scheme, panel.market_cap, panel.idio_vol) if needs_weights else np.empty(0)
    columns = FactorColumns(dense, tuple(blocks), reference, weights)
    if repeated := sorted({name for name in columns.names if columns.names.count(name) > 1}):
        raise SettingsError(
            "the exposures do not fit together:", [f"{name} comes from several groups" for name in repeated]
        )
    return columns


def _in_order_of_blocks(groups: Sequence[ExposureGroupSettings]) -> list[ExposureGroupSettings]:
    """Categorical groups first, those of one name one after the other, then all others as they come."""
    categorical: list[ExposureGroupSettings] = []
    others: list[ExposureGroupSettings] = []
    for group in groups:
        is_plain = group.is_categorical and len(group.hierarchy_groups) == 1
        (categorical if is_plain else others).append(group)
    names = [group.factor_group for group in categorical]
    return [*sorted(categorical, key=lambda group: names.index(group.factor_group)), *others]
