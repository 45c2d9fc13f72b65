"""Damaged files that a commit replaces, so that committing the right rows again repairs an upload."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.damage import damaged_file
from openfactor.uploads.storage.data_files import DataFile, fault_of, scan_files

StoredFiles = Callable[[Sequence[DataFile] | None], list[DataFile]]
"""The files of a table, unchecked: all of them, or those that may share days with others."""
CommitMode = Literal["append", "upsert", "overwrite"]


def replaced_damage(
    stored: StoredFiles,
    incoming: Sequence[DataFile],
    mode: CommitMode,
    match: Sequence[str] | None,
    data_type: DataType,
) -> list[DataFile]:
    """The damaged files that a commit would read or keep as they are, and whose rows it all replaces.

    Raises
    ------
    StorageError
        A file that it would read is damaged, and it replaces not all of its rows for certain.
    """
    if mode == "overwrite" and not match:
        return _damaged_leftovers(stored(None), incoming)
    is_bounded = data_type.dated_by in (match or data_type.key)
    broken = []
    for file in stored(incoming if is_bounded else None):
        fault = fault_of(file, again=True)
        if fault is None:
            continue
        if mode == "append" or not _replaces(incoming, file, match, data_type):
            raise damaged_file(file, fault, data_type)
        broken.append(file)
    return broken


def _damaged_leftovers(stored: Sequence[DataFile], incoming: Sequence[DataFile]) -> list[DataFile]:
    """The damaged files of those that are compared with the rows of a commit, or would stay."""
    hashes = [Counter(file.content_hash for file in files) for files in (stored, incoming)]
    read = stored if hashes[0] == hashes[1] else [f for f in stored if f.content_hash not in hashes[1]]
    return [file for file in read if fault_of(file, again=True)]


def _replaces(
    incoming: Sequence[DataFile], file: DataFile, match: Sequence[str] | None, data_type: DataType
) -> bool:
    """Whether `upsert`, or `overwrite` with columns to match, replaces all rows of a file."""
    if file.content_hash in {other.content_hash for other in incoming}:
        return True
    day = data_type.dated_by
    if day is None or list(match or ()) != [day] or file.first_day is None or file.last_day is None:
        return False
    days = set(scan_files(incoming, data_type).select(day).unique().collect()[day])
    n_days = (file.last_day - file.first_day).days + 1
    return all(file.first_day + dt.timedelta(i) in days for i in range(n_days))
