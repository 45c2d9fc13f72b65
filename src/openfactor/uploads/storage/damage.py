"""How damage and removal of tables are told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.data_files import DataFile, fault_of

FROM_BACKUP = "restore it from a backup"


def damage(folder: Path, what: object, remedy: str = FROM_BACKUP) -> StorageError:
    """The error about a damaged table.

    Parameters
    ----------
    folder
        Of the table.
    what
        The file and what is wrong with it.
    remedy
        What to do.
    """
    return StorageError(f"the {_upload(folder)} in {folder} is damaged: {what}; {remedy}")


def damaged_file(file: DataFile, fault: str, data_type: DataType) -> StorageError:
    """The error about a damaged file of rows, and how its rows can be committed again.

    Parameters
    ----------
    file
        The file, in the folder of its table.
    fault
        What is wrong with it.
    data_type
        Of the table.
    """
    days = f" of {file.first_day} to {file.last_day}" if data_type.dated_by else ""
    what = f"{file.path.name}, with {file.n_rows:,} rows{days}, {fault}"
    return damage(file.path.parent, what, how_to_repair(data_type))


def require_sound(files: Iterable[DataFile], data_type: DataType) -> None:
    """StorageError if one of the files is damaged."""
    for file in files:
        if fault := fault_of(file):
            raise damaged_file(file, fault, data_type)


def how_to_repair(data_type: DataType) -> str:
    """How the rows of a damaged file are committed again."""
    how = "all rows again with mode='overwrite'"
    if data_type.dated_by:
        how = (
            "the rows of all these days again with mode='overwrite' and "
            f"match_columns=[{data_type.dated_by!r}], or all rows with mode='overwrite'"
        )
    return f"commit {how}, or restore that file from a backup"


def deleted(folder: Path) -> NotFoundError:
    """The error about an upload that is gone, or was replaced, while it was used."""
    return NotFoundError(f"the {_upload(folder)} was deleted or replaced meanwhile; open it again")


def removed(folder: Path, version: int) -> NotFoundError:
    """The error about a version whose files were removed."""
    return NotFoundError(
        f"version {version} of the {_upload(folder)} is older than the versions that are kept; it was "
        "removed, and later versions are complete"
    )


def _upload(folder: Path) -> str:
    return f"{folder.parent.name} upload {folder.name!r}"
