"""Rows that two staged tables both have."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.parts import clusters
from openfactor.uploads.storage.staging import StagedItem, owners, scan_owned
from openfactor.uploads.validation import examples

_OWNER = "_owner"


def repeats(items: Sequence[StagedItem], data_type: DataType) -> list[Fault]:
    """Keys that are in more than one table; each fault names the tables, with commas between.

    Only tables that share days are read.
    """
    faults = []
    owner = owners(items)
    for cluster in clusters(part for item in items for part in item.parts):
        if len({owner[str(part.path)] for part in cluster}) > 1:
            faults += _repeats(scan_owned(cluster, owner, data_type, _OWNER), data_type)
    return faults


def _repeats(rows: pl.LazyFrame, data_type: DataType) -> list[Fault]:
    key = data_type.key
    found = (
        rows.group_by(key)
        .agg(pl.col(_OWNER).unique().sort())
        .filter(pl.col(_OWNER).list.len() > 1)
        .with_columns(pl.col(_OWNER).list.join(", "))
        .sort(_OWNER, *key)
        .collect(engine="streaming")
    )
    message = f"{', '.join(key)} must be in one table only"
    return [
        Fault("staged_twice", names[0], message, None, len(rows), examples(rows, key))
        for names, rows in found.partition_by(_OWNER, as_dict=True).items()
    ]
