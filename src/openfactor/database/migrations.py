"""Formats of the database: each is made from the one before, in one transaction, by whoever opens it first.

A migration is a function that never changes again; the next format is another function at the end of
`_MIGRATIONS`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import sqlalchemy as sa

from openfactor.database.connections import Database
from openfactor.database.refusals import RESTORE, DamagedDatabaseError
from openfactor.database.tables import WORKSPACE, digest
from openfactor.errors import StorageError


def _to_1(connection: sa.Connection) -> None:
    """Entries, as releases without a format number made them."""
    entries = sa.Table(
        "entries",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("dataset", sa.String),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("fingerprint", sa.String),
        sa.Column("description", sa.String),
        sa.Column("created_on", sa.DateTime, nullable=False),
        sa.Column("last_updated_on", sa.DateTime, nullable=False),
        sa.UniqueConstraint("kind", "name"),
        sqlite_autoincrement=True,  # the id of something deleted does not come back
    )
    entries.create(connection)


def _to_2(connection: sa.Connection) -> None:
    """Revisions and digests of entries; contents by recipe; the format and the id of the workspace."""
    connection.execute(sa.text("ALTER TABLE entries ADD COLUMN revision INTEGER NOT NULL DEFAULT 1"))
    connection.execute(sa.text("ALTER TABLE entries ADD COLUMN digest VARCHAR"))
    for row in connection.execute(sa.text("SELECT * FROM entries")).mappings().all():
        sign = sa.text("UPDATE entries SET digest = :digest WHERE id = :id")
        connection.execute(sign, {"id": row["id"], "digest": digest(row)})
    contents = sa.Table(
        "contents",
        sa.MetaData(),
        sa.Column("recipe", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("dataset", sa.String),
        sa.Column("settings", sa.String, index=True),
        sa.Column("made_on", sa.DateTime, nullable=False),
    )
    contents.create(connection, checkfirst=True)
    connection.execute(sa.text("ALTER TABLE contents ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0"))
    older = "SELECT count(*) FROM contents AS other WHERE other.made_on <= contents.made_on"
    connection.execute(sa.text(f"UPDATE contents SET sequence = ({older})"))
    connection.execute(sa.text("CREATE INDEX ix_contents_sequence ON contents (sequence)"))
    workspace = sa.Table(
        "workspace",
        sa.MetaData(),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("release", sa.String, nullable=False),
    )
    workspace.create(connection)
    connection.execute(workspace.insert().values(format=2, id=uuid.uuid4().hex, release=""))


_MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_to_1, _to_2)
FORMAT = len(_MIGRATIONS)
"""The format that this release reads and writes."""


def migrate(database: Database, release: str, *, may_create: bool = True) -> None:
    """Bring a database to the present format. Others that open it meanwhile wait.

    Parameters
    ----------
    release
        Version of openfactor, which is noted for the message of releases that cannot read the format.
    may_create
        Whether a database without tables is filled, or refused.

    Raises
    ------
    StorageError: it was written by a newer release, or is damaged, or has no tables.
    """
    with database.reading() as connection:
        if _checked_format(connection) == FORMAT:
            return
    with database.writing() as connection:
        present = _checked_format(connection)
        if present == 0 and not may_create:
            raise DamagedDatabaseError(f"the database {database.url.database} is empty; {RESTORE}")
        for to_next in _MIGRATIONS[present:]:
            to_next(connection)
        if present < FORMAT:
            connection.execute(WORKSPACE.update().values(format=FORMAT, release=release))


def _checked_format(connection: sa.Connection) -> int:
    """The format of a database, 0 if it has no tables; StorageError if it is not known."""
    tables = set(sa.inspect(connection).get_table_names())
    if "workspace" not in tables:
        return 1 if "entries" in tables else 0
    row = connection.execute(sa.select(WORKSPACE)).mappings().first()
    if row is None or not isinstance(row["format"], int):
        raise DamagedDatabaseError(f"the database does not say which format it has; {RESTORE}")
    if row["format"] > FORMAT:
        raise StorageError(
            f"the database has format {row['format']}, of openfactor {row['release']}; this release reads "
            f"formats up to {FORMAT}: install openfactor {row['release']} or a later one"
        )
    return int(row["format"])
