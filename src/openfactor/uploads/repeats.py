"""Rows that two staged tables both have."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.parts import Part, clusters, scan_parts
from openfactor.uploads.storage.stagingarea import StagedItem, owners, scan_owned
from openfactor.uploads.validation import examples

_OWNER = "_owner"


def repeats(items: Sequence[StagedItem], data_type: DataType) -> list[Fault]:
    """Keys that are in more than one table; each fault names the tables, with commas between.

    Only tables that share days are read, and only rows whose keys have equal hashes are compared.
    """
    faults = []
    owner = owners(items)
    for cluster in clusters(part for item in items for part in item.parts):
        if len({owner[str(part.path)] for part in cluster}) > 1:
            suspects = _suspects(cluster, data_type)
            if len(suspects):
                rows = scan_owned(cluster, owner, data_type, _OWNER)
                hashed = rows.filter(_hash(data_type).is_in(suspects.implode()))
                faults += _repeats(hashed, data_type)
    return faults


def _hash(data_type: DataType) -> pl.Expr:
    return pl.struct(data_type.key).hash()


def _suspects(parts: Sequence[Part], data_type: DataType) -> pl.Series:
    """Hashes of keys that come more than once."""
    hashes = pl.concat(
        scan_parts([part], data_type).select(_hash(data_type).alias("hash")).collect()["hash"]
        for part in parts
    )
    if hashes.n_unique() == len(hashes):  # quicker to find than the hashes that are there twice
        return hashes.clear()
    return hashes.filter(hashes.is_duplicated()).unique()


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
