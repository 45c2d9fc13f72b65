"""Folders that appear complete or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from openfactor.errors import StorageError


def write_whole(folder: Path, what: str, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside `folder`, then give it that name; one that is there stays.

    Raises
    ------
    StorageError: the disk refuses; nothing is left behind.
    """
    if folder.exists():
        return
    part = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        part.mkdir(parents=True)
        write(part)
        part.rename(folder)
    except OSError as error:
        if not folder.exists():  # else another process was first, with the same content
            raise StorageError(f"cannot write {what} to {folder}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
