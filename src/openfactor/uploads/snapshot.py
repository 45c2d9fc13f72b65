"""The uploads that one request reads, each at one version, whatever is committed meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import polars as pl

from openfactor.contract.refs import PinnedUpload
from openfactor.errors import NotFoundError
from openfactor.uploads.storage.file_changes import FileChanges
from openfactor.uploads.storage.table import VersionedTable


class UploadSnapshot:
    """Uploads, each at the version that was the latest when the snapshot first saw it, or at a given one.

    Called with a data type and a name, it gives the rows of that version, as every reader of uploads does.
    Threads can share it.

    Parameters
    ----------
    open_table
        Opens the table of an upload, by data type, name and version; None is the latest version.
    """

    def __init__(self, open_table: Callable[[str, str, int | None], VersionedTable]) -> None:
        self._open = open_table
        self._tables: dict[tuple[str, str], VersionedTable] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<snapshot of {', '.join(self.versions) or 'no uploads'}>"

    def __call__(self, data_type: str, name: str) -> pl.LazyFrame:
        """The rows of the pinned version.

        Raises
        ------
        NotFoundError
            There is no such upload, or it was deleted or replaced since it was pinned.
        StorageError
            Its files are damaged.
        """
        return self.read(data_type, name)

    def read(
        self, data_type: str, name: str, first: dt.date | None = None, last: dt.date | None = None
    ) -> pl.LazyFrame:
        """The rows of the pinned version from one day to another, both included; None for no bound.

        Only files with such days are opened. Rows that are not dated are all given.

        Raises
        ------
        NotFoundError
            There is no such upload, or it was deleted or replaced since it was pinned.
        StorageError
            Its files are damaged.
        """
        try:
            return self.pin(data_type, name).scan(first, last)
        except NotFoundError as error:
            raise _replaced(data_type, name) from error

    def pin(self, data_type: str, name: str) -> VersionedTable:
        """The table of an upload, at its latest version if it is not pinned yet."""
        with self._lock:
            if (data_type, name) not in self._tables:
                self._tables[data_type, name] = self._open(data_type, name, None)
            return self._tables[data_type, name]

    def pin_version(self, data_type: str, name: str, pinned: PinnedUpload) -> None:
        """Pin an upload at a given version.

        Raises
        ------
        NotFoundError
            The upload or that version of it does not exist, or another upload has its name now.
        """
        table = self._open_pinned(data_type, name, pinned)
        with self._lock:
            self._tables[data_type, name] = table

    def _open_pinned(self, data_type: str, name: str, pinned: PinnedUpload) -> VersionedTable:
        try:
            table = self._open(data_type, name, pinned.version)
        except NotFoundError as error:
            raise _replaced(data_type, name) from error
        if table.content_id != pinned.content:
            raise _replaced(data_type, name)
        return table

    def changed_since(self, data_type: str, name: str, earlier: PinnedUpload) -> FileChanges | None:
        """What changed from another version of an upload to the pinned one; None if the rows are the same.

        Raises
        ------
        NotFoundError
            The upload or that version of it does not exist, or another upload has its name now.
        """
        return self.pin(data_type, name).changed_since(self._open_pinned(data_type, name, earlier))

    @property
    def versions(self) -> dict[str, int]:
        """`<data type>/<name>` to the number of the pinned version."""
        return {upload: table.version for upload, table in self._by_upload().items()}

    @property
    def content_ids(self) -> dict[str, str]:
        """`<data type>/<name>` to what identifies the rows of the pinned version."""
        return {upload: table.content_id for upload, table in self._by_upload().items()}

    @property
    def pinned(self) -> dict[str, PinnedUpload]:
        """`<data type>/<name>` to the pinned version, as a value."""
        return {
            upload: PinnedUpload(version=table.version, content=table.content_id)
            for upload, table in self._by_upload().items()
        }

    def _by_upload(self) -> dict[str, VersionedTable]:
        with self._lock:
            return {f"{data_type}/{name}": table for (data_type, name), table in self._tables.items()}


def _replaced(data_type: str, name: str) -> NotFoundError:
    return NotFoundError(
        f"the {data_type} upload {name!r} was deleted or replaced after it was opened here; "
        "load again what you read from it"
    )
