"""A disk that loses power: what was not flushed may be there, be gone, or be something else."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path


class Disk:
    """What of a folder has been flushed, as calls of `flushed` tell.

    The content of a file is what it was when the file was flushed, the names in a folder are what they were
    when the folder was. What the folder holds at the beginning is flushed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[int, bytes] = {}
        self._folders: dict[int, dict[str, int]] = {}
        self._held: list[int] = []  # so that no number is used again
        for path in (root, *root.rglob("*")):
            self._record(path)

    def flushed(self, handle: int) -> None:
        """A file or folder was flushed."""
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if path == self._root or self._root in path.parents:
            self._record(path)

    def _record(self, path: Path) -> None:
        status = path.stat()
        self._held.append(os.open(path, os.O_RDONLY))
        if stat.S_ISDIR(status.st_mode):
            self._folders[status.st_ino] = _names(path)
        else:
            self._files[status.st_ino] = path.read_bytes()

    def close(self) -> None:
        for handle in self._held:
            os.close(handle)

    def image(self, target: Path, rng: random.Random | None) -> None:
        """What is on the disk after a loss of power now.

        Parameters
        ----------
        target
            The folder to write it to.
        rng
            Draws what of the changes since the last flush is there; None for nothing.
        """
        present = {path.stat().st_ino: path for path in (self._root, *self._root.rglob("*"))}
        self._write(self._root.stat().st_ino, target, present, rng)

    def _write(self, number: int, target: Path, present: dict[int, Path], rng: random.Random | None) -> None:
        path = present.get(number)
        if number not in self._folders and (path is None or not path.is_dir()):
            target.write_bytes(self._content(number, path, rng))
            return
        target.mkdir()
        flushed, now = self._folders.get(number, {}), {} if path is None else _names(path)
        for name in flushed.keys() | now.keys():
            child = (rng.choice([flushed, now]) if rng else flushed).get(name)
            if child is not None:
                self._write(child, target / name, present, rng)

    def _content(self, number: int, path: Path | None, rng: random.Random | None) -> bytes:
        if number in self._files or path is None or rng is None:
            return self._files.get(number, b"")
        now = path.read_bytes()
        return rng.choice([b"", now, b"\0" * len(now), now[: rng.randrange(len(now) + 1)]])


def _names(folder: Path) -> dict[str, int]:
    return {entry.name: entry.inode() for entry in os.scandir(folder)}
