"""Which contents running processes have open, so that nobody removes them.

Each open workspace has one file in the folder of leases, which it holds locked and in which it lists
contents. A file that nobody holds locked is left over from a process that has ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import uuid
import weakref
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from openfactor.store.local import make_folder, refusal

FOLDER = "leases"
T = TypeVar("T")


class Lease:
    """The lease of a content, which ends with the block or with an object that uses the content."""

    def __init__(self, released: deque[str], content: str) -> None:
        self._released, self._content = released, content
        self._is_passed_on = False

    def until_freed(self, user: T) -> T:
        """Let the lease last until an object is garbage; the object."""
        # the garbage collector may call it anywhere, so that it must not need a lock
        weakref.finalize(user, self._released.append, self._content).atexit = False
        self._is_passed_on = True
        return user

    def end(self) -> None:
        """End the lease, unless it lasts longer."""
        if not self._is_passed_on:
            self._released.append(self._content)


class Leases:
    """The leases of one open workspace.

    Parameters
    ----------
    root
        Folder of the store.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}"
        self._held: Counter[str] = Counter()
        self._released: deque[str] = deque()
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, content: str) -> Iterator[Lease]:
        """Keep a content while the block reads it. When the block begins, every sweep that begins knows."""
        self._hold(content)
        lease = Lease(self._released, content)
        try:
            yield lease
        finally:
            lease.end()

    def _hold(self, content: str) -> None:
        with self._lock:
            while self._released:
                self._held[self._released.popleft()] -= 1
            self._held[content] += 1
            if self._held[content] == 1:
                self._write()

    def close(self) -> None:
        """Give up all leases."""
        with self._lock:
            if self._descriptor is not None:
                self._path.unlink(missing_ok=True)
                os.close(self._descriptor)
                self._descriptor = None
            self._held.clear()

    def _write(self) -> None:
        """List what is held."""
        try:
            if self._descriptor is None:
                make_folder(self._folder)
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
                self._descriptor = os.open(self._path, flags, 0o644)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._held = +self._held
            text = "".join(f"{content}\n" for content in self._held).encode()
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            raise refusal(f"write to {self._folder}", error) from error


def leased(root: Path) -> set[str]:
    """The contents that running processes have open. Files of processes that have ended are removed."""
    contents: set[str] = set()
    for path in sorted((root / FOLDER).glob("*")):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            text = file.read().decode()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                contents.update(text.split())
            else:
                if text:  # a file without text may be one that is about to be locked
                    path.unlink(missing_ok=True)
    return contents
