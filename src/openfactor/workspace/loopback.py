"""A workspace of this process behind messages: every call becomes bytes and back."""

from __future__ import annotations

from pathlib import Path

from openfactor.contract.messages import Proxy, answer
from openfactor.workspace.local import LocalWorkspace


class LoopbackWorkspace(Proxy):
    """A proxy of a local workspace, which nothing but messages reaches."""

    def __init__(self, path: str | Path, *, threads: int | None = None, progress: bool | None = None) -> None:
        self._local = LocalWorkspace(path, threads=threads, progress=progress)
        super().__init__(self._send, f"{path}, over messages")

    def close(self) -> None:
        """Close the workspace behind the messages."""
        self._local.close()

    def _send(self, resource: str, method: str, message: bytes) -> bytes:
        return answer(self._local, resource, method, message)
