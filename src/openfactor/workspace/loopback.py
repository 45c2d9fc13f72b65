"""A workspace of this process behind messages: every call becomes bytes and back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from openfactor.contract.messages import Proxy
from openfactor.workspace.local import LocalWorkspace


class LoopbackWorkspace(Proxy):
    """A proxy of a local workspace, which nothing but messages reaches."""

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int | None = None,
        progress: bool | None = None,
        new_registry: bool = False,
    ) -> None:
        self._again = partial(LoopbackWorkspace, path, threads=threads, progress=progress)
        self._local = LocalWorkspace(path, threads=threads, progress=progress, new_registry=new_registry)
        super().__init__(self._send, f"{path}, over messages")

    def __reduce__(self) -> Any:
        """Opened again where it is unpickled."""
        return self._again, ()

    def close(self) -> None:
        """Close the workspace behind the messages."""
        self._local.close()

    def _send(self, resource: str, method: str, message: bytes) -> bytes:
        return self._local.answer(resource, method, message)
