"""Writing to a disk so that neither a kill nor a loss of power leaves half of anything."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: entries of the log still exclude each other, because each is put once
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""Name of the file in a folder that `locked` locks."""
PART = ".part-"
"""Beginning of the names of files and folders that are being written."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV, errno.ENOSYS)


class ReplacedError(FileNotFoundError):
    """A folder was removed, or removed and made again, while it was used."""


def part_name() -> str:
    """A new name for a file or folder that is being written."""
    return f"{PART}{uuid.uuid4().hex}"


def flush(path: Path) -> None:
    """Flush a file or a folder to disk, so that it survives a loss of power."""
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folders(folder: Path) -> None:
    """Make a folder with its parents; those that are new are flushed into theirs."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(new):
        path.mkdir(exist_ok=True)
        flush(path.parent)


def write_flushed(path: Path, data: bytes | memoryview) -> None:
    """Write a new file and flush its content; the folder is not flushed."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def put_new(path: Path, data: bytes) -> None:
    """Write a file that appears whole, in a flushed folder.

    Raises
    ------
    FileExistsError
        There is one of that name; it is unchanged.
    """
    part = path.with_name(part_name())
    try:
        write_flushed(part, data)
        try:
            os.link(part, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            write_flushed(path, data)
    finally:
        part.unlink(missing_ok=True)
    flush(path.parent)


def link_new(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where there are no links, and flush its content.

    Raises
    ------
    FileExistsError
        The name is taken.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with source.open("rb") as read, target.open("xb") as write:
            shutil.copyfileobj(read, write)
    flush(target)


def discard(folder: Path) -> None:
    """Remove a folder that no name refers to any more, as far as the disk lets it."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """No other thread or process is in such a block for the folder; the end of a process ends its block.

    Raises
    ------
    ReplacedError
        There is no such folder, or it was removed or replaced while this waited.
    """
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError as error:
        raise ReplacedError(*error.args) from error
    try:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
        if not path.exists() or not os.path.samestat(os.fstat(handle), os.stat(path)):
            raise ReplacedError(errno.ENOENT, "it was replaced", str(folder))
        yield
    finally:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)  # also for a process that was forked meanwhile
        os.close(handle)
