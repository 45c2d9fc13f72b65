"""What one request reads: every upload at one version, whatever is committed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

import polars as pl

from openfactor.contract.refs import PinnedUpload
from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.storage.table import Table


class UploadSnapshot:
    """Uploads, each at the version that was the latest when the snapshot first saw it.

    Calling it with a data type and a name gives the rows of that version, so it serves wherever rows are
    read. It can be shared between threads.

    open_table : opens an upload's table by data type, name and version, None for the latest
    """

    def __init__(self, open_table: Callable[[str, str, int | None], Table]) -> None:
        self._open = open_table
        self._tables: dict[tuple[str, str], Table] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<snapshot of {', '.join(self.versions) or 'no uploads'}>"

    def __call__(self, data_type: str, name: str) -> pl.LazyFrame:
        """The rows of the pinned version.

        Raises
        ------
        NotFoundError: there is no such upload, or it was deleted or replaced since it was pinned.
        StorageError: its files are damaged.
        """
        table = self.pin(data_type, name)
        try:
            return table.scan()
        except StorageError as error:
            if self._is_there(data_type, name, table.identity):
                raise
            raise _replaced(data_type, name) from error

    def _is_there(self, data_type: str, name: str, identity: str) -> bool:
        """Whether the table of a version still has the name."""
        try:
            return self._open(data_type, name, None).id == identity.partition("@")[0]
        except NotFoundError:
            return False

    def pin(self, data_type: str, name: str) -> Table:
        """The table of an upload, which stays at the version that it has now."""
        with self._lock:
            if (data_type, name) not in self._tables:
                self._tables[data_type, name] = self._open(data_type, name, None)
            return self._tables[data_type, name]

    def pin_version(self, data_type: str, name: str, pinned: PinnedUpload) -> None:
        """Read an upload at a version from now on.

        Raises
        ------
        NotFoundError: the upload, or that version of it, does not exist, or another has its name now.
        """
        try:
            table = self._open(data_type, name, pinned.version)
        except (NotFoundError, StorageError) as error:
            if isinstance(error, StorageError) and self._is_there(data_type, name, pinned.content):
                raise
            raise _replaced(data_type, name) from error
        if table.identity != pinned.content:
            raise _replaced(data_type, name)
        with self._lock:
            self._tables[data_type, name] = table

    @property
    def version_numbers(self) -> dict[str, int]:
        """ "<data type>/<name>" to the number of the pinned version."""
        return {f"{what}/{name}": table.version for (what, name), table in self._tables.items()}

    @property
    def versions(self) -> dict[str, str]:
        """ "<data type>/<name>" to the identity of the pinned version."""
        return {f"{what}/{name}": table.identity for (what, name), table in self._tables.items()}

    @property
    def pinned(self) -> dict[str, PinnedUpload]:
        """ "<data type>/<name>" to the pinned version, as a value."""
        return {
            f"{what}/{name}": PinnedUpload(version=table.version, content=table.identity)
            for (what, name), table in self._tables.items()
        }


def _replaced(data_type: str, name: str) -> NotFoundError:
    return NotFoundError(
        f"the {data_type} upload {name!r} was deleted or replaced after it was opened here; "
        "load again what you read from it"
    )
