"""A whole check of a table: every byte of its log, its files and what is staged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openfactor.errors import StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.checkpoints import read_checkpoint_file
from openfactor.uploads.storage.damage import FROM_BACKUP, how_to_repair
from openfactor.uploads.storage.data_files import DataFile, content_fault
from openfactor.uploads.storage.entries import chained
from openfactor.uploads.storage.lifetimes import Lifetimes
from openfactor.uploads.storage.listing import LOG, Listing, entry_path
from openfactor.uploads.storage.log import OVERWRITE, entries, lost_its_end, stamp_of
from openfactor.uploads.storage.retention import REMOVED, removed_versions
from openfactor.uploads.storage.staging_area import StagingArea

_COMMIT_AGAIN = (
    "commit again what is missing; the version before is the latest, and the next commit replaces it"
)


@dataclass(frozen=True)
class TableDamage:
    """A damaged file of a table."""

    file: str
    """Relative to the folder of the table."""
    fault: str
    """What is wrong with it, to follow its name."""
    remedy: str
    """What to do."""
    versions: tuple[int, ...] = ()
    """Versions that cannot be read, ascending; none if nothing is lost."""
    n_rows: int = 0
    """Number of rows in the file."""
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    """Days of these rows; None if they are not dated, or the file has no rows."""


def check_table(
    folder: Path, data_type: DataType, advance: Callable[[], object] = lambda: None
) -> list[TableDamage]:
    """Everything that is damaged in the folder of a table.

    Parameters
    ----------
    folder, data_type
        The table.
    advance
        Called after each file of rows.
    """
    first = stamp_of(folder, 0)
    found = _damage(folder, data_type, advance)
    return found if stamp_of(folder, 0) == first else []  # it was deleted or replaced meanwhile


def _damage(folder: Path, data_type: DataType, advance: Callable[[], object]) -> list[TableDamage]:
    try:
        listing = Listing.of(folder)
    except StorageError as error:
        return [TableDamage(LOG, str(error), FROM_BACKUP)]
    try:
        gone = removed_versions(folder)
    except StorageError as error:
        return [TableDamage(REMOVED, str(error), FROM_BACKUP)]
    last = listing.entries[-1]
    found = [*_damaged_checkpoints(folder, listing), *_damaged_entries(folder, listing)]
    lifetimes = Lifetimes.of(folder, last)
    lost = gone.union(*(damage.versions for damage in found))  # what files they have is not known
    kept = [version for version in range(last + 1) if version not in lost]
    for name, row in lifetimes.rows.items():
        versions = lifetimes.versions_with(name, kept)
        if not versions:
            continue
        file = DataFile(folder / name, *row[1:])
        fault = content_fault(file)
        if fault and not set(versions) <= removed_versions(folder):  # by someone else meanwhile
            remedy = (
                how_to_repair(data_type) if last in versions else f"{FROM_BACKUP}; later versions are whole"
            )
            found.append(TableDamage(name, fault, remedy, tuple(versions), row[1], row[4], row[5]))
        advance()
    return [*found, *_damaged_staging(folder)]


def _damaged_checkpoints(folder: Path, listing: Listing) -> Iterator[TableDamage]:
    for name in listing.checkpoints.values():
        if read_checkpoint_file(folder, name) is None and (folder / LOG / name).exists():
            yield TableDamage(f"{LOG}/{name}", "is not what was written", "delete it; nothing is lost")


def _damaged_entries(folder: Path, listing: Listing) -> Iterator[TableDamage]:
    """Damaged entries; a last one without its end is what a loss of power leaves."""
    last, is_signed = listing.entries[-1], False
    digest: str | None = ""  # of the entries so far; None behind a damaged one
    for version, data, entry in entries(folder, last):
        if entry is not None and (entry.is_signed or not is_signed):
            is_signed = entry.is_signed
            if not is_signed or entry.restart or digest in (None, entry.parent):
                parent = entry.parent if is_signed else digest
                digest = None if parent is None else chained(parent, data)
                continue
        digest = None
        unreadable = range(version, _next_sound(folder, listing, version))
        name = f"{LOG}/{entry_path(folder, version).name}"
        if version == last and lost_its_end(data) and unreadable:
            yield TableDamage(name, "has lost its end", _COMMIT_AGAIN, (version,))
        else:
            yield TableDamage(name, "is not what was written", OVERWRITE, tuple(unreadable))


def _next_sound(folder: Path, listing: Listing, version: int) -> int:
    """The first version after one that can be read without its entry."""
    restarts = (v for v, _, entry in entries(folder, listing.entries[-1]) if entry and entry.restart)
    checkpoints = (
        v for v, name in listing.checkpoints.items() if read_checkpoint_file(folder, name) is not None
    )
    return min(
        [v for v in restarts if v > version] + [v for v in checkpoints if v >= version],
        default=listing.entries[-1] + 1,
    )


def _damaged_staging(folder: Path) -> Iterator[TableDamage]:
    for staged in StagingArea(folder).damaged():
        name = staged.path.relative_to(folder).as_posix()
        yield TableDamage(name, staged.fault, "stage the table again with replace=True, or wipe_staging")
