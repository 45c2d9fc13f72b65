"""Connections to the database, in transactions that are durable when they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from openfactor.database.refusals import WAIT, refusals

_BEGIN = "openfactor_begin"
"""Option of a connection: how its transaction begins."""


class Database:
    """Transactions of a database. Each has a connection of its own, so none is shared by threads or crosses
    a fork.

    Parameters
    ----------
    url
        Of a database that SQLAlchemy can open.
    """

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        if url.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _configure)
            sa.event.listen(self._engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One state of the database, whatever others write meanwhile; StorageError if it cannot be read."""
        with refusals(self.url), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction during which nobody else writes: what it reads stays true until it ends. When it has
        ended, a loss of power does not undo it; if the block raises, nothing was written.

        Raises
        ------
        StorageError: the database cannot be written, or others keep it locked.
        """
        with refusals(self.url), self._engine.connect() as connection:
            connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            with connection.begin():
                yield connection

    @contextmanager
    def outside(self) -> Iterator[sa.Connection]:
        """A connection for what cannot run in a transaction."""
        with refusals(self.url), self._engine.connect() as connection:
            yield connection.execution_options(**{_BEGIN: ""})

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()


def _configure(connection: Any, _record: object) -> None:
    """Set up a new connection to SQLite."""
    connection.isolation_level = None  # transactions begin where SQLAlchemy begins them, and nowhere else
    connection.text_factory = _text
    connection.execute(f"PRAGMA busy_timeout = {WAIT * 1000:.0f}")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: sa.Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)


def _text(stored: bytes) -> str:
    """A text; damaged bytes must not keep other rows from being read."""
    return stored.decode("utf-8", "replace")
