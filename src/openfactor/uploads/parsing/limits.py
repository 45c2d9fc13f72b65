"""How large a decoded table may be, whatever the size of its file; checked before memory is taken."""

from __future__ import annotations

import sys
from pathlib import Path

from openfactor.uploads.parsing.faults import file_fault

MAX_COLUMNS = 100_000
"""Columns of a table."""
MAX_CELLS = 4_000_000_000
"""Rows times columns of a table."""
MAX_BYTES = 64 << 30
"""Bytes of a decoded table."""
MAX_CHUNKS = 1_000_000
"""Pieces (row groups times columns, batches times columns) of a Parquet or Arrow file."""
MAX_FOOTER = 64 << 20
"""Bytes of what a Parquet or Arrow file says of its pieces."""
MAX_MEMBERS = 100_000
"""Files of an archive."""
MAX_MEMBER = 2 << 30
"""Bytes of an unpacked file of an archive."""
MAX_ARCHIVE = 64 << 30
"""Bytes of all unpacked files of an archive."""
MAX_RATIO, RATIO_FREE = 200, 16 << 20
"""A text or part of a workbook that unpacks to more than `RATIO_FREE` bytes may have this many times its
packed size."""
MAX_SHEETS = 1_000
"""Sheets of a workbook."""
MAX_GROWTH, GROWTH_FREE = 200, 1 << 30
"""A Parquet or Arrow file may decode to this many times its size, or to `GROWTH_FREE` bytes."""
NUMBER_BYTES, TEXT_BYTES = 8, 16
"""Bytes that a number, and a text without its characters, take in a decoded table."""
_COPIES = 2
"""A decoded table and what is made of it."""
_ALLOWED = {"columns": MAX_COLUMNS, "cells": MAX_CELLS, "bytes": MAX_BYTES, "pieces": MAX_CHUNKS}
_REMEDIES = {
    "columns": "give one row per value",
    "cells": "split it by date",
    "bytes": "split it by date",
    "pieces": "write it with larger row groups or batches",
}


def check_size(name: str, **sizes: int) -> None:
    """Raise DataError for a table that declares more than is allowed, or than fits into memory.

    Parameters
    ----------
    name
        The file.
    sizes
        What it declares: columns, cells, bytes, pieces.
    """
    for what, size in sizes.items():
        if size > _ALLOWED[what]:
            message = f"declares {size:,} {what}; {_ALLOWED[what]:,} are allowed; {_REMEDIES[what]}"
            raise file_fault(name, "too_large", message)
    needed = _COPIES * max(sizes.get("bytes", 0), NUMBER_BYTES * sizes.get("cells", 0))
    free = free_memory()
    if free is not None and needed > free:
        message = f"needs about {needed:,} bytes of memory, and {max(free, 0):,} are free; split it by date"
        raise file_fault(name, "too_large", message)


def check_growth(name: str, size: int, decoded: int) -> None:
    """Raise DataError for a file that decodes to far more than its size, as runs of equal values allow."""
    if decoded > max(GROWTH_FREE, MAX_GROWTH * size):
        raise file_fault(name, "bomb", f"decodes to {decoded:,} bytes from {size:,}; split it by date")


def free_memory() -> int | None:
    """Bytes that this process can still take; None if that cannot be told.

    The least of what the machine has available and of what the limits of the process and of its control group
    leave.
    """
    if sys.platform != "linux":
        return None
    rooms = [_available(), _under_limit(), _in_control_group()]
    return min((room for room in rooms if room is not None), default=None)


def _available() -> int | None:
    for line in _text("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _under_limit() -> int | None:
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _text("/proc/self/statm").split()
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return limit - int(pages[0]) * resource.getpagesize()


def _in_control_group() -> int | None:
    folder = "/sys/fs/cgroup"
    limit, used = _text(f"{folder}/memory.max").strip(), _text(f"{folder}/memory.current").strip()
    if not (limit.isdigit() and used.isdigit()):
        return None
    cached = 0
    for line in _text(f"{folder}/memory.stat").splitlines():
        if line.startswith(("inactive_file ", "active_file ")):
            cached += int(line.split()[1])
    return int(limit) - int(used) + cached


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
