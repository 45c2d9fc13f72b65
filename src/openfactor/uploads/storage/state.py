"""What a table is at a version: its files and columns, replayed from the log or read from a checkpoint."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import polars as pl

from openfactor.uploads.storage.entries import (
    FILE_SCHEMA,
    DamagedEntryError,
    Entry,
    Metadata,
    chained,
    read_schema,
    write_schema,
)

_CHUNKS = 32
"""Pieces in which files are kept, as each commit adds one."""


@dataclass(frozen=True)
class TableState:
    """A table at a version."""

    version: int
    metadata: Metadata
    files: pl.DataFrame
    """In the columns of `FILE_SCHEMA`."""
    chain: str
    """Digest of all entries of the log so far."""
    time: int
    """Of the commit, in milliseconds since 1970 (UTC); never less than that of an earlier version."""
    checkpoint: int = 0
    """Version of the newest checkpoint, as far as known; 0 without any."""

    @cached_property
    def content(self) -> str:
        """Identifies the rows: equal for versions with equal files and columns, in any table."""
        schema = ",".join(f"{name} {dtype}" for name, dtype in self.metadata.schema.items())
        hashes = self.files.select(pl.col("path").str.head(32).sort().str.join(",")).item() or ""
        return hashlib.blake2b(f"{schema};{hashes}".encode(), digest_size=16).hexdigest()

    def check(self, entry: Entry) -> None:
        """DamagedEntryError if the entry was not written to follow this state."""
        if not entry.is_signed and self.metadata.format >= 2:
            raise DamagedEntryError("has lost its digest")
        if entry.is_signed and not entry.restart and entry.parent != self.chain:
            raise DamagedEntryError("does not follow the entries before it: one of them was changed")

    def after(self, entry: Entry, data: bytes) -> TableState:
        """The next version, made by an entry with these bytes."""
        files = self.files.clear() if entry.restart else self.files
        if entry.removes:
            files = files.filter(~pl.col("path").is_in(entry.removes))
        if entry.adds:
            added = pl.DataFrame(list(entry.adds), FILE_SCHEMA, orient="row")
            files = pl.concat([files, added], rechunk=files.n_chunks() >= _CHUNKS)
        return TableState(
            entry.version,
            entry.metadata or self.metadata,
            files,
            chained("" if entry.restart else self.chain, data),
            max(self.time, entry.time),
            self.checkpoint,
        )


def first_state(entry: Entry, data: bytes) -> TableState:
    """The state after an entry that needs no other before it.

    Raises
    ------
    DamagedEntryError
        It does.
    """
    if entry.metadata is None:
        raise DamagedEntryError("does not say what the table is")
    empty = TableState(-1, entry.metadata, pl.DataFrame(schema=FILE_SCHEMA), "", 0)
    empty.check(entry)
    return empty.after(entry, data)


def write_checkpoint(state: TableState) -> tuple[bytes, str]:
    """The bytes of a state, from which it can be read without the log before it, and their digest."""
    metadata = {**asdict(state.metadata), "schema": write_schema(state.metadata.schema)}
    header = {"version": state.version, "metadata": metadata, "chain": state.chain, "time": state.time}
    buffer = io.BytesIO()
    state.files.write_ipc(buffer, compression="zstd")
    data = json.dumps(header).encode() + b"\n" + buffer.getvalue()
    return data, digest_of(data)


def read_checkpoint(data: bytes) -> TableState:
    """The state with these bytes, whose digest was checked."""
    line, _, files = data.partition(b"\n")
    header: dict[str, Any] = json.loads(line)
    metadata = Metadata(**{**header["metadata"], "schema": read_schema(header["metadata"]["schema"])})
    rows = pl.read_ipc(io.BytesIO(files))
    version = header["version"]
    return TableState(version, metadata, rows, header["chain"], header["time"], version)


def digest_of(data: bytes) -> str:
    """Digest of the bytes of a checkpoint."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
