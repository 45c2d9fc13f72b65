"""Upkeep of all uploads: checking them, and finding and removing what is not needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from openfactor.context import Context
from openfactor.errors import NotFoundError, StorageError
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.checking import TableDamage, check_table
from openfactor.uploads.storage.copying import copy_table
from openfactor.uploads.storage.leftovers import Leftover, leftovers, remove_leftovers
from openfactor.uploads.storage.retention import OldVersions, old_versions, remove_versions


@dataclass(frozen=True)
class UploadDamage:
    """A damaged file of an upload."""

    data_type: str
    name: str
    """Of the upload."""
    damage: TableDamage
    """The file, what is wrong with it, and what to do."""


@dataclass(frozen=True)
class Upkeep:
    """Of the uploads below a folder.

    Parameters
    ----------
    folder
        Holds a folder per data type, with a folder per upload.
    types
        Name to data type.
    uploads
        Data type and name of each upload.
    context
        Of the request.
    """

    _folder: Path
    _types: Mapping[str, DataType]
    _uploads: Sequence[tuple[str, str]]
    _context: Context

    def check(self) -> list[UploadDamage]:
        """Everything that is damaged: every byte of every upload is read.

        Raises
        ------
        CancelledError
            The request was cancelled.
        """
        found = []
        for data_type, name in self._uploads:
            with (
                suppress(NotFoundError),  # deleted meanwhile
                self._context.step(f"checking {data_type} {name}", unit="files") as advance,
            ):
                folder, kind = self._folder / data_type / name, self._types[data_type]
                found += [UploadDamage(data_type, name, it) for it in check_table(folder, kind, advance)]
        return found

    def copy_to(self, folder: Path) -> list[str]:
        """Copy all uploads, without what is staged, beside whoever commits; what could not be read.

        Parameters
        ----------
        folder
            Of the copies; it exists.

        Raises
        ------
        OSError
            The disk refuses.
        CancelledError
            The request was cancelled.
        """
        problems = []
        with self._context.step("copying uploads", len(self._uploads), unit="uploads") as advance:
            for data_type, name in self._uploads:
                try:
                    copy_table(self._folder / data_type / name, folder / data_type / name)
                except StorageError as error:
                    problems.append(str(error))
                advance()
        return problems

    def leftovers(self, grace: dt.timedelta) -> list[Leftover]:
        """Files and folders that killed processes left, and nobody has written to for a time.

        Parameters
        ----------
        grace
            Longer than the longest call that writes, whose files look like leftovers.
        """
        return leftovers(self._folder, grace.total_seconds())

    def remove_leftovers(self, chosen: Iterable[Leftover]) -> list[Leftover]:
        """Remove leftovers, but for those that something refers to by now; what was removed."""
        return remove_leftovers(self._folder, chosen)

    def old_versions(
        self, before: dt.datetime, pins: Mapping[str, Collection[int]] | None = None
    ) -> dict[str, OldVersions]:
        """Versions that were replaced before a time, and what only they need; never the latest ones.

        Parameters
        ----------
        before
            The time.
        pins
            `<data type>/<name>` to the versions that are needed in any case.

        Returns
        -------
        dict of str to OldVersions
            By `<data type>/<name>`, without uploads of which nothing can be removed and damaged ones.
        """
        return self._old_versions(old_versions, before, pins or {})

    def remove_versions(
        self, before: dt.datetime, pins: Mapping[str, Collection[int]] | None = None
    ) -> dict[str, OldVersions]:
        """Remove what `old_versions` gives; what was removed. These versions then raise NotFoundError."""
        return self._old_versions(remove_versions, before, pins or {})

    def _old_versions(
        self,
        of: Callable[[Path, dt.datetime, Collection[int]], OldVersions],
        before: dt.datetime,
        pins: Mapping[str, Collection[int]],
    ) -> dict[str, OldVersions]:
        found = {}
        for data_type, name in self._uploads:
            with suppress(NotFoundError, StorageError):
                key = f"{data_type}/{name}"
                old = of(self._folder / data_type / name, before, pins.get(key, ()))
                if old.versions or old.files:
                    found[key] = old
        return found
