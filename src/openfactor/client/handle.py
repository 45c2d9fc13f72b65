"""What all handles on content share: equal where they name the same content."""

from __future__ import annotations

from typing import Any


class Handle:
    """A handle is its class and what it refers to, whichever client opened it. It can be pickled."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Handle):
            return NotImplemented
        return bool(self._refers_to == other._refers_to)

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._refers_to))

    @property
    def _refers_to(self) -> Any:
        """The value that names the content."""
        raise NotImplementedError
