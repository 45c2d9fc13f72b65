"""Keys that are in two staged tables."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, clusters, scan_files
from openfactor.uploads.storage.staged_table import StagedTable, scan_staged, tables_by_path
from openfactor.uploads.validation import example_rows

_TABLE = "_table"


def repeated_keys(tables: Sequence[StagedTable], data_type: DataType) -> list[Fault]:
    """Keys that are in more than one table; each fault names its tables, separated by commas.

    Only tables that share days are read, and only rows whose keys have equal hashes are compared.
    """
    faults = []
    names = tables_by_path(tables)
    for cluster in clusters(file for table in tables for file in table.files):
        if len({names[str(file.path)] for file in cluster}) > 1:
            hashes = _repeated_hashes(cluster, data_type)
            if len(hashes):
                rows = scan_staged(cluster, names, data_type, _TABLE)
                suspects = rows.filter(_key_hash(data_type).is_in(hashes.implode()))
                faults += _faults(suspects, data_type)
    return faults


def _key_hash(data_type: DataType) -> pl.Expr:
    return pl.struct(data_type.key).hash()


def _repeated_hashes(files: Sequence[DataFile], data_type: DataType) -> pl.Series:
    """Hashes of keys that occur more than once."""
    hashes = pl.concat(
        scan_files([file], data_type).select(_key_hash(data_type).alias("hash")).collect()["hash"]
        for file in files
    )
    if hashes.n_unique() == len(hashes):  # faster than finding the repeated ones
        return hashes.clear()
    return hashes.filter(hashes.is_duplicated()).unique()


def _faults(rows: pl.LazyFrame, data_type: DataType) -> list[Fault]:
    """One fault per group of tables that have keys in common."""
    key = data_type.key
    repeated = (
        rows.group_by(key)
        .agg(pl.col(_TABLE).unique().sort())
        .filter(pl.col(_TABLE).list.len() > 1)
        .with_columns(pl.col(_TABLE).list.join(", "))
        .sort(_TABLE, *key)
        .collect(engine="streaming")
    )
    message = f"{', '.join(key)} must be in one table only"
    return [
        Fault("staged_twice", names[0], message, None, len(keys), example_rows(keys, key))
        for names, keys in repeated.partition_by(_TABLE, as_dict=True).items()
    ]
