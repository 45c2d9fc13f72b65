"""How the engine reads uploads: by data type and name, as rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from openfactor.errors import Fault, NotFoundError
from openfactor.settings.hierarchies import Tree, hierarchy_from_df
from openfactor.uploads import DATA_TYPES

UploadReader = Callable[[str, str], pl.LazyFrame]
"""Returns the rows of an upload, given its data type and name."""


def no_uploads(data_type: str, name: str) -> pl.LazyFrame:
    """An `UploadReader` without uploads: raises NotFoundError."""
    raise NotFoundError.of(f"upload of type {data_type}", name, [])


def read_tree(source: str, read: UploadReader) -> tuple[Tree | None, list[Fault]]:
    """The tree in a `hierarchies` upload, or what is wrong with it."""
    rows = read("hierarchies", source)
    upload = f"hierarchies {source}"
    faults = [replace(fault, upload=upload) for fault in DATA_TYPES["hierarchies"].table_faults(rows)]
    table = rows.collect()
    if not len(table):
        faults.append(Fault("no_rows", upload, "the upload is empty"))
    return (None, faults) if faults else (Tree(*hierarchy_from_df(table)), [])
