"""Entries of a Delta log: JSON lines, of which the last tells that the entry is complete and undamaged."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

FORMAT = 2
"""Number of the format of tables that this release writes. 1 had no checksums."""
FORMAT_RELEASE = "0.1.0"
"""The first release that reads this format."""
Row = tuple[str, int, int, int | None, dt.date | None, dt.date | None]
"""A data file in the columns of `FILE_SCHEMA`."""
FILE_SCHEMA: dict[str, pl.DataType] = {
    "path": pl.String(), "n_rows": pl.Int64(), "size": pl.Int64(), "crc": pl.Int64(),
    "first_day": pl.Date(), "last_day": pl.Date(),
}  # fmt: skip
"""Columns of data files; `path` is the name in the table's folder, days are null if rows are not dated."""
_TYPES: dict[str, pl.DataType] = {
    "string": pl.String(), "double": pl.Float64(), "float": pl.Float32(), "integer": pl.Int32(),
    "long": pl.Int64(), "short": pl.Int16(), "byte": pl.Int8(), "boolean": pl.Boolean(), "date": pl.Date(),
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_END = b"}  \n"
"""How a complete entry ends; no cut one does, also when one byte of it is damaged."""
_PROTOCOL = {"minReaderVersion": 1, "minWriterVersion": 2}
_FORMAT, _RELEASE = "openfactor.format", "openfactor.release"
_BLANK = "0" * 32
_DIGEST = re.compile(rb'"openfactor\.digest":"([0-9a-f]{32})"')


class DamagedEntryError(ValueError):
    """An entry is not what was written."""


class CutEntryError(DamagedEntryError):
    """The end of an entry is missing, as after a loss of power."""


class NewerFormatError(Exception):
    """The table has a format of a later release, which the message names."""


@dataclass(frozen=True)
class Metadata:
    """What a table is."""

    id: str
    """Identifies the table, whatever its name: one that replaces it has another id."""
    schema: dict[str, pl.DataType]
    """Columns of its files; a file may lack those that it predates."""
    format: int = FORMAT
    release: str = FORMAT_RELEASE
    """The first release that reads the format."""


@dataclass(frozen=True)
class Entry:
    """One commit."""

    version: int
    time: int
    """In milliseconds since 1970 (UTC)."""
    operation: str
    adds: Sequence[Row] = ()
    removes: Sequence[str] = ()
    """Names of files."""
    metadata: Metadata | None = None
    """If it changes."""
    parent: str | None = None
    """Digest of all entries before; None in format 1."""
    restart: bool = False
    """Its files are all files of the version, whatever the entries before say."""

    @property
    def is_signed(self) -> bool:
        """Whether it has a digest, which then is right."""
        return self.parent is not None


def read_entry(data: bytes, version: int) -> Entry:
    """The entry with these bytes.

    Raises
    ------
    CutEntryError
        Its end is missing.
    DamagedEntryError
        It is not what was written.
    NewerFormatError
        A later release wrote it.
    """
    text = data.rstrip(b"\0")
    digest = _DIGEST.search(text)
    if digest and digest[1].decode() != _digest(text):
        raise _fault(text, "is not what was written")
    try:
        actions = [json.loads(line) for line in text.decode().splitlines()]
        info = next(action["commitInfo"] for action in actions if "commitInfo" in action)
        return Entry(
            version,
            int(info["timestamp"]),
            str(info.get("openfactor", "")),
            [_read_add(action["add"]) for action in actions if "add" in action],
            [str(action["remove"]["path"]) for action in actions if "remove" in action],
            next((_read_metadata(action["metaData"]) for action in actions if "metaData" in action), None),
            str(info["openfactor.parent"]) if digest else None,
            "openfactor.restart" in info,
        )
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise _fault(text, f"is no entry ({error!r})") from error


def write_entry(entry: Entry, dated_by: str | None) -> bytes:
    """The bytes of an entry, with its digest; `dated_by` is the column that files are dated by."""
    info: dict[str, Any] = {"timestamp": entry.time, "operation": "WRITE", "operationParameters": {}}
    info |= {"openfactor": entry.operation, "openfactor.parent": entry.parent}
    if entry.restart:
        info["openfactor.restart"] = "true"
    info["openfactor.digest"] = _BLANK
    actions: list[dict[str, Any]] = []
    if entry.metadata:
        actions += [{"protocol": _PROTOCOL}, {"metaData": _write_metadata(entry.metadata, entry.time)}]
    actions += [{"remove": _write_remove(path, entry.time)} for path in entry.removes]
    actions += [{"add": _write_add(row, entry.time, dated_by)} for row in entry.adds]
    lines = [json.dumps(action, separators=(",", ":")) for action in (*actions, {"commitInfo": info})]
    text = "\n".join(lines).encode() + _END[1:]
    return text.replace(_BLANK.encode(), _digest(text).encode())


def chained(parent: str, data: bytes) -> str:
    """Digest of all entries to the one with these bytes, from the digest of those before it."""
    return hashlib.blake2b(parent.encode() + data, digest_size=16).hexdigest()


def _digest(text: bytes) -> str:
    """Digest of an entry but for the digest in it."""
    blank = _DIGEST.sub(b'"openfactor.digest":"' + _BLANK.encode() + b'"', text)
    return hashlib.blake2b(blank, digest_size=16).hexdigest()


def _fault(text: bytes, message: str) -> DamagedEntryError:
    """What is wrong with an entry that cannot be read."""
    if text.startswith(b'{"commitInfo"'):  # of format 1
        cut = not text.endswith(b"}")
    else:
        cut = sum(a == b for a, b in zip(text[-len(_END) :], _END, strict=False)) < len(_END) - 1
    return CutEntryError("has lost its end") if cut else DamagedEntryError(message)


def _write_add(row: Row, time: int, dated_by: str | None) -> dict[str, Any]:
    path, n_rows, size, crc, first_day, last_day = row
    statistics: dict[str, Any] = {"numRecords": n_rows}
    tags = {} if crc is None else {"openfactor.crc32": str(crc)}
    if dated_by:
        statistics |= {"minValues": {dated_by: str(first_day)}, "maxValues": {dated_by: str(last_day)}}
        statistics["nullCount"] = {dated_by: 0}
    return {
        "path": path, "partitionValues": {}, "size": size, "modificationTime": time, "dataChange": True,
        "stats": json.dumps(statistics, separators=(",", ":")), "tags": tags,
    }  # fmt: skip


def _read_add(action: dict[str, Any]) -> Row:
    statistics = json.loads(action["stats"])
    bounds = [
        next((dt.date.fromisoformat(day) for day in (statistics.get(name) or {}).values()), None)
        for name in ("minValues", "maxValues")
    ]
    crc = (action.get("tags") or {}).get("openfactor.crc32")
    crc = None if crc is None else int(crc)
    return str(action["path"]), int(statistics["numRecords"]), int(action["size"]), crc, bounds[0], bounds[1]


def _write_remove(path: str, time: int) -> dict[str, Any]:
    return {"path": path, "deletionTimestamp": time, "dataChange": True}


def _write_metadata(metadata: Metadata, time: int) -> dict[str, Any]:
    return {
        "id": metadata.id,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": write_schema(metadata.schema),
        "partitionColumns": [],
        "createdTime": time,
        "configuration": {_FORMAT: str(metadata.format), _RELEASE: metadata.release},
    }


def _read_metadata(action: dict[str, Any]) -> Metadata:
    configuration = action.get("configuration") or {}
    number, release = int(configuration.get(_FORMAT, "1")), str(configuration.get(_RELEASE, ""))
    if number > FORMAT:
        raise NewerFormatError(f"it has format {number}, which openfactor {release} and later read")
    return Metadata(str(action["id"]), read_schema(action["schemaString"]), number, release)


def write_schema(schema: Mapping[str, pl.DataType]) -> str:
    """Columns as Delta Lake writes them."""
    fields = [
        {"name": name, "type": _NAMES[dtype], "nullable": True, "metadata": {}}
        for name, dtype in schema.items()
    ]
    return json.dumps({"type": "struct", "fields": fields})


def read_schema(text: str) -> dict[str, pl.DataType]:
    """Columns as Delta Lake writes them."""
    return {field["name"]: _TYPES[field["type"]] for field in json.loads(text)["fields"]}
