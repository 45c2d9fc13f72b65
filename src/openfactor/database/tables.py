"""The tables of the database. A change of them is a migration; see `migrations.py`."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()
# Times and JSON are read as texts: a damaged one must not keep other rows from being read.
ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String),
    sa.Column("name", sa.String),
    sa.Column("dataset", sa.String),
    sa.Column("value", sa.String),
    sa.Column("fingerprint", sa.String),
    sa.Column("description", sa.String),
    sa.Column("created_on", sa.String),
    sa.Column("last_updated_on", sa.String),
    sa.Column("revision", sa.Integer),
    sa.Column("digest", sa.String),
)
CONTENTS = sa.Table(
    "contents",
    METADATA,
    sa.Column("recipe", sa.String, primary_key=True),
    sa.Column("kind", sa.String),
    sa.Column("content", sa.String),
    sa.Column("dataset", sa.String),
    sa.Column("settings", sa.String),
    sa.Column("made_on", sa.String),
    sa.Column("sequence", sa.Integer),
)
WORKSPACE = sa.Table(
    "workspace",
    METADATA,
    sa.Column("format", sa.Integer),
    sa.Column("id", sa.String),
    sa.Column("release", sa.String),
)

_SIGNED = ("kind", "name", "dataset", "value", "fingerprint", "description")
_UNKNOWN = dt.datetime(1970, 1, 1)


def digest(row: Mapping[Any, Any]) -> str:
    """Of a row of entries, to notice bytes that changed on the disk."""
    text = json.dumps([row[column] for column in _SIGNED], default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def now() -> dt.datetime:
    """UTC, without a time zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def stored_time(time: dt.datetime) -> str:
    """A time as the tables keep it."""
    return time.isoformat(" ", "microseconds")


def time_of(stored: object) -> dt.datetime:
    """A time from the tables; 1970 if it is damaged."""
    try:
        return dt.datetime.fromisoformat(str(stored))
    except ValueError:
        return _UNKNOWN
