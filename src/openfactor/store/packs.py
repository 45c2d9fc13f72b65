"""Packs: immutable files of named arrays, named by the hash of their bytes and mapped into memory.

A pack is written once, front to back:

    magic      8 bytes, the last of which is the format number
    arrays     each begins at a multiple of 64 bytes, C order, little endian
    contents   JSON: for each array its name, type, shape, place and CRC
    end        length of the contents (8 bytes), their CRC (4 bytes), magic (4 bytes)
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.store.local import refusal
from openfactor.store.mapping import map_file
from openfactor.store.objects import Draft, NewerFormatError, Objects, damaged

FORMAT = 1
PREFIX = "packs/"
_MAGIC = b"OFPACK\0"
_END = struct.Struct("<QI4s")
_END_MAGIC = b"OFPE"
_ALIGNMENT = 64
_CHUNK = 1 << 24
"""Bytes that are written, hashed or checked at a time."""
_TABLE = "table:"
"""Prefix of the names of arrays that are tables."""


class PackRef(NamedTuple):
    """Which pack, for manifests."""

    digest: str
    """SHA-256 of its bytes, hexadecimal."""
    size: int
    """Bytes."""

    @property
    def key(self) -> str:
        """Of the object."""
        return f"{PREFIX}{self.digest[:2]}/{self.digest}"


class _Contents(NamedTuple):
    """Where an array lies in a pack."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    crc: int


class PackWriter:
    """Writes a pack array by array, or column by column, and never holds it in memory.

    Use as a context; without `finish` nothing is kept.
    """

    def __init__(self, objects: Objects) -> None:
        self._draft: Draft = objects.draft()
        self._digest = hashlib.sha256()
        self._size = 0
        self._contents: dict[str, _Contents] = {}
        self._write(_MAGIC + bytes([FORMAT]))

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._draft.discard()

    def add(self, name: str, columns: NDArray[Any] | list[NDArray[Any]]) -> None:
        """Add an array, or an array (columns, n) column by column; all of one type and length."""
        is_stacked = isinstance(columns, list)
        parts = columns if isinstance(columns, list) else [columns]
        shape = (len(parts), *(parts[0].shape if parts else (0,))) if is_stacked else parts[0].shape
        dtype = (parts[0].dtype if parts else np.dtype(np.float64)).newbyteorder("<")
        self._write(b"\0" * (-self._size % _ALIGNMENT))
        offset, crc = self._size, 0
        for part in parts:
            values = np.ascontiguousarray(part, dtype)
            data = values.view(np.uint8).reshape(-1).data if values.size else memoryview(b"")
            for first in range(0, len(data), _CHUNK):
                chunk = data[first : first + _CHUNK]
                crc = zlib.crc32(chunk, crc)
                self._write(chunk)
        self._contents[name] = _Contents(dtype.str, shape, offset, crc)

    def add_table(self, name: str, table: pl.DataFrame) -> None:
        """Add a table."""
        buffer = BytesIO()
        table.write_ipc(buffer)
        self.add(_TABLE + name, np.frombuffer(buffer.getvalue(), np.uint8))

    def finish(self) -> PackRef:
        """Keep the pack."""
        text = json.dumps(self._contents, separators=(",", ":")).encode()
        self._write(text)
        self._write(_END.pack(len(text), zlib.crc32(text), _END_MAGIC))
        ref = PackRef(self._digest.hexdigest(), self._size)
        self._draft.commit(ref.key)
        return ref

    def _write(self, data: bytes | memoryview) -> None:
        try:
            self._draft.file.write(data)
        except OSError as error:
            raise refusal("write a pack", error) from error
        self._digest.update(data)
        self._size += len(data)


def write_pack(
    objects: Objects,
    arrays: Mapping[str, NDArray[Any] | list[NDArray[Any]]],
    tables: Mapping[str, pl.DataFrame] | None = None,
) -> PackRef:
    """Write a pack of arrays and tables."""
    with PackWriter(objects) as writer:
        for name, array in arrays.items():
            writer.add(name, array)
        for name, table in (tables or {}).items():
            writer.add_table(name, table)
        return writer.finish()


class Pack(Mapping[str, NDArray[Any]]):
    """A pack that is mapped into memory. Arrays are checked when they are first read in this process; they
    stay valid as long as somebody holds them, even if the file is deleted.

    Raises
    ------
    MissingObjectError: there is no such pack. DamagedObjectError: it is not what was written.
    NewerFormatError: a newer release wrote it.
    """

    def __init__(self, objects: Objects, ref: PackRef) -> None:
        self.ref = ref
        self._path = objects.local(ref.key)
        self._map, self._identity = _mapped(self._path, ref)
        self._contents = _contents(self._map, self._path)

    def __repr__(self) -> str:
        return f"<pack {self.ref.digest[:8]}: {', '.join(self)}>"

    def __iter__(self) -> Iterator[str]:
        """Names of the arrays, in the order in which they were written."""
        return (name for name in self._contents if not name.startswith(_TABLE))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """An array, read-only."""
        of_array = self._contents[name]
        dtype, shape = np.dtype(of_array.dtype), of_array.shape
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size == 0:
            return np.empty(shape, dtype)
        data = self._map[of_array.offset : of_array.offset + size]
        _CHECKED.check((self._identity, name), data, of_array.crc, self._path)
        return data.view(dtype).reshape(shape)

    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables by name."""
        return {
            name.removeprefix(_TABLE): self.table(name.removeprefix(_TABLE))
            for name in self._contents
            if name.startswith(_TABLE)
        }

    def table(self, name: str) -> pl.DataFrame:
        """A table."""
        return pl.read_ipc(BytesIO(self[_TABLE + name].tobytes()))


def verify(objects: Objects, ref: PackRef) -> None:
    """Read a whole pack and compare its digest; raises as `Pack`."""
    path, digest, size = objects.local(ref.key), hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise refusal(f"read {path}", error) from error
    if (digest.hexdigest(), size) != ref:
        raise damaged(path, "its bytes are not those that were written")


class _Checked:
    """Arrays whose bytes were checked in this process, by file and name."""

    def __init__(self, most: int = 1 << 16) -> None:
        self._most = most
        self._known: dict[Any, None] = {}
        self._lock = threading.Lock()

    def check(self, key: Any, data: NDArray[np.uint8], crc: int, path: Path) -> None:
        """Compare the CRC, unless that was done before."""
        with self._lock:
            if key in self._known:
                return
        actual = 0
        for first in range(0, len(data), _CHUNK):
            actual = zlib.crc32(data[first : first + _CHUNK].data, actual)
        if actual != crc:
            raise damaged(path, f"{key[1]!r} is not what was written")
        with self._lock:
            self._known[key] = None
            while len(self._known) > self._most:
                del self._known[next(iter(self._known))]


_CHECKED = _Checked()


def _mapped(path: Path, ref: PackRef) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """The mapped file, and what identifies it: another file of that name has to be checked again."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size != ref.size or ref.size < _END.size + len(_MAGIC) + 1:
                raise damaged(path, f"it has {status.st_size:,} bytes, not {ref.size:,}")
            identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            return map_file(file.fileno(), ref.size), identity
    except OSError as error:
        raise refusal(f"read {path}", error) from error


def _contents(data: NDArray[np.uint8], path: Path) -> dict[str, _Contents]:
    begin, end = data[: len(_MAGIC)].tobytes(), data[-_END.size :].tobytes()
    if begin != _MAGIC:
        raise damaged(path, "it does not begin like a pack")
    if data[len(_MAGIC)] > FORMAT:
        raise NewerFormatError(
            f"{path} has format {data[len(_MAGIC)]}, this release reads {FORMAT}: use a newer release"
        )
    length, crc, magic = _END.unpack(end)
    text = data[max(len(data) - _END.size - length, 0) : -_END.size].tobytes()
    if magic != _END_MAGIC or zlib.crc32(text) != crc:
        raise damaged(path, "its contents cannot be read")
    return {
        name: _Contents(dtype, tuple(shape), offset, crc)
        for name, (dtype, shape, offset, crc) in json.loads(text).items()
    }
