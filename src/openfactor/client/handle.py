"""What all handles on content share: equal where they name the same content."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from openfactor.contract.calls import Workspace
from openfactor.contract.refs import Pinned
from openfactor.results import DataVersion
from openfactor.settings import Settings

S = TypeVar("S", bound=Settings)


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


class PinnedHandle(Handle, Generic[S]):
    """A handle on settings and the content that they are read against."""

    def __init__(self, workspace: Workspace, pinned: Pinned[S]) -> None:
        self._workspace = workspace
        self.pinned = pinned
        """The settings and the content that they are read against."""

    @property
    def data(self) -> DataVersion:
        """The version of the data that it refers to."""
        return self.pinned.data

    @property
    def dataset(self) -> str:
        """Name of the risk dataset."""
        return self.pinned.dataset

    @property
    def settings(self) -> S:
        """The settings, with every reference to saved ones followed."""
        return self.pinned.setting

    @property
    def _refers_to(self) -> Any:
        return self.pinned
