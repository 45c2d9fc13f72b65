"""What builds of root and derived datasets share: the build report, and how faults end a build."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import DataError, Fault
from openfactor.results import BuildReport


def report_of(
    panel: Panel, days: Sequence[dt.date], identifiers: Identifiers, row_counts: RowCounts
) -> BuildReport:
    """The build report of a panel, without findings and periods per year."""
    return BuildReport(
        first_date=str(days[0]),
        last_date=str(days[-1]),
        n_days=len(days),
        n_listings=len(np.unique(panel.listing)),
        n_companies=len(np.unique(identifiers.table["company"].to_numpy()[panel.listing])),
        n_rows=panel.n_rows,
        rows_read=row_counts.read,
        rows_dropped=dict(row_counts.dropped),
        rows_worked_out=dict(row_counts.worked_out),
        warnings=[],
    )


def raise_faults(faults: Sequence[Fault]) -> None:
    """Raise DataError with the faults, if there are any."""
    if faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        raise DataError(f"cannot build a risk dataset from these uploads, {count}:", list(faults))
