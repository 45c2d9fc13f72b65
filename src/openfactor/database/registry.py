"""What is kept under a name: risk datasets and saved settings, in a database."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from openfactor.database.connections import Database
from openfactor.database.contents import Contents
from openfactor.database.entries import RISK_DATASET, Entry, json_of, kind_name
from openfactor.database.migrations import migrate
from openfactor.database.refusals import RESTORE, DamagedDatabaseError
from openfactor.database.tables import CONTENTS, ENTRIES, WORKSPACE, digest, now, stored_time
from openfactor.errors import ConflictError, NotFoundError, StorageError
from openfactor.settings import Settings
from openfactor.settings.values import Reference

_KEEPS_ITS_MODE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL)
"""Errors that leave a database in the mode that it has."""


class EntryChangedError(ConflictError):
    """An entry was changed by somebody else after it was read."""


class Entries:
    """Entries by kind and name, or by id, in one transaction. Names are unique within a kind, ids
    altogether.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def listed(self, kind: str | None = None) -> list[Entry]:
        """All entries of a kind, by name."""
        query = sa.select(ENTRIES).order_by(ENTRIES.c.kind, ENTRIES.c.name)
        if kind is not None:
            query = query.where(ENTRIES.c.kind == kind)
        return [Entry.of(row) for row in self._connection.execute(query).mappings()]

    def find(self, kind: str, key: Reference) -> Entry | None:
        """The entry of that name, or of that id and kind."""
        column = ENTRIES.c.id if isinstance(key, int) else ENTRIES.c.name
        query = sa.select(ENTRIES).where(ENTRIES.c.kind == kind, column == key)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else Entry.of(row)

    def get(self, kind: str, key: Reference) -> Entry:
        """The same, or NotFoundError."""
        entry = self.find(kind, key)
        if entry is not None:
            return entry
        what, known = kind_name(kind), self.listed(kind)
        if isinstance(key, int):
            ids = ", ".join(f"{e.id} ({e.name})" for e in known)
            raise NotFoundError(f"there is no {what} with the id {key}; known: {ids or 'none yet'}")
        raise NotFoundError.of(what, key, [e.name for e in known])

    def replaceable(self, kind: str, key: Reference, *, replace: bool) -> Entry | None:
        """The entry that something saved under a name or id replaces; None if it will be a new one.

        Raises
        ------
        ConflictError: the name is taken, and nothing may be replaced. NotFoundError: no entry has that id.
        """
        entry = self.get(kind, key) if isinstance(key, int) else self.find(kind, key)
        if entry is None or replace:
            return entry
        remedy = "delete it first" if kind == RISK_DATASET else "save with overwrite=True to replace it"
        raise ConflictError(f"there is a {kind_name(kind)} named {entry.name!r} already; {remedy}")

    def add(self, kind: str, name: str, value: Settings, **columns: Any) -> int:
        """Insert an entry under a name that is free; its id."""
        time = stored_time(now())
        row = dict.fromkeys(("dataset", "fingerprint", "description")) | {
            "kind": kind, "name": name, "value": json_of(value), "created_on": time,
            "last_updated_on": time, "revision": 1, **columns,
        }  # fmt: skip
        added = self._connection.execute(ENTRIES.insert().values(row | {"digest": digest(row)}))
        (key,) = added.inserted_primary_key or (0,)
        return int(key)

    def change(self, entry: Entry, *, touch: bool = True, **columns: Any) -> None:
        """Set columns of an entry, if it is as it was read.

        Parameters
        ----------
        touch
            Note the time, which never goes back.

        Raises
        ------
        NotFoundError: it is gone. EntryChangedError: it was changed. StorageError: it is damaged, and the
        damaged part would stay.
        """
        present = self.find(entry.kind, entry.id)
        if present is None:
            raise NotFoundError.of(
                kind_name(entry.kind), entry.name, [e.name for e in self.listed(entry.kind)]
            )
        if present.revision != entry.revision:
            raise EntryChangedError(f"{entry.what} was changed meanwhile; try again")
        if "value" in columns:
            columns["value"] = json_of(columns["value"])
        elif present.damage is not None:
            raise StorageError(
                f"{entry.what} is damaged: {present.damage}; save it again, or restore a backup"
            )
        if touch:
            later = present.last_updated_on + dt.timedelta(microseconds=1)
            columns["last_updated_on"] = stored_time(max(now(), later))
        this = sa.select(ENTRIES).where(ENTRIES.c.id == entry.id)
        row = dict(self._connection.execute(this).mappings().one()) | columns
        row |= {"revision": entry.revision + 1, "digest": digest(row)}
        self._connection.execute(ENTRIES.update().where(ENTRIES.c.id == entry.id).values(row))

    def remove(self, kind: str, key: Reference) -> None:
        """Delete an entry; NotFoundError if there is none, ConflictError if others refer to it."""
        entry = self.get(kind, key)
        referrers = [other for other in self.listed() if other.refers_to(entry)]
        if referrers:
            listed = ", ".join(f"{r.kind} {r.name!r}" for r in referrers)
            raise ConflictError(f"{entry.what} is in use by {listed}; delete or change those first")
        self._connection.execute(ENTRIES.delete().where(ENTRIES.c.id == entry.id))

    def is_stored(self, recipe: str) -> bool:
        """Whether there is a content that was made from a recipe, which stays once an entry has it."""
        return bool(
            self._connection.execute(sa.select(sa.exists().where(CONTENTS.c.recipe == recipe))).scalar()
        )

    def lineage(self, entry: Entry) -> list[Entry]:
        """A dataset, its reference, the reference of that, and so on; in a circle the last one is there
        twice.
        """
        line = [entry]
        while (key := line[-1].parent) is not None and (parent := self.find(RISK_DATASET, key)) is not None:
            line.append(parent)
            if parent.id in {e.id for e in line[:-1]}:
                break
        return line


class Registry:
    """The entries and contents of a workspace, in a database that is brought to the present format.

    Each method is a transaction of its own; `changing` makes several steps one, so that what was looked at
    is still true when something is written.

    Parameters
    ----------
    url
        Of a database that SQLAlchemy can open.
    release
        Version of openfactor, noted in the database for older ones that cannot read it.
    may_create
        Whether a new database is made where there is none.

    Raises
    ------
    StorageError: the database cannot be opened, was written by a newer release, or is damaged.
    """

    def __init__(self, url: sa.URL, *, release: str = "", may_create: bool = True) -> None:
        self._database = Database(url)
        self._check()
        migrate(self._database, release, may_create=may_create)
        self.contents = Contents(self._database)
        """What was made from which recipe."""

    def close(self) -> None:
        """Release the connections of the database."""
        self._database.close()

    @property
    def workspace_id(self) -> str:
        """The id of the workspace that the database belongs to."""
        with self._database.reading() as connection:
            return str(connection.execute(sa.select(WORKSPACE.c.id)).scalar_one())

    @contextmanager
    def reading(self) -> Iterator[Entries]:
        """The entries at one moment."""
        with self._database.reading() as connection:
            yield Entries(connection)

    @contextmanager
    def changing(self) -> Iterator[Entries]:
        """The entries, which nobody else changes meanwhile; nothing is changed if the block raises."""
        with self._database.writing() as connection:
            yield Entries(connection)

    def entries(self, kind: str | None = None) -> list[Entry]:
        """All entries of a kind, by name."""
        with self.reading() as entries:
            return entries.listed(kind)

    def names(self, kind: str) -> list[str]:
        """Names of a kind, sorted."""
        return [entry.name for entry in self.entries(kind)]

    def find(self, kind: str, key: Reference) -> Entry | None:
        """The entry of that name, or of that id and kind."""
        with self.reading() as entries:
            return entries.find(kind, key)

    def get(self, kind: str, key: Reference) -> Entry:
        """The same, or NotFoundError."""
        with self.reading() as entries:
            return entries.get(kind, key)

    def copy_to(self, path: str) -> None:
        """Write the database, as it is at one moment, to a new file, beside whoever writes."""
        with self._database.outside() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (path,))

    def _check(self) -> None:
        """Let readers and writers go on beside each other, where the disk can; refuse a damaged database."""
        with self._database.outside() as connection:
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            except sa.exc.OperationalError as error:
                if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in _KEEPS_ITS_MODE:
                    raise
            (found,) = connection.exec_driver_sql("PRAGMA integrity_check(1)").one()
            if found != "ok":
                path = self._database.url.database
                raise DamagedDatabaseError(
                    f"cannot use the database {path}: it is damaged ({found}); {RESTORE}"
                )
