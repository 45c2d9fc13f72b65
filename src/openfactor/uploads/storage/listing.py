"""The files of a log."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from openfactor.uploads.storage.damage import damage, deleted

LOG = "_delta_log"
"""Folder of the log in that of a table."""
CHECKPOINT = ".checkpoint"
"""End of the name of a checkpoint, after its version and the digest of its bytes."""


def entry_path(folder: Path, version: int) -> Path:
    """The file of a version in the log."""
    return folder / LOG / f"{version:020}.json"


@dataclass(frozen=True)
class Listing:
    """The versions that a log has files of."""

    entries: list[int]
    """Ascending."""
    checkpoints: dict[int, str]
    """Version to the name of its file, ascending."""

    @classmethod
    def of(cls, folder: Path) -> Listing:
        """What is in the folder of the log of a table.

        Raises
        ------
        StorageError
            There is no log, or it has no entries.
        NotFoundError
            There is no such table.
        """
        try:
            names = sorted(os.listdir(folder / LOG))
        except OSError as error:
            raise damage(folder, error) if folder.exists() else deleted(folder) from error
        entries = [int(name[:20]) for name in names if name[20:] == ".json" and name[:20].isdigit()]
        if not entries:
            raise damage(folder, f"{LOG} has no entries")
        states = [name for name in names if name.endswith(CHECKPOINT) and name[:20].isdigit()]
        return cls(entries, {int(name[:20]): name for name in states})
