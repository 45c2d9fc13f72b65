"""Rows that two staged tables both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.parts import Part, scan_parts
from openfactor.uploads.storage.staging import StagedItem
from openfactor.uploads.validation import EXAMPLES, examples


def repeats(items: Sequence[StagedItem], data_type: DataType) -> list[Fault]:
    """Keys that are in more than one table; each fault names the tables, with commas between.

    Only tables that share days are read.
    """
    owner = {str(part.path): item.name for item in items for part in item.parts}
    faults = []
    for cluster in _clusters([part for item in items for part in item.parts]):
        if len({owner[str(part.path)] for part in cluster}) > 1:
            faults += _repeats(cluster, owner, data_type)
    return faults


def _clusters(parts: list[Part]) -> Iterator[list[Part]]:
    """Groups of parts such that parts of different groups share no day."""
    cluster: list[Part] = []
    for part in sorted(parts, key=lambda part: str(part.low)):
        if cluster and not any(part.overlaps(other) for other in cluster):
            yield cluster
            cluster = []
        cluster.append(part)
    if cluster:
        yield cluster


def _repeats(parts: list[Part], owner: dict[str, str], data_type: DataType) -> list[Fault]:
    key = data_type.key
    found = (
        scan_parts(parts, data_type, path_column="_path")
        .select(*key, pl.col("_path").replace_strict(owner, return_dtype=pl.String).alias("_owner"))
        .group_by(key)
        .agg(pl.col("_owner").unique().sort())
        .filter(pl.col("_owner").list.len() > 1)
        .with_columns(pl.col("_owner").list.join(", "))
        .sort("_owner", *key)
        .collect(engine="streaming")
    )
    message = f"{', '.join(key)} must be in one table only"
    return [
        Fault("staged_twice", names[0], message, None, len(rows), examples(rows.head(EXAMPLES), key))
        for names, rows in found.partition_by("_owner", as_dict=True).items()
    ]
