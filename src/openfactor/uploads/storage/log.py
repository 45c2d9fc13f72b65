"""The log of a table on disk: states are read from it, and entries are appended to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from openfactor.cache import Cache
from openfactor.datawarnings import warn
from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.storage.damage import damage, deleted
from openfactor.uploads.storage.disk import put_new
from openfactor.uploads.storage.entries import (
    CutEntryError,
    DamagedEntryError,
    Entry,
    NewerFormatError,
    read_entry,
)
from openfactor.uploads.storage.state import (
    TableState,
    digest_of,
    first_state,
    read_checkpoint,
    write_checkpoint,
)

LOG = "_delta_log"
CHECKPOINT = ".checkpoint"
"""End of the name of a checkpoint, after its version and the digest of its bytes."""
INTERVAL = 20
"""Entries between checkpoints; as many are read one by one, at most, when a table is opened."""
KEPT = 200
"""Versions between checkpoints that are kept for reading old versions."""
_REMEDY = (
    "restore that file from a backup, or commit all rows again with mode='overwrite'; versions before it can "
    "be read"
)
_CACHE = Cache({"latest": 256, "version": 256, "cut": 256})


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
    state, signature = _CACHE.peek("latest", folder) or (None, None)
    if state is None or signature != _signature(folder, state.version):
        listing = Listing.of(folder)
        last = listing.entries[-1]
        signature = _signature(folder, last)  # before the entry is read, which may be replaced meanwhile
        state = _restored(folder, listing, last)
        if state.version != last:
            return state
    while (newer := _signature(folder, state.version + 1)) is not None:
        following = _following(folder, state)
        if following is None:
            break
        state, signature = following, newer
    _CACHE.put("latest", folder, (state, signature))
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
    key = (folder, version, _signature(folder, version))
    known: TableState | None = _CACHE.peek("version", key)
    if known is None:
        known = _restored(folder, Listing.of(folder), version)
        if known.version != version:
            raise NotFoundError(f"{folder} has no version {version}; the latest is {known.version}")
        _CACHE.put("version", key, known)
    return known


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
        if _is_cut(path.read_bytes()) and not entry_path(folder, entry.version + 1).exists():
            path.unlink()
    put_new(path, data)
    following = _with_checkpoint(folder, state.after(entry, data))
    _CACHE.put("latest", folder, (following, _signature(folder, entry.version)))
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


def read_checkpoint_file(folder: Path, name: str) -> TableState | None:
    """The state in a checkpoint; None if the file is damaged or gone, as all of it is in the entries too."""
    try:
        data = (folder / LOG / name).read_bytes()
    except OSError:
        return None
    return read_checkpoint(data) if digest_of(data) == name[21 : -len(CHECKPOINT)] else None


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


def _with_checkpoint(folder: Path, state: TableState) -> TableState:
    """The state. A checkpoint of it is written if the last one is far back, and old ones are thinned out."""
    if state.version - state.checkpoint < INTERVAL:
        return state
    data, digest = write_checkpoint(state)
    with suppress(OSError, StorageError):  # the entries say it all
        put_new(folder / LOG / f"{state.version:020}.{digest}{CHECKPOINT}", data)
        names = Listing.of(folder).checkpoints
        kept = {version // KEPT: version for version in sorted(names)[:-1]}
        for version in sorted(names)[:-2]:
            if version not in kept.values():
                (folder / LOG / names[version]).unlink(missing_ok=True)
    return replace(state, checkpoint=state.version)


def _signature(folder: Path, version: int) -> tuple[int, int, int] | None:
    """Of the file of an entry; another file of that name has another one. None if there is no file."""
    try:
        status = os.stat(entry_path(folder, version))
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _is_cut(data: bytes) -> bool:
    try:
        read_entry(data, 0)
    except CutEntryError:
        return True
    except (DamagedEntryError, NewerFormatError):
        pass
    return False


def _damaged(folder: Path, version: int, what: object) -> StorageError:
    return damage(folder, f"{LOG}/{entry_path(folder, version).name} {what}", _REMEDY)


def _warn_of_cut(folder: Path, version: int) -> None:
    """Once in a process."""
    if _CACHE.peek("cut", (folder, version)) is None:
        _CACHE.put("cut", (folder, version), True)
        warn(
            f"version {version} of the {folder.parent.name} upload {folder.name!r} is left out: it was being "
            f"written when the machine lost power; version {version - 1} is the latest"
        )
