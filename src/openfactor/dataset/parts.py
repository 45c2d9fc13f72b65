"""Parts of a dataset that an update need not build again.

A part is the factor groups that come from one upload. Its mark stands for all that it was made from: if the
dataset that is replaced has a part with the same mark, its columns are the ones to be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.loadings import Loadings
from openfactor.dataset.panelindex import PanelIndex
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.rowcounts import RowCounts


@dataclass(frozen=True)
class Parts:
    """The parts of a dataset that is being built.

    identities : "<data type>/<name>" to what stands for an upload's present version
    previous : the dataset that the new one takes the place of
    """

    identities: Mapping[str, str] = field(default_factory=dict)
    previous: RiskDataset | None = None
    marks: dict[str, str] = field(default_factory=dict)
    """Part to its mark, as far as it is built."""

    def mark(self, part: str, uploads: Sequence[str], *made_from: str) -> None:
        """Note what a part is made from: uploads, as "<data type>/<name>", and texts."""
        versions = [self.identities.get(upload, "") for upload in uploads]
        if all(versions):
            self.marks[part] = hashlib.sha256("\n".join([*versions, *made_from]).encode()).hexdigest()

    def found(self, part: str, groups: Sequence[str], row_counts: RowCounts) -> Loadings | None:
        """The groups of a part that has been marked, if the dataset before has it; with its drops."""
        before = self.previous
        if before is None or part not in self.marks or before.parts.get(part) != self.marks[part]:
            return None
        for reason, count in before.report.rows_dropped.get(part, {}).items():
            if reason not in row_counts.dropped.get(part, {}):
                row_counts.drop(part, reason, count)
        panel = before.panel
        return Loadings(
            {name: panel.dense[name] for name in groups if name in panel.dense},
            {name: panel.sparse[name] for name in groups if name in panel.sparse},
        )


def digest_of(rows: PanelIndex, identifiers: Identifiers) -> str:
    """Stands for the rows of a panel and for how identifiers lead to them."""
    digest = hashlib.sha256()
    for array in (rows.offsets, rows.listing, rows.priced):
        digest.update(array.tobytes())
    digest.update(",".join(map(str, rows.days)).encode())
    for frame in (identifiers.table, identifiers.spans, identifiers.aliases, identifiers.carriers):
        written = BytesIO()
        frame.write_ipc(written)
        digest.update(written.getvalue())
    return digest.hexdigest()
