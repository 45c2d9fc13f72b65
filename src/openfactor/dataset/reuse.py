"""Factor groups that an update takes over from the dataset it replaces.

Groups are taken over by source, the upload that they come from. A source whose recipe has not changed has the
same columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from openfactor.dataset.factor_groups import Loadings
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.row_counts import RowCounts


@dataclass(frozen=True)
class GroupReuse:
    """Recipes of the factor groups of a dataset under construction, against those of the dataset before.

    upload_versions : "<data type>/<name>" to the version of the upload, and of the engine that reads it
    previous : the dataset to be replaced
    """

    upload_versions: Mapping[str, str] = field(default_factory=dict)
    previous: RiskDataset | None = None
    recipes: dict[str, str] = field(default_factory=dict)
    """Source to recipe; sources without a known version have none."""

    def record(self, source: str, uploads: Sequence[str], *inputs: str) -> None:
        """Hash what the groups of a source are made from: versions of uploads and other inputs, as text."""
        versions = [self.upload_versions.get(upload, "") for upload in uploads]
        if all(versions):
            self.recipes[source] = hashlib.sha256("\n".join([*versions, *inputs]).encode()).hexdigest()

    def take_over(self, source: str, groups: Sequence[str], row_counts: RowCounts) -> Loadings | None:
        """The groups of a recorded source, if the previous dataset has them by the same recipe.

        Its dropped rows are counted.
        """
        previous = self.previous
        if previous is None or source not in self.recipes:
            return None
        if previous.group_recipes.get(source) != self.recipes[source]:
            return None
        for reason, count in previous.report.rows_dropped.get(source, {}).items():
            if reason not in row_counts.dropped.get(source, {}):
                row_counts.drop(source, reason, count)
        panel = previous.panel
        return Loadings(
            {
                name: {factor: np.asarray(values) for factor, values in panel.dense[name].items()}
                for name in groups
                if name in panel.dense
            },
            {name: panel.sparse[name][:] for name in groups if name in panel.sparse},
        )
