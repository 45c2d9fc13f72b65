"""What is kept under a name: risk datasets and saved settings, in a database."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from openfactor.database.contents import METADATA, Contents
from openfactor.errors import ConflictError, NotFoundError, SettingsError, StorageError
from openfactor.settings import AnyRiskDatasetSettings, ColumnMapping, Settings
from openfactor.settings.saved import KINDS
from openfactor.settings.values import Reference

RISK_DATASET = "RiskDatasetSettings"
"""The kind of risk datasets, root or derived."""
COLUMN_MAPPING = ColumnMapping.settings_kind
"""The kind of mappings of columns."""
_TYPES: dict[str, Any] = {RISK_DATASET: AnyRiskDatasetSettings, COLUMN_MAPPING: ColumnMapping, **KINDS}
"""Kind of entry to the type of its value."""

_ENTRIES = sa.Table(
    "entries",
    METADATA,
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


@cache
def _adapter(kind: str) -> TypeAdapter[Settings]:
    return TypeAdapter(_TYPES[kind])


@dataclass(frozen=True)
class Entry:
    """One thing that is kept."""

    id: int
    kind: str
    name: str
    dataset: str | None
    """The dataset that saved settings are bound to."""
    value: dict[str, Any]
    """The settings as JSON."""
    fingerprint: str | None
    """Of a risk dataset: the data that it has."""
    description: str | None
    created_on: dt.datetime
    last_updated_on: dt.datetime

    @property
    def settings(self) -> Settings:
        """The settings; pydantic.ValidationError if they are not valid any more."""
        return _adapter(self.kind).validate_python(self.value)


def problems_of(error: ValidationError) -> list[str]:
    """One line per field that is not valid: its place and what is wrong with it."""
    return [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]


class Registry:
    """Entries by kind and name, or by id. Names are unique within a kind, ids altogether.

    url : of a database that SQLAlchemy can open
    """

    def __init__(self, url: sa.URL) -> None:
        # no pool: a connection to SQLite must not cross a fork
        self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        try:
            METADATA.create_all(self._engine)
        except sa.exc.SQLAlchemyError as error:
            raise StorageError(f"cannot open the database {url}: {error}") from error
        self.contents = Contents(self._engine)
        """What was made from which recipe."""

    def close(self) -> None:
        """Release the connections of the database."""
        self._engine.dispose()

    def entries(self, kind: str | None = None) -> list[Entry]:
        """All entries of a kind, by name."""
        query = sa.select(_ENTRIES).order_by(_ENTRIES.c.kind, _ENTRIES.c.name)
        if kind is not None:
            query = query.where(_ENTRIES.c.kind == kind)
        with self._engine.connect() as connection:
            return [Entry(**row._mapping) for row in connection.execute(query)]

    def names(self, kind: str) -> list[str]:
        """Names of a kind, sorted."""
        return [entry.name for entry in self.entries(kind)]

    def find(self, kind: str, key: Reference) -> Entry | None:
        """The entry of that name, or of that id and kind."""
        column = _ENTRIES.c.id if isinstance(key, int) else _ENTRIES.c.name
        query = sa.select(_ENTRIES).where(_ENTRIES.c.kind == kind, column == key)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else Entry(**row._mapping)

    def get(self, kind: str, key: Reference) -> Entry:
        """The same, or NotFoundError."""
        entry = self.find(kind, key)
        if entry is None:
            what = "risk dataset" if kind == RISK_DATASET else kind
            if isinstance(key, int):
                ids = ", ".join(f"{e.id} ({e.name})" for e in self.entries(kind))
                raise NotFoundError(f"there is no {what} with the id {key}; known: {ids or 'none yet'}")
            raise NotFoundError.of(what, key, self.names(kind))
        return entry

    def add(self, kind: str, name: str, value: Settings, **columns: Any) -> int:
        """Insert an entry and return its id; ConflictError if the name is taken."""
        now = _now()
        row = {
            "kind": kind, "name": name, "value": _json_of(value), "created_on": now,
            "last_updated_on": now, **columns,
        }  # fmt: skip
        try:
            with self._engine.begin() as connection:
                (key,) = connection.execute(_ENTRIES.insert().values(row)).inserted_primary_key or (0,)
                return int(key)
        except sa.exc.IntegrityError as error:
            raise taken(kind, name) from error

    def change(self, key: int, *, touch: bool = True, **columns: Any) -> None:
        """Set columns of an entry; `touch` notes the time."""
        if isinstance(columns.get("value"), Settings):
            columns["value"] = _json_of(columns["value"])
        if touch:
            columns["last_updated_on"] = _now()
        with self._engine.begin() as connection:
            connection.execute(_ENTRIES.update().where(_ENTRIES.c.id == key).values(columns))

    def remove(self, key: int) -> None:
        """Delete an entry."""
        with self._engine.begin() as connection:
            connection.execute(_ENTRIES.delete().where(_ENTRIES.c.id == key))

    def referrers(self, entry: Entry) -> list[Entry]:
        """Entries that refer to this one: by name or id, or because they are bound to it."""
        found = []
        for other in self.entries():
            if other.id == entry.id:
                continue
            bound = entry.kind == RISK_DATASET and other.dataset == entry.name
            try:
                references = other.settings.get_references()
            except ValueError:  # not valid any more, so its references cannot be followed
                references = []
            if bound or (entry.kind, entry.name) in references or (entry.kind, entry.id) in references:
                found.append(other)
        return found

    def settings_of(self, entry: Entry) -> Settings:
        """The settings of an entry; SettingsError if they are not valid any more."""
        try:
            return entry.settings
        except ValidationError as error:
            what = "risk dataset" if entry.kind == RISK_DATASET else entry.kind
            raise SettingsError(
                f"the saved {what} {entry.name!r} is not valid in this version of openfactor; replace it:",
                problems_of(error),
            ) from error

    def refuse_if_referred(self, entry: Entry) -> None:
        """ConflictError if others refer to an entry, naming them."""
        referrers = self.referrers(entry)
        if referrers:
            listed = ", ".join(f"{r.kind} {r.name!r}" for r in referrers)
            what = "risk dataset" if entry.kind == RISK_DATASET else entry.kind
            raise ConflictError(f"{what} {entry.name!r} is in use by {listed}; delete or change those first")


def taken(kind: str, name: str) -> ConflictError:
    """The error about a name that is in use."""
    if kind == RISK_DATASET:
        return ConflictError(f"there is a risk dataset named {name!r} already; delete it first")
    return ConflictError(f"there is a {kind} named {name!r} already; save with overwrite=True to replace it")


def _json_of(settings: Settings) -> Any:
    """JSON as all databases take it: infinite numbers are texts, not constants of JavaScript."""
    return json.loads(settings.model_dump_json())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
