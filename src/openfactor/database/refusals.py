"""Errors of the database, told as what they are and what to do about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from openfactor.errors import StorageError

WAIT = 60.0
"""Seconds that a call waits for others to release the database."""
RESTORE = "restore it from a backup, or see `new_registry` of `Client.local`"
"""What to do about a database that cannot be read."""


class DamagedDatabaseError(StorageError):
    """A database that cannot be read, whoever tries."""


_NOT_WRITABLE = "this user may not write it; change the permissions of the file and of its folder"
_REMEDIES = {
    sqlite3.SQLITE_BUSY: f"others have kept it locked for {WAIT:.0f} seconds; wait for them, or end them",
    sqlite3.SQLITE_LOCKED: f"others have kept it locked for {WAIT:.0f} seconds; wait for them, or end them",
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_FULL: "the disk is full; free some space and try again",
    sqlite3.SQLITE_IOERR: "the disk does not read or write it; look at the disk, then try again",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; look at the permissions of its folder, and whether too "
    "many files are open",
    sqlite3.SQLITE_CORRUPT: f"the file is damaged; {RESTORE}",
    sqlite3.SQLITE_NOTADB: f"the file is no database; {RESTORE}",
}  # fmt: skip
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def refusals(url: sa.URL) -> Iterator[None]:
    """Errors of SQLAlchemy in the block are StorageErrors that name the database and the remedy."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        original = getattr(error, "orig", None)
        code = getattr(original, "sqlite_errorcode", -1) & 0xFF  # the lower byte of a code is its class
        remedy = _REMEDIES.get(code)
        name = getattr(original, "sqlite_errorname", None)
        what = f"{remedy} ({name})" if remedy else str(original or error)
        kind = DamagedDatabaseError if code in _DAMAGED else StorageError
        raise kind(f"cannot use the database {url.database or url}: {what}") from error
