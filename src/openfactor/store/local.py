"""Objects in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from openfactor.errors import StorageError
from openfactor.store.objects import MissingObjectError, ObjectInfo

DRAFTS = "drafts"
"""Folder of objects that are being written, named by process; they are no objects yet."""
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the quota of the disk is used up; free some space and try again",
    errno.EMFILE: "too many files are open; close clients, or raise the limit of open files",
    errno.ENFILE: "too many files are open on this machine; close other programs",
    errno.EACCES: "this user may not write there; change the permissions of the folder",
    errno.EPERM: "this user may not write there; change the permissions of the folder",
    errno.EROFS: "the disk is read-only",
}


def refusal(what: str, error: OSError) -> StorageError:
    """The error about an operation that the disk refuses, with its remedy."""
    return StorageError(f"cannot {what}: {_REMEDIES.get(error.errno or 0, str(error))}")


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder, so that names in it survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each flushed into its parent."""
    if not folder.is_dir():
        make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
        sync_folder(folder.parent)


class LocalDraft:
    """A file in the folder of drafts."""

    def __init__(self, root: Path, path: Path) -> None:
        self._root, self._path = root, path
        self.file: BinaryIO = path.open("xb")

    def commit(self, key: str) -> None:
        """See `Draft`."""
        target = self._root / key
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            make_folder(target.parent)
            os.replace(self._path, target)
            sync_folder(target.parent)
        except OSError as error:
            raise refusal(f"write {target}", error) from error

    def discard(self) -> None:
        """See `Draft`."""
        self.file.close()
        self._path.unlink(missing_ok=True)


class LocalObjects:
    """Objects below a folder, each in a file of its key.

    Parameters
    ----------
    root
        The folder; it is made when the first object is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"<objects in {self.root}>"

    def draft(self) -> LocalDraft:
        """See `Objects`."""
        folder = self.root / DRAFTS
        try:
            make_folder(folder)
            return LocalDraft(self.root, folder / f"{os.getpid()}-{uuid.uuid4().hex}")
        except OSError as error:
            raise refusal(f"write to {folder}", error) from error

    def get(self, key: str) -> bytes:
        """See `Objects`."""
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError as error:
            raise MissingObjectError(f"{key} is missing in {self.root}") from error
        except OSError as error:
            raise refusal(f"read {self.root / key}", error) from error

    def local(self, key: str) -> Path:
        """See `Objects`."""
        path = self.root / key
        if not path.is_file():
            raise MissingObjectError(f"{key} is missing in {self.root}")
        return path

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `Objects`."""
        folder = self.root / prefix.rpartition("/")[0]
        for parent, _, names in os.walk(folder):
            for name in names:
                path = Path(parent) / name
                key = path.relative_to(self.root).as_posix()
                if key.startswith(prefix):
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                        status = path.stat()
                        yield ObjectInfo(key, status.st_size, status.st_mtime)

    def delete(self, keys: Iterable[str]) -> None:
        """See `Objects`."""
        folders = set()
        try:
            for key in keys:
                (self.root / key).unlink(missing_ok=True)
                folders.add((self.root / key).parent)
            for folder in folders:
                if folder.is_dir():
                    sync_folder(folder)
        except OSError as error:
            raise refusal(f"delete objects in {self.root}", error) from error
