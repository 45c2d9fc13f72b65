"""Streams of compound files ([MS-CFB]), in which the older formats of Office are kept."""

from __future__ import annotations

from collections.abc import Sequence

from openfactor.uploads.parsing.workbook_formats.binary import CUT_OFF, unsigned

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENTRY = 128
"""Bytes of an entry of the directory."""
_LAST = 0xFFFFFFFA
"""Greater numbers are no sectors: they end chains."""


def stream(data: bytes, names: Sequence[str]) -> bytes:
    """The content of the stream that has one of the names.

    Raises
    ------
    ValueError
        There is none, or the file is damaged.
    """
    size = 1 << unsigned(data, 30, 2)
    next_sectors = _next_sectors(data, size)

    def chain(first: int) -> bytes:
        return _chain(data, first, size, next_sectors, header=size)

    entries = _entries(chain(unsigned(data, 48, 4)))
    name = next((name for name in names if name in entries), None)
    if name is None or "Root Entry" not in entries:
        raise ValueError(CUT_OFF)
    first, length = entries[name]
    if length >= unsigned(data, 56, 4):
        return chain(first)[:length]
    # small streams are chains of small sectors within that of the root
    small_sectors = _numbers(chain(unsigned(data, 60, 4)))
    root = chain(entries["Root Entry"][0])
    return _chain(root, first, 1 << unsigned(data, 32, 2), small_sectors, header=0)[:length]


def _next_sectors(data: bytes, size: int) -> list[int]:
    """For each sector the one that follows in its chain."""
    tables = _numbers(data[76:512])
    more = unsigned(data, 68, 4)
    for _ in range(len(data) // size + 1):
        if more >= _LAST:
            break
        numbers = _numbers(_sector(data, more, size, size))
        tables += numbers[:-1]
        more = numbers[-1]
    return [n for table in tables if table < _LAST for n in _numbers(_sector(data, table, size, size))]


def _chain(data: bytes, first: int, size: int, next_sectors: Sequence[int], *, header: int) -> bytes:
    """The sectors of a chain, one after the other."""
    sectors: list[bytes] = []
    sector = first
    while sector < _LAST:
        if sector >= len(next_sectors) or len(sectors) > len(next_sectors):  # the latter in a circle
            raise ValueError(CUT_OFF)
        sectors.append(_sector(data, sector, size, header))
        sector = next_sectors[sector]
    return b"".join(sectors)


def _sector(data: bytes, number: int, size: int, header: int) -> bytes:
    """The bytes of a sector; the last one of a file may be cut."""
    start = header + number * size
    if start >= len(data):
        raise ValueError(CUT_OFF)
    return data[start : start + size]


def _entries(directory: bytes) -> dict[str, tuple[int, int]]:
    """Name of a stream to its first sector and its length."""
    entries = {}
    for start in range(0, len(directory) - _ENTRY + 1, _ENTRY):
        length = max(min(unsigned(directory, start + 64, 2), 64) - 2, 0)
        name = directory[start : start + length].decode("utf-16-le", "replace")
        entries[name] = unsigned(directory, start + 116, 4), unsigned(directory, start + 120, 4)
    return entries


def _numbers(data: bytes) -> list[int]:
    return [unsigned(data, start, 4) for start in range(0, len(data) - 3, 4)]
