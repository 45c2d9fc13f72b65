"""Databases as bytes and SQL, without the code under test."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from openfactor.database import Registry

VERSION_1 = """
CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
    dataset VARCHAR, value JSON NOT NULL, fingerprint VARCHAR, description VARCHAR,
    created_on DATETIME NOT NULL, last_updated_on DATETIME NOT NULL, UNIQUE (kind, name)
);
INSERT INTO entries VALUES
    (3, 'UniverseSettings', 'small', 'd', '{"id_type": "ticker"}', NULL, 'tiny',
     '2024-01-02 03:04:05.000006', '2024-01-03 00:00:00.000000'),
    (4, 'RiskDatasetSettings', 'top', NULL, '{"kind": "derived", "reference_dataset": "d"}', 'abc', NULL,
     '2024-01-02 03:04:05.000006', '2024-01-03 00:00:00.000000');
"""
"""A database of a release that noted no format, with two entries."""


def file_of(folder: Path) -> Path:
    return folder / "openfactor.sqlite"


def opened(folder: Path, **options: Any) -> Registry:
    return Registry(sa.URL.create("sqlite", database=str(file_of(folder))), **options)


def execute(folder: Path, statement: str, *arguments: Any) -> list[tuple]:
    """Change or read a database without the code under test."""
    connection = sqlite3.connect(file_of(folder))
    try:
        with connection:
            return connection.execute(statement, arguments).fetchall()
    finally:
        connection.close()


def script(folder: Path, statements: str) -> None:
    connection = sqlite3.connect(file_of(folder))
    connection.executescript(statements)
    connection.close()
