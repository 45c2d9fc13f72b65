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


def damaged(what: object, how: str) -> DamagedObjectError:
    """The error about a damaged object, with its remedy."""
    return DamagedObjectError(
        f"{what} is damaged: {how}; `client.check()` says what it belongs to and how to restore that"
    )


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

    def commit(self, key: str) -> None:
        """Give it a key. An object of that key has the same content, and is replaced, because it might be
        damaged; it counts as written now. When this returns, a loss of power does not undo it.
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


def put(objects: Objects, key: str, data: bytes) -> None:
    """Write a small object."""
    draft = objects.draft()
    try:
        draft.file.write(data)
        draft.commit(key)
    finally:
        draft.discard()
