"""Factor groups of the reference dataset."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from openfactor.dataset.entries.entry import DerivedRows, Entry
from openfactor.dataset.factor_groups import FactorGroups
from openfactor.errors import Fault
from openfactor.settings.hierarchies import unknown
from openfactor.settings.riskdataset import RiskDatasetReferencedExposureSettings


class ReferencedEntry(Entry[RiskDatasetReferencedExposureSettings]):
    """Copies groups of the reference."""

    keeps_reference_days = True

    def continuous_groups(self) -> Sequence[str]:
        chosen = self.settings.continuous_factor_groups
        return list(self.derivation.reference.panel.dense) if chosen is None else chosen

    def categorical_groups(self) -> Sequence[str]:
        chosen = self.settings.categorical_factor_groups
        return list(self.derivation.reference.panel.sparse) if chosen is None else chosen

    def problems(self, continuous: Collection[str]) -> list[str]:
        panel = self.derivation.reference.panel
        return [
            f"referenced {field}: {unknown(group, known)}"
            for field, groups, known in (
                ("continuous_factor_groups", self.continuous_groups(), panel.dense),
                ("categorical_factor_groups", self.categorical_groups(), panel.sparse),
            )
            for group in groups
            if group not in known
        ]

    def build(self, rows: DerivedRows, groups: FactorGroups) -> list[Fault]:
        reference = self.derivation.reference
        for name, factors in reference.panel.dense.items():
            if name in self.continuous_groups():
                groups.dense[name] = {
                    factor: np.asarray(values)[rows.source] for factor, values in factors.items()
                }
                groups.trees[name] = reference.trees[name]
        for name, group in reference.panel.sparse.items():
            if name in self.categorical_groups():
                groups.sparse[name] = group[:].select(rows.source)
                groups.trees[name] = reference.trees[name]
        return []
