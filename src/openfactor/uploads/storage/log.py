"""The log of a table on disk: states are read from it, and entries are appended to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from openfactor.cache import Cache
from openfactor.datawarnings import warn
from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.storage.checkpoints import read_checkpoint_file, with_checkpoint
from openfactor.uploads.storage.damage import damage
from openfactor.uploads.storage.disk import put_new
from openfactor.uploads.storage.entries import (
    CutEntryError,
    DamagedEntryError,
    Entry,
    NewerFormatError,
    read_entry,
)
from openfactor.uploads.storage.listing import LOG, Listing, entry_path
from openfactor.uploads.storage.state import TableState, first_state

OVERWRITE = (
    "restore that file from a backup, or commit all rows again with mode='overwrite'; versions before it can "
    "be read"
)
"""What to do about a damaged entry."""
_CACHE = Cache({"latest": 256, "version": 256, "cut": 256})


def latest_state(folder: Path) -> TableState:
    """The state at the latest version.

    What this process has read before is not read again, so the cost does not depend on the length of the
    log. An entry that lost its end, as after a loss of power, is left out with a warning if it is the last.

    Raises
    ------
    StorageError
        The log is damaged; the message names the file.
    NotFoundError
        There is no such table.
    """
    return _steadily(folder, lambda: _latest(folder))


def _latest(folder: Path) -> TableState:
    state, stamp = _CACHE.peek("latest", folder) or (None, None)
    if state is None or stamp != stamp_of(folder, state.version):
        listing = Listing.of(folder)
        last = listing.entries[-1]
        stamp = stamp_of(folder, last)  # before the entry is read, which may be replaced meanwhile
        state = _restored(folder, listing, last)
        if state.version != last:
            return state
    while (newer := stamp_of(folder, state.version + 1)) is not None:
        following = _following(folder, state)
        if following is None:
            break
        state, stamp = following, newer
    _CACHE.put("latest", folder, (state, stamp))
    return state


def state_at(folder: Path, version: int) -> TableState:
    """The state at a version.

    Raises
    ------
    NotFoundError
        There is no such version.
    StorageError
        The log is damaged; the message names the file.
    """
    if version < 0:
        raise NotFoundError(f"{folder} has no version {version}")
    key = (folder, version, stamp_of(folder, version))
    known: TableState | None = _CACHE.peek("version", key)
    if known is None:
        known = _steadily(folder, lambda: _restored(folder, Listing.of(folder), version))
        if known.version != version:
            raise NotFoundError(f"{folder} has no version {version}; the latest is {known.version}")
        _CACHE.put("version", key, known)
    return known


def _steadily(folder: Path, read: Callable[[], TableState]) -> TableState:
    """What is read, again if the table was replaced by another one meanwhile."""
    while True:
        first = stamp_of(folder, 0)
        try:
            return read()
        except StorageError:
            if stamp_of(folder, 0) == first:
                raise


def append(folder: Path, state: TableState, entry: Entry, data: bytes) -> TableState:
    """Put the next entry into the log, in the folder that is locked; the state after it.

    Raises
    ------
    FileExistsError
        Another commit came first.
    OSError
        The disk refuses.
    """
    path = entry_path(folder, entry.version)
    with suppress(FileNotFoundError):
        if lost_its_end(path.read_bytes()) and not entry_path(folder, entry.version + 1).exists():
            path.unlink()
    put_new(path, data)
    following = with_checkpoint(folder, state.after(entry, data))
    _CACHE.put("latest", folder, (following, stamp_of(folder, entry.version)))
    return following


def entries(folder: Path, last: int) -> Iterator[tuple[int, bytes, Entry | None]]:
    """Versions up to a last one, with the bytes of their entries, and the entries unless they are damaged."""
    for version in range(last + 1):
        data = b""
        try:
            data = entry_path(folder, version).read_bytes()
            yield version, data, read_entry(data, version)
        except (OSError, DamagedEntryError, NewerFormatError):
            yield version, data, None


def lost_its_end(data: bytes) -> bool:
    """Whether an entry has these bytes because it was being written during a loss of power."""
    try:
        read_entry(data, 0)
    except CutEntryError:
        return True
    except (DamagedEntryError, NewerFormatError):
        pass
    return False


def _restored(folder: Path, listing: Listing, version: int) -> TableState:
    """The state at a version, from the newest checkpoint and the entries after it.

    At the last version of the log, an entry without its end is left out.
    """
    newest = sorted((number for number in listing.checkpoints if number <= version), reverse=True)
    found = (read_checkpoint_file(folder, listing.checkpoints[number]) for number in newest)
    state = next((state for state in found if state is not None), None)
    try:
        return _replayed(folder, listing, state or _first(folder, 0), version)
    except StorageError:
        restart = _restart(folder, state.version if state else 0, version)
        if restart is None:
            raise
        return _replayed(folder, listing, restart, version)


def _replayed(folder: Path, listing: Listing, state: TableState, version: int) -> TableState:
    """A state with the entries after it, up to a version."""
    while state.version < version:
        following = _following(folder, state)
        if following is None:
            if listing.entries[-1] > state.version + 1:
                raise _damaged(folder, state.version + 1, "is missing")
            break
        state = following
    return state


def _following(folder: Path, state: TableState) -> TableState | None:
    """The state after the next entry; None if there is none, or one that lost its end."""
    version = state.version + 1
    try:
        data = entry_path(folder, version).read_bytes()
        entry = read_entry(data, version)
        state.check(entry)
    except FileNotFoundError:
        return None
    except CutEntryError as error:
        if entry_path(folder, version + 1).exists():
            raise _damaged(folder, version, error) from error
        _warn_of_cut(folder, version)
        return None
    except (OSError, DamagedEntryError) as error:
        raise _damaged(folder, version, error) from error
    except NewerFormatError as error:
        raise StorageError(f"{folder} cannot be read: {error}; install that release") from error
    return state.after(entry, data)


def _first(folder: Path, version: int) -> TableState:
    """The state after an entry that needs none before it."""
    try:
        data = entry_path(folder, version).read_bytes()
        return first_state(read_entry(data, version), data)
    except (OSError, DamagedEntryError) as error:
        raise _damaged(folder, version, error) from error
    except NewerFormatError as error:
        raise StorageError(f"{folder} cannot be read: {error}; install that release") from error


def _restart(folder: Path, after: int, last: int) -> TableState | None:
    """The state after the last entry that replaced everything when the log was damaged, if there is one."""
    for version in range(last, after, -1):
        with suppress(OSError, DamagedEntryError, NewerFormatError):
            data = entry_path(folder, version).read_bytes()
            entry = read_entry(data, version)
            if entry.restart:
                return first_state(entry, data)
    return None


def stamp_of(folder: Path, version: int) -> tuple[int, int, int] | None:
    """Of the file of an entry; another file of that name has another one. None if there is no file."""
    try:
        status = os.stat(entry_path(folder, version))
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _damaged(folder: Path, version: int, what: object) -> StorageError:
    return damage(folder, f"{LOG}/{entry_path(folder, version).name} {what}", OVERWRITE)


def _warn_of_cut(folder: Path, version: int) -> None:
    """Once in a process."""
    if _CACHE.peek("cut", (folder, version)) is None:
        _CACHE.put("cut", (folder, version), True)
        warn(
            f"version {version} of the {folder.parent.name} upload {folder.name!r} is left out: it was being "
            f"written when the machine lost power; version {version - 1} is the latest"
        )
