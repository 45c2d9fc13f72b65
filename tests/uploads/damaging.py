"""Damage that tests do to files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openfactor.uploads.storage import data_files, log


def forget() -> None:
    """As in a new process: nothing is known to be sound."""
    log._CACHE.clear()
    data_files._SOUND.clear()


def flip(path: Path, at: int) -> None:
    """Flip one bit of a byte; twice is never."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(bytes(data))


def cut(path: Path, to: int) -> None:
    path.write_bytes(path.read_bytes()[:to])


HARM: dict[str, Callable[[Path], None]] = {
    "cut": lambda path: cut(path, 100),
    "empty": lambda path: cut(path, 0),
    "gone": Path.unlink,
    "flipped": lambda path: flip(path, 200),
    "zeros": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
}
"""What happens to a file."""
