"""Which rows of the panel belong to a universe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.panel import RiskDataset
from openfactor.settings.universe import CategoricalFilterSettings, UniverseSettings

Mask = NDArray[np.bool_]


def members(dataset: RiskDataset, settings: UniverseSettings) -> Mask:
    """(rows,) the row passes every filter on the values of its own day.

    Settings are taken as valid on the dataset (`settings.validation`).
    """
    panel = dataset.panel
    inside = np.ones(panel.n_rows, np.bool_)
    bounds = settings.mcap_filter
    if bounds.lower > 0 or bounds.upper < 1e20:
        known = np.isfinite(panel.cap) & (panel.cap >= bounds.lower) & (panel.cap <= bounds.upper)
        inside &= known | (np.isnan(panel.cap) & (bounds.lower == 0))
    for item in settings.categorical_filters:
        inside &= _in_categories(dataset, item)
    return inside


def _in_categories(dataset: RiskDataset, item: CategoricalFilterSettings) -> Mask:
    group = dataset.panel.sparse[item.hierarchy]
    included = np.array([item.include == "All" or c in item.include for c in group.categories] + [False])
    excluded = np.array([c in item.exclude for c in group.categories] + [False])
    # code -1, no category, reads the False at the end
    is_in = np.logical_or.reduce([included[codes] for codes in group.codes])
    is_out = np.logical_or.reduce([excluded[codes] for codes in group.codes])
    return np.asarray(is_in & ~is_out)
