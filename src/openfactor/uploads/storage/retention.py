"""Old versions whose files are removed: which they are, and removing them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from openfactor.uploads.storage.damage import damage, deleted
from openfactor.uploads.storage.disk import ReplacedError, flush, locked, part_name, write_flushed
from openfactor.uploads.storage.lifetimes import Lifetimes
from openfactor.uploads.storage.listing import LOG
from openfactor.uploads.storage.log import latest_state
from openfactor.uploads.storage.signed import read_signed, write_signed

REMOVED = "_removed.json"
"""Name of the file with the numbers of versions that were removed."""


@dataclass(frozen=True)
class OldVersions:
    """Versions of an upload that can be removed, and what no other version needs of them."""

    folder: Path
    versions: list[int]
    """Ascending."""
    files: list[str]
    """Names of files of these versions alone."""
    size: int
    """Of the files, in bytes."""


def removed_versions(folder: Path) -> frozenset[int]:
    """Versions of a table that were removed."""
    try:
        return frozenset(read_signed((folder / REMOVED).read_bytes())["versions"])
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damage(folder, f"{REMOVED}: {error}") from error


def old_versions(folder: Path, before: dt.datetime, pins: Collection[int] = ()) -> OldVersions:
    """The versions that were replaced before a time and are not pinned; never the latest.

    Parameters
    ----------
    folder
        Of the table.
    before
        The time by which a later version must have been committed.
    pins
        Versions that stay in any case.

    Raises
    ------
    StorageError
        The log is damaged: what a version needs is not known.
    """
    latest = latest_state(folder).version
    lifetimes = Lifetimes.of(folder, latest)
    if lifetimes.unreadable:
        raise damage(folder, f"the entry of version {lifetimes.unreadable[0]} of {LOG} cannot be read")
    moment, gone = int(before.timestamp() * 1000), removed_versions(folder)
    old = [
        version
        for version in range(latest)
        if version not in pins and version not in gone and lifetimes.times[version + 1] < moment
    ]
    kept = sorted({*range(latest + 1)} - gone - {*old})
    names = [name for name in lifetimes.rows if not lifetimes.versions_with(name, kept)]
    names = sorted(name for name in names if (folder / name).exists())
    return OldVersions(folder, old, names, sum(lifetimes.rows[name][2] for name in names))


def remove_versions(folder: Path, before: dt.datetime, pins: Collection[int] = ()) -> OldVersions:
    """Remove the versions that `old_versions` gives, and the files of them alone; what was removed.

    Raises
    ------
    NotFoundError
        The table was deleted.
    StorageError
        The log is damaged; nothing was removed.
    OSError
        The disk refuses; what is left of the files is removed the next time.
    """
    try:
        with locked(folder):  # no commit goes back to such a version meanwhile
            return _remove(folder, old_versions(folder, before, pins))
    except ReplacedError as error:
        raise deleted(folder) from error


def _remove(folder: Path, old: OldVersions) -> OldVersions:
    if old.versions:
        part = folder / part_name()
        numbers = sorted(removed_versions(folder) | set(old.versions))
        write_flushed(part, write_signed({"versions": numbers}))
        part.replace(folder / REMOVED)
        flush(folder)
    for name in old.files:
        (folder / name).unlink(missing_ok=True)
    return old
