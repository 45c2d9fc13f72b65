"""What processes that were killed left in a folder of uploads."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.storage.disk import LOCK, discard, locked, part_name
from openfactor.uploads.storage.lifetimes import Lifetimes
from openfactor.uploads.storage.listing import LOG
from openfactor.uploads.storage.log import latest_state
from openfactor.uploads.storage.retention import removed_versions
from openfactor.uploads.storage.staging_area import AREA, StagingArea

_DATA_FILE = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\.parquet")
_HIDDEN = re.compile(r"\.(part-|deleted-|[A-Za-z][A-Za-z0-9_.-]*-)?[0-9a-f]{32}")
"""Names that this and earlier releases gave to what is being written or removed."""


@dataclass(frozen=True)
class Leftover:
    """A file or folder that nothing refers to."""

    path: Path
    size: int
    """In bytes, with everything in it."""


def leftovers(root: Path, grace: float) -> list[Leftover]:
    """What nothing refers to in a folder of uploads, and nobody has written to for a while.

    Parameters
    ----------
    root
        Holds a folder per data type, with a folder per upload.
    grace
        Seconds since the last change. Longer than the longest call that writes: what is being written looks
        like a leftover.
    """
    before = time.time() - grace
    found = []
    for data_type in _listed(root):
        uploads = [path for path in _listed(data_type) if path.name[0] != "." and (path / LOG).is_dir()]
        for folder in (data_type, *uploads):
            for path in _unreferenced(root, folder):
                with suppress(OSError):  # someone removes it
                    changed, size = _measured(path)
                    if changed < before:
                        found.append(Leftover(path, size))
    return found


def remove_leftovers(root: Path, chosen: Iterable[Leftover]) -> list[Leftover]:
    """Remove leftovers, but for those that something refers to by now; what was removed."""
    by_folder: dict[Path, list[Leftover]] = {}
    for leftover in chosen:
        parts = leftover.path.relative_to(root).parts
        by_folder.setdefault(root.joinpath(*parts[: 1 if len(parts) == 2 else 2]), []).append(leftover)
    removed = []
    for folder, candidates in by_folder.items():
        with suppress(OSError), locked(folder):  # whoever could refer to them holds this lock
            paths = set(_unreferenced(root, folder))
            for leftover in candidates:
                if leftover.path in paths:
                    _remove(leftover.path)
                    removed.append(leftover)
    return removed


def _remove(path: Path) -> None:
    if path.is_dir():
        hidden = path.with_name(part_name())
        path.rename(hidden)
        discard(hidden)
    else:
        path.unlink()


def _unreferenced(root: Path, folder: Path) -> Iterator[Path]:
    """What no name, version or staged table refers to in the folder of a data type or of an upload.

    It may be in the middle of being written.
    """
    if folder.parent != root:
        yield from _unreferenced_in(folder)
        return
    for path in _listed(folder):
        if path.name != LOCK and (_HIDDEN.fullmatch(path.name) or not (path / LOG).is_dir()):
            yield path


def _unreferenced_in(upload: Path) -> Iterator[Path]:
    for folder in (upload, upload / LOG, upload / AREA):
        yield from (path for path in _listed(folder) if _HIDDEN.fullmatch(path.name))
    yield from StagingArea(upload).replaced()
    try:
        last, gone = latest_state(upload).version, removed_versions(upload)
    except (StorageError, NotFoundError):
        return  # which files its versions have is not known
    lifetimes, kept = Lifetimes.of(upload, last), [v for v in range(last + 1) if v not in gone]
    if not lifetimes.unreadable:
        files = [path for path in _listed(upload) if _DATA_FILE.fullmatch(path.name)]
        yield from (path for path in files if not lifetimes.versions_with(path.name, kept))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _measured(path: Path) -> tuple[float, int]:
    """The last change of a file, or of anything in a folder, in seconds since 1970; and its size in bytes."""
    paths = [path, *path.rglob("*")]
    states = [item.lstat() for item in paths]
    changed = max(max(state.st_mtime, state.st_ctime) for state in states)
    return changed, sum(state.st_size for state in states if not stat.S_ISDIR(state.st_mode))
