"""What Arrow files (IPC, Feather) declare of themselves, read before memory is taken for their columns."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from openfactor.uploads.parsing.limits import MAX_CHUNKS, NUMBER_BYTES, check_growth, check_size
from openfactor.uploads.parsing.records import Buffer

MAGIC = b"ARROW1"
_DICTIONARY, _RECORDS = 2, 3
_CUT_OFF = "the file is cut off, or damaged"


class _Batch(NamedTuple):
    """A table in a message."""

    rows: int
    columns: int
    """Fields, at any depth."""
    buffers: int
    """Of all fields."""
    bytes: int
    """Of the decoded buffers."""


def check_arrow(name: str, data: Buffer) -> None:
    """Raise DataError for an Arrow file that decodes to more than `limits` allow.

    Raises
    ------
    ValueError
        The file is damaged.
    """
    cells = size = pieces = columns = 0
    for batch in _batches(data):
        cells += batch.rows * batch.columns
        size += batch.bytes
        pieces += batch.columns + batch.buffers
        columns = max(columns, batch.columns)
        if pieces > MAX_CHUNKS:
            break
    check_growth(name, len(data), max(size, NUMBER_BYTES * cells))
    check_size(name, columns=columns, cells=cells, bytes=size, pieces=pieces)


def _batches(data: Buffer) -> Iterator[_Batch]:
    messages = _listed(data) if data[:6] == MAGIC else _in_sequence(data)
    for start, body in messages:
        message = _Table.root(data, start)
        header = message.table(2)
        kind = message.number(1, "<B")
        if header is None or kind not in (_DICTIONARY, _RECORDS):
            continue
        batch = header.table(1) if kind == _DICTIONARY else header
        if batch is not None:
            yield _batch(data, batch, body)


def _listed(data: Buffer) -> Iterator[tuple[int, int]]:
    """Where the messages of a file begin, and their bodies, as its footer lists them."""
    (length,) = _unpacked("<i", data, len(data) - 10)
    if not 0 < length <= len(data) - 10:
        raise ValueError(_CUT_OFF)
    footer = _Table.root(data, len(data) - 10 - length)
    for field in (2, 3):
        start, count = footer.vector(field)
        for i in range(count):
            offset, head = _unpacked("<qi", data, start + 24 * i)
            yield _after_length(data, offset), offset + head


def _in_sequence(data: Buffer) -> Iterator[tuple[int, int]]:
    """Where the messages of a stream begin, and their bodies."""
    position = 0
    while position + 8 <= len(data):
        start = _after_length(data, position)
        (length,) = _unpacked("<i", data, start - 4)
        if length == 0:
            return
        if length < 0:
            raise ValueError(_CUT_OFF)
        body = start + length
        yield start, body
        position = body + max(_Table.root(data, start).number(3, "<q"), 0)


def _after_length(data: Buffer, position: int) -> int:
    """Where a message begins, behind its length, which may follow a marker."""
    (first,) = _unpacked("<I", data, position)
    return position + (8 if first == 0xFFFFFFFF else 4)


def _batch(data: Buffer, batch: _Table, body: int) -> _Batch:
    rows = batch.number(0, "<q")
    nodes, n_nodes = batch.vector(1)
    buffers, n_buffers = batch.vector(2)
    longest = max((_unpacked("<q", data, nodes + 16 * i)[0] for i in range(n_nodes)), default=0)
    size = 0
    for i in range(n_buffers):
        offset, length = _unpacked("<qq", data, buffers + 16 * i)
        if length >= 8 and batch.table(3) is not None:
            (declared,) = _unpacked("<q", data, body + offset)
            length = length if declared < 0 else declared
        size += max(length, 0)
    if rows < 0 or longest < 0:
        raise ValueError(_CUT_OFF)
    return _Batch(max(rows, longest), n_nodes, n_buffers, size)


class _Table:
    """A table of flatbuffers, whose fields have numbers."""

    def __init__(self, data: Buffer, start: int) -> None:
        self._data, self._start = data, start
        (back,) = _unpacked("<i", data, start)
        self._fields = start - back
        (self._size,) = _unpacked("<H", data, self._fields)

    @classmethod
    def root(cls, data: Buffer, start: int) -> _Table:
        """The outermost table of what begins at `start`."""
        return cls(data, start + _unpacked("<I", data, start)[0])

    def number(self, field: int, form: str) -> int:
        """A number; 0 if it is left out."""
        position = self._position(field)
        return int(_unpacked(form, self._data, position)[0]) if position else 0

    def table(self, field: int) -> _Table | None:
        """A table inside this one."""
        position = self._position(field)
        return _Table(self._data, self._follow(position)) if position else None

    def vector(self, field: int) -> tuple[int, int]:
        """Where a list begins, and its length."""
        position = self._position(field)
        if not position:
            return 0, 0
        start = self._follow(position)
        return start + 4, _unpacked("<I", self._data, start)[0]

    def _position(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry + 2 > self._size:
            return 0
        (offset,) = _unpacked("<H", self._data, self._fields + entry)
        return self._start + offset if offset else 0

    def _follow(self, position: int) -> int:
        return position + int(_unpacked("<I", self._data, position)[0])


def _unpacked(form: str, data: Buffer, position: int) -> tuple[int, ...]:
    """Numbers at a position; ValueError beyond the data."""
    if position < 0 or position + struct.calcsize(form) > len(data):
        raise ValueError(_CUT_OFF)
    return struct.unpack_from(form, data, position)
