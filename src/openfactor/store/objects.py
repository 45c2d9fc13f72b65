"""What a store needs of the place that its objects are kept in: a folder, or an object store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from openfactor.errors import StorageError


class MissingObjectError(StorageError):
    """An object that is referred to is not there."""


class DamagedObjectError(StorageError):
    """An object is not what was written."""


class NewerFormatError(StorageError):
    """An object was written by a newer release."""


class ObjectInfo(NamedTuple):
    """An object in a listing."""

    key: str
    size: int
    """Bytes."""
    modified: float
    """Seconds since the epoch; putting an object that is there counts."""


class Draft(Protocol):
    """An object that is being written. Nobody sees it before it has a key."""

    file: BinaryIO
    """Write here."""

    def commit(self, key: str) -> bool:
        """Give it a key, unless that is taken: objects are named by their content. When this returns, a loss
        of power does not undo it. Whether the key was free.
        """

    def discard(self) -> None:
        """Remove it, if it has no key yet."""


class Objects(Protocol):
    """Objects by key, such as "packs/3f/3f9c...". An object never changes."""

    def draft(self) -> Draft:
        """A new object; StorageError if the place cannot be written."""

    def get(self, key: str) -> bytes:
        """The bytes of an object; MissingObjectError if there is none."""

    def local(self, key: str) -> Path:
        """A file with the object on this machine; MissingObjectError if there is none."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose keys begin with a prefix, in any order."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are gone already are no error."""


def put(objects: Objects, key: str, data: bytes) -> bool:
    """Write a small object, unless there is one with the key; whether there was none."""
    draft = objects.draft()
    try:
        draft.file.write(data)
        return draft.commit(key)
    finally:
        draft.discard()
