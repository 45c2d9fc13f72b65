"""What Parquet files declare of themselves, read before any memory is taken for their columns."""

from __future__ import annotations

from collections.abc import Iterator

from openfactor.uploads.parsing.faults import file_fault
from openfactor.uploads.parsing.limits import (
    MAX_CHUNKS,
    MAX_FOOTER,
    NUMBER_BYTES,
    TEXT_BYTES,
    check_growth,
    check_size,
)
from openfactor.uploads.parsing.records import Buffer

MAGIC = b"PAR1"
_CUT_OFF = "the file is cut off, or damaged"
_SCHEMA, _GROUPS = 2, 4
"""Fields of the footer."""
_CHUNKS, _ROWS = 1, 3
"""Fields of a row group."""
_DESCRIPTION, _TYPE, _VALUES, _UNPACKED = 3, 1, 5, 6
"""Fields of a column of a row group."""
_TEXTS = (6, 7)
"""Types whose values differ in length, or are longer than a number."""
_BYTES, _LIST, _SET, _MAP, _STRUCT = 8, 9, 10, 11, 12
"""Types of thrift that are more than a number or a flag."""
_DEPTH = 30


def check_parquet(name: str, data: Buffer) -> None:
    """Raise DataError for a Parquet file that decodes to more than `limits` allow.

    Raises
    ------
    ValueError
        The file is damaged.
    """
    if len(data) < 12 or data[-4:] != MAGIC:
        raise ValueError(_CUT_OFF)
    length = int.from_bytes(data[len(data) - 8 : len(data) - 4], "little")
    if length > len(data) - 8:
        raise ValueError(_CUT_OFF)
    if length > MAX_FOOTER:
        message = f"describes itself in {length:,} bytes; {MAX_FOOTER:,} are allowed; use larger row groups"
        raise file_fault(name, "too_large", message)
    _check_footer(name, len(data), _Thrift(data[len(data) - 8 - length : len(data) - 8]))


def _check_footer(name: str, file_size: int, footer: _Thrift) -> None:
    columns = cells = size = pieces = 0
    for field, kind in footer.fields():
        if field == _SCHEMA and kind == _LIST:
            columns, of = footer.list_head()
            check_size(name, columns=columns)
            for _ in range(columns):
                footer.skip(of, in_list=True)
        elif field == _GROUPS and kind == _LIST:
            groups, _ = footer.list_head()
            check_size(name, pieces=groups * max(columns - 1, 1))
            for _ in range(groups):
                values, unpacked, chunks = _row_group(footer)
                cells, size, pieces = cells + values, size + unpacked, pieces + chunks
                if pieces > MAX_CHUNKS:
                    break
            check_growth(name, file_size, size)
            check_size(name, cells=cells, bytes=size, pieces=pieces)
            return
        else:
            footer.skip(kind)


def _row_group(footer: _Thrift) -> tuple[int, int, int]:
    """Values, decoded bytes and columns of a row group."""
    rows = chunks = values = size = 0
    for field, kind in footer.fields():
        if field == _CHUNKS and kind == _LIST:
            chunks, _ = footer.list_head()
            for _ in range(chunks):
                n, unpacked = _column_chunk(footer)
                values, size = values + n, size + unpacked
        elif field == _ROWS:
            rows = footer.integer()
        else:
            footer.skip(kind)
    return max(values, rows * chunks), max(size, NUMBER_BYTES * rows * chunks), chunks


def _column_chunk(footer: _Thrift) -> tuple[int, int]:
    """Values and decoded bytes of a column of a row group."""
    values = size = of = 0
    for field, kind in footer.fields():
        if field != _DESCRIPTION or kind != _STRUCT:
            footer.skip(kind)
            continue
        for inner, inner_kind in footer.fields():
            if inner == _TYPE:
                of = footer.integer()
            elif inner == _VALUES:
                values = footer.integer()
            elif inner == _UNPACKED:
                size = footer.integer()
            else:
                footer.skip(inner_kind)
    width = TEXT_BYTES if of in _TEXTS else NUMBER_BYTES
    return max(values, 0), max(size, width * values, 0)


class _Thrift:
    """Values in thrift's compact protocol, one after the other; ValueError beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and type of each field of a structure; the caller reads or skips the value."""
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            yield number, head & 15

    def byte(self) -> int:
        """The next byte."""
        if self._at >= len(self._data):
            raise ValueError(_CUT_OFF)
        self._at += 1
        return self._data[self._at - 1]

    def varint(self) -> int:
        """A number of seven bits per byte."""
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 63:
                raise ValueError(_CUT_OFF)

    def integer(self) -> int:
        """A signed number."""
        number = self.varint()
        return (number >> 1) ^ -(number & 1)

    def list_head(self) -> tuple[int, int]:
        """Length and type of the elements of a list."""
        head = self.byte()
        length = head >> 4
        length = self.varint() if length == 15 else length
        if length > len(self._data) - self._at:
            raise ValueError(_CUT_OFF)
        return length, head & 15

    def skip(self, kind: int, depth: int = 0, *, in_list: bool = False) -> None:
        """Leave out a value."""
        if depth > _DEPTH:
            raise ValueError(_CUT_OFF)
        if kind in (1, 2):  # a flag, which a field has in its type
            self._at += in_list
        elif kind in (3, 4, 5, 6):
            self.byte() if kind == 3 else self.varint()
        elif kind == 7:
            self._at += 8
        elif kind == _BYTES:
            length = self.varint()  # first, as it moves on
            self._at += length
        elif kind in (_LIST, _SET):
            length, of = self.list_head()
            for _ in range(length):
                self.skip(of, depth + 1, in_list=True)
        elif kind == _MAP and (length := self.varint()):
            kinds = self.byte()
            for _ in range(length):
                self.skip(kinds >> 4, depth + 1, in_list=True)
                self.skip(kinds & 15, depth + 1, in_list=True)
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind != _MAP:
            raise ValueError(_CUT_OFF)
