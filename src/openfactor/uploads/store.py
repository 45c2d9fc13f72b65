"""All uploads below one folder: `<folder>/<data type>/<name>`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from openfactor.context import Context
from openfactor.contract.refs import PinnedUpload
from openfactor.errors import ConflictError, NotFoundError, StorageError
from openfactor.processes import EngineObject
from openfactor.results import UploadDataTypeFreshness
from openfactor.uploads.names import check_name
from openfactor.uploads.schema import DataType
from openfactor.uploads.snapshot import UploadSnapshot
from openfactor.uploads.storage.disk import discard, flush, locked, make_folders, part_name
from openfactor.uploads.storage.listing import LOG
from openfactor.uploads.storage.table import VersionedTable, create_table
from openfactor.uploads.types import DATA_TYPES
from openfactor.uploads.upkeep import Upkeep
from openfactor.uploads.upload import Upload

FORBIDDEN = "%[]\\^|\t\n\r\v\f"
"""Characters that readers of Delta Lake cannot handle in the path of a table."""


def check_folder(folder: Path) -> None:
    """StorageError if tables cannot be stored below the folder, because of characters in its path."""
    forbidden = sorted(set(folder.as_posix()) & set(FORBIDDEN))
    if forbidden:
        raise StorageError(f"choose a folder without {' or '.join(map(repr, forbidden))}: {folder}")


class UploadStore(EngineObject):
    """The uploads of a workspace.

    Parameters
    ----------
    folder
        Holds them.
    data_types
        Name to data type.
    context
        Of the request.

    Raises
    ------
    StorageError
        The path of the folder has characters that tables cannot have.
    """

    def __init__(
        self,
        folder: Path,
        data_types: Mapping[str, DataType] = DATA_TYPES,
        *,
        context: Context | None = None,
    ) -> None:
        check_folder(folder)
        self.folder = folder
        self._types = data_types
        self._context = context or Context()

    def data_types(self) -> list[str]:
        """Names of data types, sorted."""
        return sorted(self._types)

    def data_type(self, name: str) -> DataType:
        """Columns, key and rules; NotFoundError if there is no such data type."""
        if name not in self._types:
            raise NotFoundError.of("data type", name, list(self._types))
        return self._types[name]

    def names(self, data_type: str) -> list[str]:
        """Names of the uploads of a data type, sorted."""
        folder = self.folder / self.data_type(data_type).name
        if not folder.is_dir():
            return []
        return sorted(p.name for p in folder.iterdir() if p.name[0] != "." and (p / LOG).is_dir())

    def create(self, data_type: str, name: str) -> Upload:
        """A new, empty upload at version 0.

        Raises
        ------
        SettingsError
            The name cannot be used.
        ConflictError
            The name is taken.
        """
        kind, path = self.data_type(data_type), self._path(data_type, name)
        part = path.parent / part_name()
        try:
            make_folders(path.parent)
            with locked(path.parent):
                if (path / LOG).is_dir():
                    raise ConflictError(f"there is a {data_type} upload named {name!r} already")
                create_table(part, kind)
                with suppress(FileNotFoundError):
                    path.rename(path.parent / part_name())  # what is left of an upload without a log
                part.rename(path)
                flush(path.parent)
        except OSError as error:
            raise StorageError(f"cannot create {path}: {error}") from error
        finally:
            discard(part)
        return self.open(data_type, name)

    def delete(self, data_type: str, name: str) -> None:
        """Delete an upload with all its versions and staged tables.

        Raises
        ------
        NotFoundError
            It does not exist.
        StorageError
            The folder cannot be moved.
        """
        path = self._existing(data_type, name)
        doomed = path.parent / part_name()
        try:
            with locked(path.parent):
                self._existing(data_type, name)
                with locked(path):  # no commit is in the middle
                    path.rename(doomed)
                flush(path.parent)
        except OSError as error:
            raise StorageError(f"cannot delete {path}: {error}") from error
        discard(doomed)

    def open(self, data_type: str, name: str) -> Upload:
        """The upload; NotFoundError if it does not exist."""
        return Upload(self._existing(data_type, name), self.data_type(data_type), self._context)

    def snapshot(self, references: Iterable[tuple[str, str | int]] = ()) -> UploadSnapshot:
        """The latest versions of uploads, for one request to read; others are pinned on first use.

        Parameters
        ----------
        references
            As `Settings.get_references` gives them; those of anything but uploads are ignored.

        Raises
        ------
        NotFoundError
            An upload does not exist.
        """
        snapshot = UploadSnapshot(self._table)
        for kind, name in references:
            if kind in self._types:
                snapshot.pin(kind, str(name))
        return snapshot

    def snapshot_of(self, versions: Mapping[str, PinnedUpload]) -> UploadSnapshot:
        """Given versions of uploads; other uploads are pinned on first use.

        Parameters
        ----------
        versions
            `<data type>/<name>` to the version.

        Raises
        ------
        NotFoundError
            An upload or version does not exist, or another upload has its name now.
        """
        snapshot = UploadSnapshot(self._table)
        for key, pinned in versions.items():
            data_type, _, name = key.partition("/")
            snapshot.pin_version(data_type, name, pinned)
        return snapshot

    def freshness(self) -> list[UploadDataTypeFreshness]:
        """Time of the latest commit to each data type; those without commits are left out."""
        freshness = []
        for data_type in self.data_types():
            uploads = [self.open(data_type, name) for name in self.names(data_type)]
            times = [upload.queries.last_committed_at() for upload in uploads]
            latest = max((time for time in times if time is not None), default=None)
            if latest is not None:
                freshness.append(UploadDataTypeFreshness(data_type=data_type, last_committed_at=latest))
        return freshness

    @property
    def upkeep(self) -> Upkeep:
        """Checks uploads, and removes what is not needed."""
        uploads = [(kind, name) for kind in self.data_types() for name in self.names(kind)]
        return Upkeep(self.folder, self._types, uploads, self._context)

    def _table(self, data_type: str, name: str, version: int | None) -> VersionedTable:
        return VersionedTable(self._existing(data_type, name), self.data_type(data_type), version)

    def _path(self, data_type: str, name: str) -> Path:
        return self.folder / self.data_type(data_type).name / check_name(name)

    def _existing(self, data_type: str, name: str) -> Path:
        path = self._path(data_type, name)
        if not (path / LOG).is_dir():
            raise NotFoundError.of(f"{data_type} upload", name, self.names(data_type))
        return path
