"""What one request reads: every upload at one version, whatever is committed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

import polars as pl

from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.storage.table import Table


class UploadSnapshot:
    """Uploads, each at the version that was the latest when the snapshot first saw it.

    Calling it with a data type and a name gives the rows of that version, so it serves wherever rows are
    read. It can be shared between threads.

    open_latest : opens an upload's table by data type and name, at its latest version
    """

    def __init__(self, open_latest: Callable[[str, str], Table]) -> None:
        self._open_latest = open_latest
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
            if self._is_there(data_type, name, table):
                raise
            raise NotFoundError(
                f"the {data_type} upload {name!r} was deleted or replaced after it was opened here; "
                "load again what you read from it"
            ) from error

    def _is_there(self, data_type: str, name: str, table: Table) -> bool:
        try:
            return self._open_latest(data_type, name).id == table.id
        except NotFoundError:
            return False

    def pin(self, data_type: str, name: str) -> Table:
        """The table of an upload, which stays at the version that it has now."""
        with self._lock:
            if (data_type, name) not in self._tables:
                self._tables[data_type, name] = self._open_latest(data_type, name)
            return self._tables[data_type, name]

    @property
    def version_numbers(self) -> dict[str, int]:
        """ "<data type>/<name>" to the number of the pinned version."""
        return {f"{what}/{name}": table.version for (what, name), table in self._tables.items()}

    @property
    def versions(self) -> dict[str, str]:
        """ "<data type>/<name>" to the identity of the pinned version."""
        return {f"{what}/{name}": table.identity for (what, name), table in self._tables.items()}
