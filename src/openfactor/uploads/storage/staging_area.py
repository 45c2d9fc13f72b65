"""The staging area of an upload: tables that wait for a commit, one folder each, complete or absent."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from openfactor.errors import ConflictError, StorageError
from openfactor.uploads.storage.damage import deleted
from openfactor.uploads.storage.disk import ReplacedError, discard, flush, locked, part_name, write_flushed
from openfactor.uploads.storage.staged_table import (
    RESULT,
    StagedDamage,
    StagedTable,
    read_staged,
    staged_as_json,
)

AREA = "_staging"
_DIGITS = 20
_BATCH = re.compile(rf"(\d{{{_DIGITS}}})-[0-9a-f]{{32}}")


class StagingArea:
    """A folder in that of an upload.

    What is staged in one call appears at once, as a folder with one folder per table; folders that appeared
    later have later names. A table disappears by renaming its folder away.
    """

    def __init__(self, upload: Path) -> None:
        self._upload = upload
        self._folder = upload / AREA

    def names(self) -> list[str]:
        """Names of the staged tables, sorted."""
        return sorted(self._folders())

    def get(self, names: Sequence[str] | None = None) -> list[StagedTable]:
        """The staged tables by name, or those of the names; names that are not staged are ignored."""
        while True:
            folders = self._folders()
            chosen = [name for name in sorted(folders) if names is None or name in names]
            tables = [self._read(folders[name][-1]) for name in chosen]
            whole = [table for table in tables if table is not None]
            if len(whole) == len(tables):
                return whole  # else some were replaced or removed meanwhile

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A hidden folder to write in, removed at the end.

        Raises
        ------
        NotFoundError
            The upload was deleted.
        StorageError
            The disk refuses.
        """
        folder = self._folder / part_name()
        try:
            if not self._folder.exists():
                self._folder.mkdir(exist_ok=True)  # without parents: a deleted upload stays deleted
                flush(self._upload)
            folder.mkdir()
            yield folder
        except (OSError, StorageError) as error:
            # `mkdir` that finds a folder which is gone a moment later says that a file exists
            kinds = FileNotFoundError | FileExistsError | StorageError
            is_gone = isinstance(error, kinds) and not folder.exists()
            if is_gone or isinstance(error, ReplacedError):
                raise deleted(self._upload) from error
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"cannot write {self._upload}: {error}; nothing was stored") from error
        finally:
            discard(folder)

    def refuse_taken(self, names: Sequence[str]) -> None:
        """ConflictError for names that are taken; those of tables that failed to stage are not."""
        taken = self.taken(names)
        if taken:
            shown = f"{', '.join(taken[:5])}{' and others' if len(taken) > 5 else ''}"
            raise ConflictError(f"already staged: {shown}; set replace=True, or use wipe_staging")

    def taken(self, names: Sequence[str]) -> list[str]:
        """The names that are taken."""
        return [table.name for table in self.get(names) if table.result.success]

    def put(self, tables: Sequence[StagedTable], scratch: Path, *, replace: bool) -> None:
        """Stage tables, whose files are in folders of their names in `scratch`, all at once.

        Raises
        ------
        ConflictError
            A name is taken and not to be replaced.
        """
        batch = scratch / part_name()
        batch.mkdir()
        for table in tables:
            folder = scratch / table.name
            folder.mkdir(exist_ok=True)
            write_flushed(folder / RESULT, staged_as_json(table))
            flush(folder)
            folder.rename(batch / table.name)
        flush(batch)
        names = [table.name for table in tables]
        with locked(self._upload):
            if not replace:
                self.refuse_taken(names)
            folders = self._folders()
            batch.rename(self._folder / f"{self._next_number():0{_DIGITS}}-{uuid.uuid4().hex}")
            flush(self._folder)
            self._hide([folder for name in names for folder in folders.get(name, ())], scratch)

    def remove(self, tables: Sequence[StagedTable]) -> None:
        """Remove tables, unless they were staged again since."""
        with self.scratch() as scratch, locked(self._upload):
            folders = self._folders()
            staged = [table for table in tables if self.has([table])]
            self._hide([folder for table in staged for folder in folders.get(table.name, ())], scratch)

    def wipe(self, names: Sequence[str] | None = None) -> list[StagedTable]:
        """Remove the staged tables, or those of the names, also damaged ones; those that were whole."""
        with self.scratch() as scratch, locked(self._upload):
            folders = {
                name: paths
                for name, paths in sorted(self._folders().items())
                if names is None or name in names
            }
            tables = [read_staged(paths[-1]) for paths in folders.values()]
            self._hide([path for paths in folders.values() for path in paths], scratch)
        return [table for table in tables if isinstance(table, StagedTable)]

    def has(self, tables: Sequence[StagedTable]) -> bool:
        """Whether all tables are still staged: none was committed, wiped or replaced since."""
        staged = {table.name: table.result.timestamp for table in self.get([table.name for table in tables])}
        return all(staged.get(table.name) == table.result.timestamp for table in tables)

    def _batches(self) -> list[Path]:
        """Folders of what is staged, in the order in which it appeared."""
        try:
            paths = [path for path in self._folder.iterdir() if not path.name.startswith(".")]
        except FileNotFoundError:
            return []
        return sorted(paths, key=lambda path: (_BATCH.fullmatch(path.name) is not None, path.name))

    def _folders(self) -> dict[str, list[Path]]:
        """Name of a staged table to its folders; the last one counts, the others were replaced by it."""
        folders: dict[str, list[Path]] = {}
        for batch in self._batches():
            if not _BATCH.fullmatch(batch.name):  # a table that a release before batches staged
                folders.setdefault(batch.name, []).append(batch)
                continue
            with suppress(FileNotFoundError):
                for folder in batch.iterdir():
                    folders.setdefault(folder.name, []).append(folder)
        return folders

    def _next_number(self) -> int:
        batches = self._batches()
        last = _BATCH.fullmatch(batches[-1].name) if batches else None
        return int(last[1]) + 1 if last else 0

    def _hide(self, folders: Sequence[Path], scratch: Path) -> None:
        """Move folders of tables away, those of each table in the order in which they appeared."""
        for folder in folders:
            with suppress(FileNotFoundError):
                folder.rename(scratch / f"replaced-{uuid.uuid4().hex}")
                flush(folder.parent)
                if folder.parent != self._folder:
                    with suppress(OSError):  # others of its batch are still staged
                        folder.parent.rmdir()

    def damaged(self) -> list[StagedDamage]:
        """What is damaged; it keeps what is staged from being committed."""
        folders = [versions[-1] for _, versions in sorted(self._folders().items())]
        return [damage for folder in folders if isinstance(damage := read_staged(folder), StagedDamage)]

    def replaced(self) -> list[Path]:
        """Folders of tables that were staged again, by a process that was killed before it removed them."""
        return [folder for versions in self._folders().values() for folder in versions[:-1]]

    def _read(self, folder: Path) -> StagedTable | None:
        """The table; None if someone else removed it meanwhile."""
        table = read_staged(folder)
        if isinstance(table, StagedDamage):
            raise StorageError(
                f"the staged table in {folder} is damaged: it {table.fault}; stage it again with "
                "replace=True, or wipe_staging"
            )
        return table
