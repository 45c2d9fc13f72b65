"""Copies a table beside whoever commits to it.

The log comes first, then the files: those that the copied entries name are there already.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.storage.disk import flush, make_folders
from openfactor.uploads.storage.listing import LOG, Listing, entry_path
from openfactor.uploads.storage.retention import REMOVED

_TRIES = 20


def copy_table(source: Path, target: Path) -> None:
    """Copy a table at its present version, without what is staged. Nothing is copied if it was deleted.

    Raises
    ------
    StorageError
        It has no log, or is replaced all the time.
    OSError
        The disk refuses.
    """
    for _ in range(_TRIES):
        try:
            before = os.stat(source)
            _copy(source, target)
            if os.path.samestat(before, os.stat(source)):
                return
        except (FileNotFoundError, NotFoundError):
            pass
        shutil.rmtree(target, ignore_errors=True)  # of a table that was deleted or replaced meanwhile
        if not source.is_dir():
            return
    raise StorageError(f"{source} cannot be copied: it is replaced all the time")


def _copy(source: Path, target: Path) -> None:
    listing = Listing.of(source)
    make_folders(target / LOG)
    for version in listing.entries:
        _copy_file(entry_path(source, version), entry_path(target, version))
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.startswith((".", "_")):
            _copy_file_if_there(path, target / path.name)
    # entries say all that checkpoints say; the numbers of removed versions are written before files go
    for name in listing.checkpoints.values():
        _copy_file_if_there(source / LOG / name, target / LOG / name)
    _copy_file_if_there(source / REMOVED, target / REMOVED)
    flush(target / LOG)
    flush(target)


def _copy_file(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    flush(target)


def _copy_file_if_there(source: Path, target: Path) -> None:
    try:
        _copy_file(source, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
