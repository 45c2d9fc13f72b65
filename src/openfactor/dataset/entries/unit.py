"""A factor to which assets have the exposure 1."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from openfactor.dataset.columns import SparseGroup
from openfactor.dataset.entries.entry import DerivedRows, Entry
from openfactor.dataset.factor_groups import FactorGroups
from openfactor.errors import Fault
from openfactor.settings.hierarchies import Tree, unknown
from openfactor.settings.riskdataset import RiskDatasetUnitExposureSettings


class UnitEntry(Entry[RiskDatasetUnitExposureSettings]):
    """Gives the exposure to all assets, or to those with an exposure in other groups."""

    depends_on_others = True

    def continuous_groups(self) -> Sequence[str]:
        return [self.settings.factor_group] if self.settings.factor_type == "continuous" else []

    def categorical_groups(self) -> Sequence[str]:
        return [self.settings.factor_group] if self.settings.factor_type == "categorical" else []

    def problems(self, continuous: Collection[str]) -> list[str]:
        groups = self.settings.align_with or ()
        return [f"align_with: {unknown(group, continuous)}" for group in groups if group not in continuous]

    def build(self, rows: DerivedRows, groups: FactorGroups) -> list[Fault]:
        n, name, factor = rows.index.n_rows, self.settings.factor_group, self.settings.factor
        groups.trees[name] = Tree([factor])
        if self.settings.factor_type == "categorical":
            groups.sparse[name] = SparseGroup((factor,), (np.zeros(n, np.int16),), None)
            return []
        is_exposed = np.ones(n, np.bool_)
        if self.settings.align_with is not None:
            columns = [x for group in self.settings.align_with for x in groups.dense[group].values()]
            is_exposed = np.logical_or.reduce([np.isfinite(values) for values in columns])
        dtype = self.derivation.reference.exposure_dtype
        groups.dense[name] = {factor: np.where(is_exposed, 1.0, np.nan).astype(dtype)}
        return []
